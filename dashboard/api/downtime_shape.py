"""Downtime as REST tells it: what probes measured from outside while a run touched a router."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from maintenance.models import Downtime, Run


class DowntimeShape(serializers.Serializer):
    """What was measured from outside: last good to next good, summed."""

    way = serializers.CharField(help_text="ingress, egress or load-balancer")
    interval_ms = serializers.IntegerField()
    probes = serializers.IntegerField()
    failed = serializers.IntegerField()
    down_ms = serializers.FloatField()
    gaps_ms = serializers.SerializerMethodField(help_text="the longest gaps, the longest first")
    was_down_before = serializers.BooleanField(help_text="it did not answer before: counted since it did")
    interrupted = serializers.IntegerField(help_text="so often nobody probed for a while")

    def get_gaps_ms(self, row: Downtime) -> list[float]:
        return [float(gap.get("ms") or 0) for gap in row.gaps]


def downtime_by_vm(run: Run, vm_ids: Iterable[UUID]) -> dict[UUID, list[Downtime]]:
    """One query."""
    found: dict[UUID, list[Downtime]] = defaultdict(list)
    for row in Downtime.objects.filter(run=run, system_vm__in=list(vm_ids)).order_by("way"):
        found[row.system_vm_id].append(row)
    return found


def told(rows: Iterable[Downtime]) -> Any:
    return DowntimeShape(rows, many=True).data
