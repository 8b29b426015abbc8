"""The wall's second page: every host as a cell, by cluster.

A cell is one letter, so that ten thousand are ten kilobytes; when a host changes, its cluster's letters are sent and
nothing else.

One line a cluster: its key, its letters, its name and its zone, with tabs in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.fleet import NOT_ANSWERING
from dashboard.screens.marks import OUT_OF_SERVICE
from dashboard.screens.wall.profile import Profile
from dashboard.screens.words import count
from maintenance.domain.order import natural
from maintenance.domain.states import TARGET_BEGUN, TARGET_WAITING, TargetState
from maintenance.models import Attention, Cluster, Host, HostOut, Target
from maintenance.models.inventory import known_cloud

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

KEY_LENGTH = 12  # of a cluster's id


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
    """A cluster and its hosts. `counts`: of each letter, in their order."""

    key: str
    head: str
    tail: str
    zone: str
    letters: str

    @property
    def line(self) -> str:
        name, zone = (" ".join(text.split()) for text in (self.head + self.tail, self.zone))
        return "\t".join((self.key, self.letters, name, zone))

    @property
    def counts(self) -> list[int]:
        return [self.letters.count(one.letter) for one in LETTERS]


@dataclass(frozen=True, slots=True)
class HostMap:
    clusters: list[Cells]
    summary: str

    @property
    def packed(self) -> str:
        return "\n".join(one.line for one in self.clusters)


def host_map(profile: Profile) -> HostMap:
    """All of them, by zone and name. Three questions, however many there are."""
    letters = letters_of(Host.objects.filter(profile.of(), gone_at=None))
    listed = Cluster.objects.filter(profile.of(), gone_at=None).select_related("pod__zone")
    in_order = sorted(listed, key=lambda one: (natural(one.pod.zone.name), natural(one.name)))
    found = [_cells(one, letters[one.id], profile) for one in in_order if one.id in letters]
    hosts = sum(len(one.letters) for one in found)
    words = _("%(hosts)s in %(clusters)s") % {
        "hosts": count(hosts, "host"),
        "clusters": count(len(found), "cluster"),
    }
    return HostMap(found, words)


def cells_of(profile: Profile, cluster_id: UUID) -> Cells | None:
    """One cluster alone, as it is pushed: its cost does not grow with the fleet."""
    found = Cluster.objects.filter(profile.of(), id=cluster_id).select_related("pod__zone").first()
    if found is None:
        return None
    letters = letters_of(Host.objects.filter(cluster=cluster_id, gone_at=None))
    return _cells(found, letters.get(cluster_id, ""), profile)


def _cells(cluster: Cluster, letters: str, profile: Profile) -> Cells:
    name = profile.cluster(cluster.id, cluster.name)
    return Cells(
        cluster.id.hex[:KEY_LENGTH], name.head, name.tail, _said(profile, cluster.pod.zone.name), letters
    )


def _said(profile: Profile, zone: str) -> str:
    named = profile.zone(zone)
    return named.head + named.tail


def letters_of(hosts: QuerySet[Host]) -> dict[UUID, str]:
    """By cluster: a letter for each host, in the natural order of their names."""
    at_work = Target.objects.filter(host=OuterRef("pk"), is_open=True)
    flagged = Exists(Attention.objects.filter(host=OuterRef("pk"), resolved_at=None))
    ours = Exists(HostOut.objects.filter(host=OuterRef("pk"), closed_at=None))
    known = known_cloud(timezone.now())
    letter = Case(
        *(When(target=state, then=Value(one)) for state, one in _OF_OPEN_TARGET.items()),
        When(~known, then=Value("q")),
        When(ours, then=Value("n")),
        When(Q(flagged=True, state="Up", resource_state="Enabled"), then=Value("n")),
        When(Q(target__in=TARGET_WAITING, state="Up", resource_state="Enabled"), then=Value("o")),
        When(Q(state="Up", resource_state="Enabled"), then=Value("u")),
        When(Q(resource_state__in=OUT_OF_SERVICE), then=Value("t")),
        When(Q(state__in=NOT_ANSWERING), then=Value("x")),
        When(Q(resource_state="Disabled"), then=Value("t")),
        default=Value("q"),
        output_field=CharField(),
    )
    drawn = hosts.order_by().annotate(target=Subquery(at_work.values("state")[:1]), flagged=flagged)
    rows = drawn.annotate(letter=letter).values_list("cluster", "name", F("letter"))
    found: dict[UUID, list[tuple[Any, str]]] = {}
    for cluster, name, one in rows:
        found.setdefault(cluster, []).append((natural(name), one))
    # Sorted here: by the database's own means it would take five times as long.
    return {cluster: "".join(one for _name, one in sorted(of_it)) for cluster, of_it in found.items()}
