"""What stands in a place, counted where it is stored: hosts by how they serve, instances, scripts, runs.

The cost is a number of queries that does not depend on how many places or hosts there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q
from django.urls import reverse

from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import Service, count_of, with_service
from dashboard.screens.host.drift import drift_by_place
from dashboard.screens.places.kinds import Kind
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import TARGET_ENDED
from maintenance.models import Cluster, Host, Instance, Target

SCRIPTED = "KVM"  # hosts of other hypervisors run no hook scripts

ALL_FOUR = Q(hooks__contains={stage: {"present": True} for stage in STAGES})


@dataclass(frozen=True, slots=True)
class RunThere:
    """A run that still has something to do in the place."""

    number: int
    url: str


@dataclass(slots=True)
class Figures:
    """Of one place. `scripted` hosts can run scripts; of those `scripts_known` were looked at, `whole` have all four,
    `drifting` differ from their cluster."""

    hosts: int = 0
    serve: dict[Service, int] = field(default_factory=dict)
    instances: int = 0
    scripted: int = 0
    scripts_known: int = 0
    whole: int = 0
    drifting: int = 0
    runs: list[RunThere] = field(default_factory=list)
    free: int = 0  # hosts that no run has

    @property
    def missing(self) -> int:
        """Hosts that are known to lack a script."""
        return self.scripts_known - self.whole


def figures(kind: Kind, ids: Sequence[UUID]) -> dict[UUID, Figures]:
    """Of these places, each asked for once."""
    found = {key: Figures() for key in ids}
    for row in _hosts(kind, ids):
        at = found[row["place"]]
        at.hosts, at.scripted, at.free = row["hosts"], row["scripted"], row["free"]
        at.scripts_known, at.whole = row["scripts_known"], row["whole"]
        at.serve = {service: row[service.name] for service in Service}
    running = Instance.objects.filter(gone_at=None, state__in=RUNNING, **{f"{kind.of_instance}__in": ids})
    for key, instances in running.order_by().values_list(kind.of_instance).annotate(n=Count("id")):
        found[key].instances = instances
    for key, drifting in drift_by_place(kind, _clusters_of(kind, ids)).items():
        found[key].drifting = drifting
    for key, run_id, number in _runs(kind, ids):
        found[key].runs.append(RunThere(number, reverse("run", args=[run_id])))
    return found


def _hosts(kind: Kind, ids: Sequence[UUID]) -> Sequence[Any]:
    there = with_service(Host.objects.filter(gone_at=None, **{f"{kind.of_host}__in": ids})).order_by()
    can = Q(hypervisor=SCRIPTED)
    taken = Target.objects.filter(is_open=True, host__isnull=False).values("host")
    counted = {
        "hosts": Count("id"),
        "free": Count("id", filter=~Q(id__in=taken)),
        "scripted": Count("id", filter=can),
        "scripts_known": Count("id", filter=can & Q(hooks__isnull=False)),
        "whole": Count("id", filter=can & ALL_FOUR),
        **{service.name: count_of(service) for service in Service},
    }
    return list(there.values(place=F(kind.of_host)).annotate(**counted))


def _clusters_of(kind: Kind, ids: Sequence[UUID]) -> list[UUID]:
    if kind.name == "cluster":
        return list(ids)
    return list(Cluster.objects.filter(**{f"{kind.of_cluster}__in": ids}).values_list("id", flat=True))


def _runs(kind: Kind, ids: Sequence[UUID]) -> Sequence[Any]:
    """(place, run, number): a run whose hosts there have all ended is over for the place."""
    open_ = Target.objects.filter(is_open=True, **{f"{kind.of_target}__in": ids}).exclude(
        state__in=TARGET_ENDED
    )
    rows = open_.order_by("run__number").values_list(kind.of_target, "run", "run__number")
    return list(rows.distinct())


def tallied(kind: Kind, column: str) -> dict[UUID, int]:
    """Of all places, the one figure a list is sorted by; those without any are left out."""
    hosts = Host.objects.filter(gone_at=None).order_by()
    match column:
        case "hosts":
            return _count(hosts, kind.of_host)
        case "service":
            return _count(with_service(hosts).exclude(Q(service=Service.IN)), kind.of_host)
        case "instances":
            running = Instance.objects.filter(gone_at=None, host__isnull=False, state__in=RUNNING).order_by()
            return _count(running, kind.of_instance)
        case "scripts":
            lacking = hosts.filter(hypervisor=SCRIPTED, hooks__isnull=False).exclude(ALL_FOUR)
            found = _count(lacking, kind.of_host)
            for key, drifting in drift_by_place(kind).items():
                found[key] = found.get(key, 0) + drifting
            return found
        case "runs":
            open_ = Target.objects.filter(is_open=True, host__isnull=False).exclude(state__in=TARGET_ENDED)
            open_ = open_.order_by()
            return _count(open_, kind.of_target, distinct="run")
        case _:
            raise ValueError(f"no figure is called {column}")


def _count(rows: Any, place: str, distinct: str = "id") -> dict[UUID, int]:
    return dict(rows.values_list(place).annotate(n=Count(distinct, distinct=distinct != "id")))
