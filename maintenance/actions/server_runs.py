"""Runs over management servers: begun, gone on with, and what is in their way."""

from collections.abc import Sequence

from maintenance.actions.errors import IllegalMove
from maintenance.actions.run_numbers import next_run_number
from maintenance.clock import database_now
from maintenance.domain.server_run import FIRST_STAGE
from maintenance.domain.states import (
    STATE_DURING,
    RunKind,
    RunState,
    Stage,
    StepState,
)
from maintenance.engine.advance import (
    about_run,
    about_target,
    advance,
    end_open_step,
    lock_run,
    move_target,
)
from maintenance.feed import UnitOfWork
from maintenance.limits import DRAIN_TIMEOUT_S, STAGE_TIMEOUT_S
from maintenance.models import Cloud, ManagementServer, Run, Step, Target


def begin_server_run(
    work: UnitOfWork,
    kind: RunKind,
    cloud: Cloud,
    servers: Sequence[ManagementServer],
    *,
    actor: str,
    reason: str,
    ticket: str = "",
    first: Stage | None = None,
    algorithm: str = "",
    forced: bool = False,
    rebalance: bool = True,
    settle_s: int = 0,
) -> Target:
    """A queued run over these servers, in this order; its first target. `first`: the stage it begins with, where that
    is not the kind's own."""
    assert kind in FIRST_STAGE
    run = Run(
        number=next_run_number(),
        kind=kind,
        cloud=cloud,
        state=RunState.QUEUED,
        scope_kind="servers",
        scope_ids=[server.id for server in servers],
        scope_words=", ".join(server.name for server in servers)[:500],
        timeout_s=STAGE_TIMEOUT_S.now(),
        drain_timeout_s=DRAIN_TIMEOUT_S.now(),
        max_unavailable=1,
        started_by=actor,
        reason=reason,
        ticket=ticket,
        algorithm=algorithm,
        forced=forced,
        rebalance=rebalance,
        settle_s=settle_s,
    )
    run.save(force_insert=True)
    run.refresh_from_db(fields=["created_at"])
    targets = [
        Target(run=run, server=server, name=server.name, order=order, next_stage=first or "")
        for order, server in enumerate(servers, 1)
    ]
    Target.objects.bulk_create(targets)
    about = about_run(run) | (about_target(targets[0]) if len(targets) == 1 else {})
    work.event("run.created", about, after={"state": run.state, "servers": len(targets)})
    work.wake_engine()
    return targets[0]


def open_target(server: ManagementServer) -> Target | None:
    """The target of the run that has this server, if one has; its run and itself locked."""
    found = Target.objects.filter(server=server, is_open=True).values_list("id", "run_id").first()
    if found is None:
        return None
    run = lock_run(found[1])
    target = Target.objects.select_for_update(no_key=True).filter(id=found[0], is_open=True).first()
    if target is not None:
        target.run = run
    return target


def go_on(work: UnitOfWork, target: Target, stage: Stage, *, actor: str) -> None:
    """The server that its run holds or prepares goes on with this stage.

    Raises: IllegalMove where it does that already.
    """
    run = target.run
    if Step.objects.filter(target=target, stage=stage).exclude(state=StepState.ENDED).exists():
        raise IllegalMove(f"run {run.number} is doing that with {target.name} already", legal=[])
    end_open_step(target, f"{stage} was asked for by {actor}", database_now())
    if Step.objects.filter(target=target, stage=stage, attempt=target.attempt).exists():
        target.attempt += 1  # begun before, and broken off for something else
    move_target(
        work,
        target,
        STATE_DURING[stage],
        next_stage=stage,
        detail=f"asked for by {actor}",
        attempt=target.attempt,
    )
    advance(work, run)
    work.wake_engine()
