"""How a stage of a live patch or a router's restart ends: the system VM's move, its outcome, and who is asked for."""

from datetime import datetime

from django.db.models import Q

from maintenance.domain.decide import next_move
from maintenance.domain.patch_run import patch_outcome
from maintenance.domain.router_restart import RouterOutcome, restart_outcome
from maintenance.domain.run_view import Move
from maintenance.domain.states import (
    RUN_ENDED,
    TARGET_ENDED,
    OnFailure,
    RunKind,
    RunState,
    Stage,
    TargetState,
)
from maintenance.domain.system_vms import ROUTERS, SystemVmType
from maintenance.engine.advance import move_run
from maintenance.engine.attention import ROUTER_CAUSES, VM_CAUSES, Cause, ask_for_person, resolve_attentions
from maintenance.engine.ending import Ending, apply_move, stop_the_line
from maintenance.feed import UnitOfWork
from maintenance.models import Run, SystemVm, Target


def move_vm_on(
    work: UnitOfWork, run: Run, target: Target, stage: Stage, ending: Ending, now: datetime
) -> None:
    """A system VM becomes what its table says, and how its patch or restart ended is told apart. One that could not be
    restored always stops the line; another failure does what the operator chose."""
    vm = SystemVm.objects.filter(id=target.system_vm_key).first()
    move = next_move(
        RunKind(run.kind),
        stage,
        ending.outcome,
        failing=bool(target.failing),
        cancelling=target.cancelling,
        is_router=vm is not None and vm.type in ROUTERS,
        makes_redundant=run.makes_redundant and vm is not None and vm.type == SystemVmType.ROUTER,
    )
    is_restart = run.kind == RunKind.ROUTER_RESTART
    if ending.unconfirmed:
        move = Move(TargetState.NEEDS_PERSON)
    if ending.fallen:
        move = Move(TargetState.RETURNING, Stage.ROUTER_SWITCH_BACK, failing=True)
    if move.state in TARGET_ENDED:
        told_apart = restart_outcome if is_restart else patch_outcome
        target.result = told_apart(stage, ending.outcome, move.state)
        target.save(update_fields=["result"])
    if ending.left:
        move = Move(TargetState.FAILED)
    stays = ending.detail if move.state is TargetState.SKIPPED else ""
    reason = f"{stage}: {'; '.join(filter(None, (ending.detail, ending.left))) or ending.outcome}"
    apply_move(work, run, target, move, reason, stays, now)
    failed, not_restored = Cause.PATCH_FAILED, Cause.PATCH_NOT_RESTORED
    if is_restart:
        failed, not_restored = Cause.ROUTER_FAILED, Cause.ROUTER_NOT_RESTORED
    elif ending.unconfirmed:
        not_restored = Cause.PATCH_UNCONFIRMED
    if move.state is TargetState.DONE:
        resolve_attentions(work, _failed_before(run, target), by=f"run {run.number}, in which it is done")
    if move.state is TargetState.NEEDS_PERSON:
        ask_for_person(work, not_restored, run=run, target=target, message=target.detail)
        stop_the_line(work, run, target, not_restored, target.detail, now)
    elif move.state is TargetState.FAILED:
        ask_for_person(work, failed, run=run, target=target, message=target.detail)
        if run.on_failure == OnFailure.STOP and run.state == RunState.RUNNING:
            details = f"{target.name} failed, {target.detail}"
            move_run(work, run, RunState.STOPPING, pausing=False, ending=RunState.FAILED, details=details)
        elif run.on_failure == OnFailure.PAUSE:
            stop_the_line(work, run, target, failed, target.detail, now)


def _failed_before(run: Run, target: Target) -> Q:
    """What was asked of people in earlier runs and is settled by this one: the same about this VM; where it was
    replaced whatever was about it, or about a router of its network that is gone."""
    about = Q(system_vm_id=target.system_vm_id)
    causes = ROUTER_CAUSES if run.kind == RunKind.ROUTER_RESTART else VM_CAUSES - ROUTER_CAUSES
    if target.result == RouterOutcome.REPLACED:
        about |= Q(target__group=target.group, system_vm__gone_at__isnull=False)
        causes = VM_CAUSES
    return about & Q(run__state__in=RUN_ENDED, cause__in=causes)
