"""The wall's second page: every host as a cell, by cluster.

A cell is one letter, so that ten thousand are ten kilobytes; when a host changes, its cluster's letters are sent and
nothing else: a delta that is whole in itself, of which the newest is right whatever was missed. Of the whole map: one
line a cluster, its key and its letters with a tab in between. Names are in the table, a page at a time.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.fleet import NOT_ANSWERING
from dashboard.screens.marks import OUT_OF_SERVICE
from dashboard.screens.natural_order import DIGITS_WIDE
from dashboard.screens.wall.names import Named
from dashboard.screens.wall.profile import Profile
from dashboard.screens.words import count
from maintenance.domain.order import natural
from maintenance.domain.states import TARGET_BEGUN, TARGET_WAITING, TargetState
from maintenance.models import Attention, Cloud, Cluster, Host, HostOut, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

KEY_LENGTH = 12  # of a cluster's id
_NUMBER = re.compile("[0-9]+")
TABLE_ROWS = 50  # clusters on a page of the table


@dataclass(frozen=True, slots=True)
class Letter:
    """What one letter of a cell means: the colour it is drawn in, and its word."""

    letter: str
    state: str
    said: "StrPromise"
    glyph: str

    @property
    def word(self) -> str:
        return str(self.said)


# The worst first: so they stand in the table, and in the line that counts them.
LETTERS = (
    Letter("f", "Failed", gettext_lazy("failed"), "failed"),
    Letter("x", "Down", gettext_lazy("down"), "failed"),
    Letter("n", "NeedsPerson", gettext_lazy("needs a person"), "paused"),
    Letter("q", "Unknown", gettext_lazy("unknown"), "unknown"),
    Letter("w", "Working", gettext_lazy("at work"), "running"),
    Letter("t", "Skipped", gettext_lazy("taken by others"), "skipped"),
    Letter("o", "Waiting", gettext_lazy("waiting"), "waiting"),
    Letter("u", "Up", gettext_lazy("in service"), "done"),
)
BY_LETTER: Mapping[str, Letter] = {one.letter: one for one in LETTERS}
_OF_OPEN_TARGET: Mapping[str, str] = {
    **dict.fromkeys([*TARGET_BEGUN, TargetState.CHECKING], "w"),
    TargetState.NEEDS_PERSON: "n",
    TargetState.FAILED: "f",
}


@dataclass(frozen=True, slots=True)
class Cells:
    """A cluster's hosts, a letter each."""

    key: str
    letters: str

    @property
    def line(self) -> str:
        return f"{self.key}\t{self.letters}"

    @property
    def counts(self) -> list[int]:
        """Of each letter, in their order."""
        return [self.letters.count(one.letter) for one in LETTERS]


@dataclass(frozen=True, slots=True)
class Row:
    """The same in words."""

    cluster: UUID
    name: Named
    zone: Named
    cells: Cells


@dataclass(frozen=True, slots=True)
class HostMap:
    """`rows`: this page of the table, of so many `pages`."""

    clusters: list[Cells]
    summary: str
    rows: list[Row]
    page: int
    pages: int

    @property
    def packed(self) -> str:
        return "\n".join(one.line for one in self.clusters)

    @property
    def previous(self) -> int:
        """0: this is the first."""
        return self.page - 1

    @property
    def next(self) -> int:
        """0: this is the last."""
        return (self.page + 1) % (self.pages + 1)


def host_map(profile: Profile, page: int = 1) -> HostMap:
    """All of them, by zone and name. As many questions for ten thousand as for one. A page behind the last is the
    last."""
    letters = letters_of(Host.objects.filter(profile.of(), gone_at=None))
    listed = Cluster.objects.filter(profile.of(), gone_at=None).select_related("pod__zone")
    in_order = sorted(
        (one for one in listed if one.id in letters),
        key=lambda one: (natural(one.pod.zone.name), natural(one.name), one.id),
    )
    found = [Cells(key_of(one.id), letters[one.id]) for one in in_order]
    pages = max(1, -(-len(found) // TABLE_ROWS))
    shown = min(max(1, page), pages)
    on_page = slice((shown - 1) * TABLE_ROWS, shown * TABLE_ROWS)
    words = _("%(hosts)s in %(clusters)s") % {
        "hosts": count(sum(len(one.letters) for one in found), "host"),
        "clusters": count(len(found), "cluster"),
    }
    rows = [
        Row(one.id, profile.cluster(one.id, one.name), profile.zone(one.pod.zone.name), cells)
        for one, cells in zip(in_order[on_page], found[on_page], strict=True)
    ]
    return HostMap(found, words, rows, shown, pages)


def cells_of(profile: Profile, clusters: Collection[UUID]) -> dict[UUID, Cells]:
    """Some clusters alone, as they are pushed: what it costs does not grow with the fleet, and hardly with how many
    they are. Those that the profile does not show are left out."""
    there = Cluster.objects.filter(profile.of(), id__in=clusters, gone_at=None).values_list("id", flat=True)
    letters = letters_of(
        Host.objects.filter(cluster__in=clusters, gone_at=None), Q(host__cluster__in=clusters)
    )
    return {cluster: Cells(key_of(cluster), letters.get(cluster, "")) for cluster in there}


def key_of(cluster: UUID) -> str:
    return cluster.hex[:KEY_LENGTH]


def letters_of(hosts: QuerySet[Host], theirs: Q | None = None) -> dict[UUID, str]:
    """By cluster: a letter for each host, in the natural order of their names. `theirs` narrows what is told of hosts
    elsewhere (targets, needs, hosts out) to these; None: they are so many that reading all of it is quicker."""
    theirs = theirs or Q()
    now = timezone.now()
    known = {cloud.id for cloud in Cloud.objects.all() if cloud.is_known(now)}
    targets = dict(Target.objects.filter(theirs, is_open=True).values_list("host", "state"))
    flagged = _hosts(Attention.objects.filter(theirs, resolved_at=None))
    ours = _hosts(HostOut.objects.filter(theirs, closed_at=None))
    listed = hosts.order_by().values_list("id", "cluster", "cloud", "name", "state", "resource_state")
    found: dict[UUID, list[tuple[str, UUID, str]]] = {}
    for key, cluster, cloud, name, state, resource_state in listed:
        letter = _letter(
            targets.get(key),
            (state, resource_state),
            is_known=cloud in known,
            is_ours=key in ours,
            is_flagged=key in flagged,
        )
        found.setdefault(cluster, []).append((_order(name), key, letter))
    # Sorted here: by the database's own means it would take five times as long.
    return {cluster: "".join(one for *_order, one in sorted(of_it)) for cluster, of_it in found.items()}


def _order(name: str) -> str:
    """The order of `natural`, as text: for ten thousand names at once, in a third of the time."""
    return _NUMBER.sub(_filled, name.casefold())


def _filled(number: re.Match[str]) -> str:
    return "\x01" + number[0].zfill(DIGITS_WIDE)  # the mark sorts before every letter


def _hosts(rows: "QuerySet[Attention] | QuerySet[HostOut]") -> set[UUID]:
    return set(rows.order_by().values_list("host", flat=True))


def _letter(
    target: str | None, states: tuple[str, str], *, is_known: bool, is_ours: bool, is_flagged: bool
) -> str:
    """`states`: the agent's and the administrator's."""
    state, resource_state = states
    if target is not None and target in _OF_OPEN_TARGET:
        return _OF_OPEN_TARGET[target]
    if not is_known:
        return "q"
    if is_ours:
        return "n"
    if state == "Up" and resource_state == "Enabled":
        if is_flagged:
            return "n"
        return "o" if target in TARGET_WAITING else "u"
    if resource_state in OUT_OF_SERVICE:
        return "t"
    if state in NOT_ANSWERING:
        return "x"
    return "t" if resource_state == "Disabled" else "q"
