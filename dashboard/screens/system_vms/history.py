"""The patches that a system VM has had, how each ended, and what was measured meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Min
from django.urls import reverse

from dashboard.screens.marks import Mark
from dashboard.screens.patch_run.downtime import Measured, measured_of
from dashboard.screens.runs.name import run_name
from dashboard.screens.system_vms.words import outcome_mark
from maintenance.models import Downtime, Target

RUNS_MAX = 30


@dataclass(frozen=True, slots=True)
class PatchOfVm:
    number: int
    url: str
    name: str
    by: str
    mark: Mark
    detail: str
    began: datetime
    ended: datetime | None
    measured: Sequence[Measured]


@dataclass(frozen=True, slots=True)
class VmHistory:
    runs: Sequence[PatchOfVm]
    more: int


def vm_history(vm_id: UUID) -> VmHistory:
    """The newest first. Three queries."""
    targets = Target.objects.filter(system_vm=vm_id)
    shown = list(
        targets.select_related("run")
        .annotate(began=Min("steps__started"))
        .order_by("-run__number")[:RUNS_MAX]
    )
    measured: dict[UUID, list[Downtime]] = {}
    for row in Downtime.objects.filter(system_vm=vm_id, run__in=[t.run_id for t in shown]).order_by("way"):
        measured.setdefault(row.run_id, []).append(row)
    return VmHistory(
        [_patch(target, measured.get(target.run_id, [])) for target in shown],
        max(0, targets.count() - len(shown)) if len(shown) == RUNS_MAX else 0,
    )


def _patch(target: Target, measured: Sequence[Downtime]) -> PatchOfVm:
    run = target.run
    return PatchOfVm(
        number=run.number,
        url=reverse("run", args=[run.id]),
        name=run_name(run),
        by=run.started_by,
        mark=outcome_mark(target),
        detail=target.detail,
        began=target.began or run.created_at,  # type: ignore[attr-defined]
        ended=target.finished_at,
        measured=measured_of(measured),
    )
