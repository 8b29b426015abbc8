"""The wall's third band: clusters, the worst first; the rest is counted.

While all is quiet it says what serves, and what is planned next.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from dashboard.screens.fleet import Service
from dashboard.screens.marks import Mark
from dashboard.screens.wall.hosts import BY_LETTER, Letter, letters_of
from dashboard.screens.wall.names import Named
from dashboard.screens.wall.now import Now, needs_of
from dashboard.screens.wall.verdict import running_instances
from dashboard.screens.words import Range, count, figure
from maintenance.domain.order import natural
from maintenance.domain.states import TARGET_BEGUN, TARGET_ENDED, TargetState
from maintenance.models import Cluster, Host, RunPlan, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

SHOWN_MAX = 12  # all of them, where there are no more
WITH_REST_MAX = 9  # beside the line that counts the rest
WIDE_MAX, CELLS_MAX = 3, 24  # so few clusters have room for a cell a host

# The worst first: state, glyph, how many of them the rest has.
_STATES: "tuple[tuple[str, str, StrPromise], ...]" = (
    ("Failed", "failed", gettext_lazy("%(n)s failed")),
    ("Down", "failed", gettext_lazy("%(n)s down")),
    ("NeedsPerson", "paused", gettext_lazy("%(n)s need a person")),
    ("Unknown", "unknown", gettext_lazy("%(n)s unknown")),
    ("Working", "running", gettext_lazy("%(n)s at work")),
    ("Taken", "skipped", gettext_lazy("%(n)s with hosts out")),
    ("Waiting", "waiting", gettext_lazy("%(n)s waiting")),
    ("Done", "done", gettext_lazy("%(n)s done")),
    ("Up", "done", gettext_lazy("%(n)s in service")),
)
_RANKS: Mapping[str, int] = {state: place for place, (state, _glyph, _words) in enumerate(_STATES)}
_AT_WORK = frozenset({*TARGET_BEGUN, TargetState.CHECKING})


@dataclass(frozen=True, slots=True)
class WallCluster:
    """`says`: how far it is, or what is wrong, in few letters. Where there is room: `at_work`, the host whose turn it
    is, and `cells`, one for each host."""

    name: Named
    zone: Named
    mark: Mark
    says: str
    at_work: Named | None
    cells: list[Letter]


@dataclass(frozen=True, slots=True)
class Next:
    """Work that waits for its hour."""

    at: datetime
    says: str


@dataclass(frozen=True, slots=True)
class WallClusters:
    """`is_wide`: few enough for a cell a host. `serving`: what is said while all is quiet, instead of clusters."""

    shown: list[WallCluster]
    rest: str
    is_wide: bool
    serving: list[str]
    next: Next | None
    is_quiet: bool


@dataclass(frozen=True, slots=True)
class _Standing:
    """A cluster's hosts, by how they serve and by where they are in runs."""

    cluster: UUID
    services: Counter[str]
    targets: Counter[str]
    needs: int

    @property
    def hosts(self) -> int:
        return self.services.total()

    @property
    def state(self) -> str:
        targets, services = self.targets, self.services
        at_work = sum(targets[state] for state in _AT_WORK)
        if targets[TargetState.FAILED] or targets[TargetState.NEEDS_PERSON]:
            return "Failed"
        if services[Service.DOWN]:
            return "Down"
        if self.needs:
            return "NeedsPerson"
        if services[Service.UNKNOWN]:
            return "Unknown"
        if at_work:
            return "Working"
        if services[Service.OTHERS] or services[Service.OUT]:
            return "Taken"
        if targets and self.ended < targets.total():
            return "Waiting"
        return "Done" if targets else "Up"

    @property
    def ended(self) -> int:
        return sum(self.targets[state] for state in TARGET_ENDED - {TargetState.NEEDS_PERSON})

    def says(self) -> str:
        services = self.services
        match self.state:
            case "Unknown":
                return _("?/%(total)s") % {"total": figure(self.hosts)}
            case "Down":
                return _("%(n)s down") % {"n": figure(services[Service.DOWN])}
            case "Taken":
                out = services[Service.OTHERS] + services[Service.OUT]
                return _("%(n)s out") % {"n": figure(out)}
            case _ if self.targets:
                return f"{figure(self.ended)}/{figure(self.targets.total())}"
            case "NeedsPerson":
                return _("%(n)s open") % {"n": figure(self.needs)}
            case _:
                return _("%(n)s up") % {"n": figure(services[Service.IN])}


def clusters(now: Now) -> WallClusters:
    """As many questions to the database for five hundred as for one."""
    if now.is_quiet:
        return WallClusters([], "", is_wide=False, serving=_serving(now), next=_next(now), is_quiet=True)
    standing = _standing(now)
    names = _names(now)
    in_order = sorted(
        (one for one in standing if one.cluster in names),
        key=lambda one: (_RANKS[one.state], natural(names[one.cluster].name)),
    )
    shown = in_order if len(in_order) <= SHOWN_MAX else in_order[:WITH_REST_MAX]
    is_wide = len(in_order) <= WIDE_MAX and all(one.hosts <= CELLS_MAX for one in in_order)
    if is_wide:
        in_order.sort(key=lambda one: natural(names[one.cluster].name))
        shown = in_order
    there = [one.cluster for one in shown] if is_wide else []
    letters = letters_of(Host.objects.filter(cluster__in=there, gone_at=None)) if there else {}
    at_work = _at_work(now, [one.cluster for one in shown if is_wide and one.state == "Working"])
    return WallClusters(
        [
            WallCluster(
                now.profile.cluster(one.cluster, names[one.cluster].name),
                now.profile.zone(names[one.cluster].pod.zone.name),
                _mark(one.state),
                one.says(),
                at_work.get(one.cluster),
                [BY_LETTER[letter] for letter in letters.get(one.cluster, "")],
            )
            for one in shown
        ],
        _rest(in_order[len(shown) :]),
        is_wide=is_wide,
        serving=[],
        next=None,
        is_quiet=False,
    )


def _standing(now: Now) -> list[_Standing]:
    targets: dict[UUID, Counter[str]] = {}
    of_runs = Target.objects.filter(run__in=now.host_runs, cluster__isnull=False).order_by()
    for cluster, state, n in of_runs.values_list("cluster", "state").annotate(n=Count("id")):
        targets.setdefault(cluster, Counter())[state] = n
    open_now = needs_of(now.profile).filter(host__isnull=False).order_by()
    needs = dict(open_now.values_list("host__cluster").annotate(n=Count("id")))
    return [
        _Standing(cluster, services, targets.get(cluster, Counter()), needs.get(cluster, 0))
        for cluster, services in now.services.items()
    ]


def _at_work(now: Now, clusters: list[UUID]) -> dict[UUID, Named]:
    """Of each of these the first host that is out, or on its way."""
    targets = Target.objects.filter(run__in=now.host_runs, cluster__in=clusters, state__in=_AT_WORK)
    found: dict[UUID, Named] = {}
    for target in targets.order_by("order") if clusters else ():
        found.setdefault(target.cluster_key, now.profile.host(target.host_key, target.name))
    return found


def _names(now: Now) -> dict[UUID, Cluster]:
    listed = Cluster.objects.filter(now.profile.of(), gone_at=None).select_related("pod__zone")
    return {cluster.id: cluster for cluster in listed}


def _mark(state: str) -> Mark:
    name, glyph, _words = _STATES[_RANKS[state]]
    return Mark(name, _WORDS[name], glyph)


_WORDS: "Mapping[str, StrPromise]" = {
    "Failed": gettext_lazy("Failed"),
    "Down": gettext_lazy("Down"),
    "NeedsPerson": gettext_lazy("Needs a person"),
    "Unknown": gettext_lazy("Unknown"),
    "Working": gettext_lazy("Working"),
    "Taken": gettext_lazy("Hosts out"),
    "Waiting": gettext_lazy("Waiting"),
    "Done": gettext_lazy("Done"),
    "Up": gettext_lazy("In service"),
}


def _rest(left: list[_Standing]) -> str:
    """+ 242 more: 89 done, 38 at work, 115 waiting."""
    if not left:
        return ""
    counts = Counter(one.state for one in left)
    said = [str(words) % {"n": figure(counts[state])} for state, _glyph, words in _STATES if counts[state]]
    return _("+ %(n)s more: %(kinds)s") % {
        "n": figure(len(left)),
        "kinds": pgettext("between names", ", ").join(said),
    }


# ---- while all is quiet ----------------------------------------------------------------------------------------------


def _serving(now: Now) -> list[str]:
    hosts, instances = now.hosts[Service.IN], running_instances(now)
    return [
        _("%(hosts)s in service") % {"hosts": count(hosts, "host")},
        *([_("%(instances)s up") % {"instances": count(instances, "instance")}] if instances else []),
    ]


def _next(now: Now) -> Next | None:
    """The first of the runs that wait for their hour; its scope in words is not for walls without names."""
    if not now.planned:
        return None
    run = now.planned[0]
    assert run.not_before is not None, "planned runs have their hour"
    hosts = Target.objects.filter(run=run).count()
    plan = RunPlan.objects.filter(run=run).aggregate(low=Max("minutes_low"), high=Max("minutes_high"))
    said = [*([run.scope_words] if now.profile.shows_names and run.scope_words else [])]
    said.append(count(hosts, "host"))
    if plan["low"] is not None and plan["high"] is not None:
        said.append(str(Range(plan["low"] * 60, plan["high"] * 60)))
    return Next(run.not_before, pgettext("between names", ", ").join(said))
