"""Which hosts a list shows, and in which order: narrowed and sorted where they are stored."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Collate
from django.utils.translation import gettext_lazy

from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import Service, serving, with_service
from dashboard.screens.host.drift import drifting_hosts
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import Asked, Column
from dashboard.screens.places.figures import ALL_FOUR, SCRIPTED
from dashboard.screens.places.kinds import CLUSTER, POD, ZONE
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Cluster, Host, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

COLUMNS = (
    Column("place", gettext_lazy("Cluster")),
    Column("name", gettext_lazy("Host")),
    Column("state", gettext_lazy("State")),
    Column("instances", gettext_lazy("Instances"), is_number=True, most_first=True),
    Column("scripts", gettext_lazy("Scripts"), most_first=True),
    Column("software", gettext_lazy("Kernel")),
)
STATES: "Mapping[str, StrPromise]" = {
    Service.IN: gettext_lazy("In service"),
    Service.OUT: gettext_lazy("Out by us"),
    "in-run": gettext_lazy("In a run"),
    Service.OTHERS: gettext_lazy("Taken by others"),
    Service.DOWN: gettext_lazy("Down"),
    Service.UNKNOWN: gettext_lazy("Unknown"),
}
SCRIPTS: "Mapping[str, StrPromise]" = {
    "whole": gettext_lazy("All four there"),
    "missing": gettext_lazy("Some missing"),
    "drift": gettext_lazy("Other than in its cluster"),
    "warning": gettext_lazy("With a warning"),
    "unknown": gettext_lazy("Not known"),
}
# In the order in which somebody looks for them: trouble first.
_RANKS = (Service.DOWN, Service.UNKNOWN, Service.OUT, Service.OTHERS, Service.IN)


def narrowed(listed: QuerySet[Host], asked: Asked) -> QuerySet[Host]:
    found = listed
    if asked.search:
        found = found.filter(name__icontains=asked.search)
    for kind in (ZONE, POD, CLUSTER):
        if chosen := getattr(asked, kind.name):
            found = found.filter(**{kind.of_host: chosen})
    if asked.state == "in-run":
        found = found.filter(id__in=Target.objects.filter(is_open=True, host__isnull=False).values("host"))
    elif asked.state:
        found = serving(found, asked.state)
    return _with_scripts(found, asked.scripts)


def _with_scripts(found: QuerySet[Host], scripts: str) -> QuerySet[Host]:
    match scripts:
        case "whole":
            return found.filter(ALL_FOUR)
        case "missing":
            return found.filter(hypervisor=SCRIPTED, hooks__isnull=False).exclude(ALL_FOUR)
        case "drift":
            return found.filter(id__in=drifting_hosts())
        case "warning":
            refused = Q()
            for stage in STAGES:
                refused |= Q(**{f"hooks__{stage}__problem__gt": ""})
            return found.filter(refused | ~Q(hooks_warnings=[]))
        case "unknown":
            return found.filter(hypervisor=SCRIPTED, hooks__isnull=True)
        case _:
            return found


def hosts_on_page(found: QuerySet[Host], asked: Asked, rows: slice) -> list[UUID]:
    """The ids of these rows of the list, in its order."""
    if asked.column in {"", "place"}:
        return _by_place(found, rows, backwards=asked.is_descending)
    return list(sorted_hosts(found, asked).values_list("id", flat=True)[rows])


def _by_place(found: QuerySet[Host], rows: slice, *, backwards: bool) -> list[UUID]:
    """Clusters are put in order first, then the hosts of those that are on the page: of ten thousand hosts the names of
    some dozens are looked at."""
    sizes = dict(found.order_by().values_list("cluster").annotate(n=Count("id")))
    names = [natural_key("pod__zone__name"), natural_key("name")]
    first = [key.desc() if backwards else key.asc() for key in names]
    begins, shown = 0, {}
    for cluster in Cluster.objects.filter(id__in=sizes).order_by(*first, "id").values_list("id", flat=True):
        if begins < rows.stop and begins + sizes[cluster] > rows.start:
            shown[cluster] = begins
        begins += sizes[cluster]
    by_name = natural_key("name").desc() if backwards else natural_key("name").asc()
    there: dict[UUID, list[UUID]] = {cluster: [] for cluster in shown}
    for key, cluster in found.filter(cluster__in=shown).order_by(by_name, "id").values_list("id", "cluster"):
        there[cluster].append(key)
    skipped = rows.start - min(shown.values(), default=0)
    return [key for of_it in there.values() for key in of_it][skipped:][: rows.stop - rows.start]


def sorted_hosts(found: QuerySet[Host], asked: Asked) -> QuerySet[Host]:
    """By what was asked, and among equals in natural order: zone, cluster, name."""
    place = [natural_key("cluster__pod__zone__name"), natural_key("cluster__name"), natural_key("name")]
    keys: list[F | Collate]
    match asked.column:
        case "name":
            keys = [natural_key("name"), *place[:2]]
        case "state":
            ranks = [When(service=service.value, then=Value(at)) for at, service in enumerate(_RANKS)]
            found = with_service(found).annotate(rank=Case(*ranks, output_field=IntegerField()))
            keys = [F("rank"), *place]
        case "instances":
            running = Q(instances__gone_at=None, instances__state__in=RUNNING)
            found = found.annotate(tally=Count("instances", filter=running))
            keys = [F("tally"), *place]
        case "scripts":
            found = found.annotate(rank=_trouble_with_scripts())
            keys = [F("rank"), *place]
        case "software":
            keys = [natural_key("kernel_version"), natural_key("agent_version"), *place]
        case _:
            keys = [*place]
    first = keys[0].desc() if asked.is_descending else keys[0].asc()
    others = [key.desc() for key in keys[1:]] if asked.is_descending and asked.column == "place" else keys[1:]
    return found.order_by(first, *others, "id")


def _trouble_with_scripts() -> Coalesce:
    """3: other than in its cluster, 2: some missing, 1: not known, 0: nothing to say."""
    can = Q(hypervisor=SCRIPTED)
    return Coalesce(
        Case(
            When(id__in=drifting_hosts(), then=Value(3)),
            When(can & Q(hooks__isnull=True), then=Value(1)),
            When(ALL_FOUR, then=Value(0)),
            When(can, then=Value(2)),
            output_field=IntegerField(),
        ),
        Value(0),
    )
