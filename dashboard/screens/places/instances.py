"""Instances of a place: how many are in which state, and by name those that are on their way or in doubt, because
their host is left alone meanwhile."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from dashboard.screens.host.instances import instance_mark
from dashboard.screens.marks import Mark
from dashboard.screens.places.kinds import Kind, Link
from dashboard.screens.words import figure
from maintenance.domain.gate import UNSETTLED
from maintenance.models import Instance

NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Unsettled:
    name: str
    mark: Mark
    account: str
    host: Link | None


@dataclass(frozen=True, slots=True)
class InstancesThere:
    total: int
    states: list[tuple[Mark, str]]
    unsettled: list[Unsettled]
    more: int


def instances_there(kind: Kind, place: Any) -> InstancesThere:
    there = Instance.objects.filter(gone_at=None, **{kind.of_instance: place.id}).order_by()
    is_known = place.is_known(timezone.now())
    counts = dict(there.values_list("state").annotate(n=Count("id")))
    named = there.filter(state__in=UNSETTLED).select_related("host").order_by("name")[:NAMED_MAX]
    return InstancesThere(
        total=sum(counts.values()),
        states=[
            (instance_mark(state, is_known), figure(number))
            for state, number in sorted(counts.items(), key=lambda item: (item[0] != "Running", item[0]))
        ],
        unsettled=[
            Unsettled(
                instance.name,
                instance_mark(instance.state, is_known),
                instance.account,
                Link(instance.host.name, reverse("host", args=[instance.host_id])) if instance.host else None,
            )
            for instance in named
        ],
        more=max(0, sum(counts.get(state, 0) for state in UNSETTLED) - NAMED_MAX),
    )
