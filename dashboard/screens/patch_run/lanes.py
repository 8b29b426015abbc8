"""Each VM of a live patch on its way: five steps (six of a router), the way back if it comes to that, its services."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action
from dashboard.screens.marks import UNKNOWN, Mark, mark, moving
from dashboard.screens.patch_run.actions import vm_actions
from dashboard.screens.patch_run.downtime import Measured, measured_by_vm
from dashboard.screens.patch_run.words import HAPPENS, stage_word, way
from dashboard.screens.runs.lane import newest_steps_of
from dashboard.screens.runs.name import target_url
from dashboard.screens.system_vms.words import outcome_mark, serves
from dashboard.screens.words import duration, figure, size
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import (
    STATE_DURING,
    TARGET_BEGUN,
    TARGET_ENDED,
    Stage,
    StepState,
    TargetState,
)
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Step, SystemVm, Target

FEW = 12  # so many are all drawn with their steps
LANES_MAX = 24
_ENDED: Mapping[str, str] = {Outcome.OK: "Done", Outcome.NOT_NEEDED: "Skipped", Outcome.STOPPED: "Cancelled"}
_TROUBLE = (TargetState.NEEDS_PERSON, TargetState.FAILED)


@dataclass(frozen=True, slots=True)
class PatchStop:
    """One step. Of the times at most one is told: it runs `since`, or it `took` so long. `says` stands beneath it."""

    name: str
    mark: Mark
    says: str
    is_current: bool = False
    since: datetime | None = None
    took: str = ""


@dataclass(frozen=True, slots=True)
class ServiceNow:
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class PatchLane:
    """`backup`: where a person finds what was saved; told while it matters."""

    target: UUID
    name: str
    url: str
    serves: str
    mark: Mark
    stops: Sequence[PatchStop]
    services: Sequence[ServiceNow]
    probed_at: datetime | None
    version: str
    measured: Sequence[Measured]
    if_it_fails: str
    note: str
    detail: str
    trouble: str
    backup: str
    attempt: str
    actions: Sequence[Action]
    is_open: bool


@dataclass(frozen=True, slots=True)
class PatchLanes:
    """`is_cut`: the others stand in the table of all of them."""

    shown: Sequence[PatchLane]
    total: int
    is_cut: bool


def patch_lanes(run: Run, role: str) -> PatchLanes:
    """All of a few; of many those at work and those in trouble. The number of queries does not depend on how many."""
    total = run.targets.count()
    if total <= FEW:
        shown = list(run.targets.order_by("order"))
    else:
        order = Case(
            When(state=TargetState.NEEDS_PERSON, then=Value(0)),
            When(state__in=TARGET_BEGUN, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
        wanted = run.targets.filter(state__in=[*TARGET_BEGUN, *_TROUBLE])
        shown = list(wanted.annotate(urgency=order).order_by("urgency", "order")[:LANES_MAX])
    steps = newest_steps_of(shown)
    vms = _vms(shown)
    measured = measured_by_vm(run.id)
    lanes = [
        _lane(run, target, steps.get(target.id, {}), vms.get(target.system_vm_key), measured, role)
        for target in shown
    ]
    return PatchLanes(lanes, total, total > len(shown))


def _vms(targets: Iterable[Target]) -> dict[UUID, SystemVm]:
    ids = [target.system_vm_key for target in targets]
    return SystemVm.objects.select_related("network", "vpc").in_bulk(ids)


def _lane(
    run: Run,
    target: Target,
    steps: Mapping[str, Step],
    vm: SystemVm | None,
    measured: Mapping[UUID, Sequence[Measured]],
    role: str,
) -> PatchLane:
    current = next((step for step in steps.values() if step.state != StepState.ENDED), None)
    is_open = target.state in TARGET_BEGUN
    is_in_trouble = target.state in _TROUBLE
    return PatchLane(
        target=target.id,
        name=target.name,
        url=target_url(target),
        serves=serves(vm) if vm else "",
        mark=outcome_mark(target),
        stops=_stops(target, steps),
        services=_services(vm) if vm and (is_open or is_in_trouble) else [],
        probed_at=vm.probed_at if vm else None,
        version=vm.software_version if vm else "",
        measured=measured.get(target.system_vm_key, []),
        if_it_fails=_if_it_fails(target, current) if is_open else "",
        note=current.note if current else "",
        detail=target.detail,
        trouble=_trouble(target),
        backup=_backup(steps) if is_in_trouble and target.result != PatchOutcome.NOTHING_CHANGED else "",
        attempt=_("attempt %(n)s") % {"n": target.attempt} if target.attempt > 1 else "",
        actions=vm_actions(run, target, role),
        is_open=is_open or is_in_trouble,
    )


# ---- its steps ------------------------------------------------------------------------------------------------------


def _stops(target: Target, steps: Mapping[str, Step]) -> list[PatchStop]:
    """The steps of a patch that goes well; the way back once it is gone, or due."""
    stages = list(way(is_router=target.group is not None))
    if Stage.PATCH_ROLL_BACK in steps or target.next_stage == Stage.PATCH_ROLL_BACK:
        stages.append(Stage.PATCH_ROLL_BACK)
    if target.state == TargetState.SKIPPED and not steps:
        return []  # it was never this run's to do; the reason says it all
    return [_stop(target, stage, number, steps.get(stage)) for number, stage in enumerate(stages, 1)]


def _stop(target: Target, stage: Stage, number: int, step: Step | None) -> PatchStop:
    name = _("%(n)s %(step)s") % {"n": number, "step": stage_word(stage)}
    if stage is Stage.PATCH_ROLL_BACK:
        name = stage_word(stage)
    if step is not None and step.state == StepState.ENDED:
        return PatchStop(name, _ended(step), step.detail or _done_words(step), took=_took(step))
    if step is not None:
        drawn = mark(STATE_DURING[stage])
        return PatchStop(name, moving(drawn.word), str(HAPPENS[stage]), is_current=True, since=step.started)
    if target.state in TARGET_ENDED:
        return PatchStop(name, Mark("Waiting", _("Not begun"), "waiting"), "")
    is_next = target.next_stage == stage
    return PatchStop(name, mark(TargetState.WAITING), str(HAPPENS[stage]), is_current=is_next)


def _ended(step: Step) -> Mark:
    if step.outcome == Outcome.UNKNOWN:
        return UNKNOWN
    return mark(_ENDED.get(step.outcome, "Failed"))


def _done_words(step: Step) -> str:
    """What a step that went well has done."""
    match step.stage:
        case Stage.PATCH_COPY:
            return _("checksums equal on both ends")
        case Stage.PATCH_BACK_UP:
            return _backed_up(step)
        case Stage.PATCH_APPLY:
            return _("scripts in place")
        case Stage.PATCH_RESTART:
            return _("all run, and were watched")
        case Stage.PATCH_VERIFY:
            return _("the new version answers; signature written")
        case Stage.PATCH_RULES:
            return _("rules and public IPs answer")
        case _:
            return _("the old version answers")


def _backed_up(step: Step) -> str:
    files = int(step.movement.get("files") or 0) if step.movement else 0
    if not files:
        return _("read back, good")
    words = ngettext("%(n)s file, %(size)s; read back", "%(n)s files, %(size)s; read back", files)
    return words % {"n": figure(files), "size": size(int(step.movement.get("bytes") or 0))}


def _took(step: Step) -> str:
    if step.started is None or step.finished is None:
        return ""
    return duration((step.finished - step.started).total_seconds())


# ---- what else is told ----------------------------------------------------------------------------------------------


def _services(vm: SystemVm) -> list[ServiceNow]:
    """As last probed."""
    return [_service(told) for told in vm.services if told.get("is_enabled")]


def _service(told: Mapping[str, object]) -> ServiceNow:
    name, version = str(told.get("name", "")), str(told.get("version") or "")
    if told.get("is_active") and version:
        return ServiceNow(name, Mark("Done", _("answers %(version)s") % {"version": version}, "done"))
    if told.get("is_active"):
        return ServiceNow(name, Mark("Unknown", _("runs, tells no version"), "unknown"))
    return ServiceNow(name, Mark("Failed", _("does not run"), "failed"))


def _if_it_fails(target: Target, current: Step | None) -> str:
    """What a failure now would lead to."""
    stage = current.stage if current else target.next_stage
    if stage in {Stage.PATCH_COPY, Stage.PATCH_BACK_UP}:
        return _("If it fails now, nothing was changed: it runs on as it is.")
    if stage == Stage.PATCH_ROLL_BACK:
        return _("The backup is kept. If this fails, a person is asked for, with the path and the commands.")
    return _(
        "If it fails now, the previous version is put back, restarted and probed. The backup is kept until then."
    )


def _trouble(target: Target) -> str:
    if target.failing and target.state not in TARGET_ENDED:
        return _("It is being put back: %(why)s") % {"why": target.failing}
    if target.cancelling and target.state not in TARGET_ENDED:
        return _("Stopped by a person: it is left as it is, or finished, never in between.")
    return ""


def _backup(steps: Mapping[str, Step]) -> str:
    step = steps.get(Stage.PATCH_BACK_UP)
    return str(step.movement.get("backup") or "") if step is not None and step.movement else ""
