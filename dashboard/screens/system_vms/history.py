"""The patches and restarts that a system VM has had, how each ended, what was measured meanwhile; and whose place it
took."""

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
from maintenance.domain.states import RunKind
from maintenance.models import Downtime, Step, Target

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
class CameWith:
    """It was started by this run, in the place of `old`."""

    number: int
    url: str
    old: str


@dataclass(frozen=True, slots=True)
class VmHistory:
    runs: Sequence[PatchOfVm]
    more: int
    came: Sequence[CameWith]


def vm_history(vm_id: UUID) -> VmHistory:
    """The newest first. Four queries."""
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
        _came(vm_id),
    )


def _came(vm_id: UUID) -> list[CameWith]:
    started = Step.objects.filter(run__kind=RunKind.ROUTER_RESTART, movement__router_id=str(vm_id))
    runs = {step.run: step.target.name for step in started.select_related("run", "target")}
    return [CameWith(run.number, reverse("run", args=[run.id]), old) for run, old in runs.items()]


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
