"""One host by hand: out of service, held, and back – outside any rolling run, by the same engine and ledger."""

from uuid import UUID

from django.db.models import Q

from maintenance.actions.errors import Conflict, IllegalMove
from maintenance.actions.in_the_way import restart_in_the_way
from maintenance.actions.planning import clusters_as_read, host_or_not_found, is_taken_by_others
from maintenance.actions.run_numbers import next_run_number, owner_of
from maintenance.actions.server_offers import refuse_when_all_blocked
from maintenance.clock import database_now
from maintenance.domain.gate import Hold, Open, Refuse, host_verdict
from maintenance.domain.states import RUN_ENDED, TARGET_BEGUN, RunKind, RunState, Stage, TargetState
from maintenance.engine.advance import (
    about_run,
    about_target,
    advance,
    lock_run,
    move_target,
    start_return,
)
from maintenance.engine.attention import resolve_attentions
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.limits import DRAIN_TIMEOUT_S, STAGE_TIMEOUT_S
from maintenance.models import Cluster, Host, HostOut, Run, Target

LIMIT = 1  # hosts out per cluster, for any reason, when a person takes one out by hand


def prepare_host(host_id: UUID, *, actor: str, reason: str = "", request_id: str = "") -> Run:
    """The host goes into maintenance and is held there until `return_host`. Returns the run that does it.

    Raises: NotFound; Conflict when another run has it, it is taken by others, not Up and Enabled, the cluster's limit
    is reached, its instances have no room, or management servers are being restarted; AllBlocked.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        host = host_or_not_found(host_id)
        Cluster.objects.select_for_update(no_key=True).get(id=host.cluster_id)
        _refuse(host)
        restart_in_the_way(host.cloud)
        refuse_when_all_blocked(host.cloud)
        target = begin_by_hand(work, host, TargetState.READY, Stage.DRAIN, actor=actor, reason=reason)
        about = about_run(target.run) | about_target(target)
        work.audit("host put into maintenance", about, reason=reason)
        return target.run


def begin_by_hand(
    work: UnitOfWork, host: Host, state: TargetState, stage: Stage, *, actor: str, reason: str
) -> Target:
    """A run of one host, whose first stage an engine does as soon as it sees it."""
    run = Run(
        number=next_run_number(),
        kind=RunKind.HOST,
        cloud=host.cloud,
        state=RunState.QUEUED,
        scope_kind="hosts",
        scope_ids=[host.id],
        scope_words=host.name,
        timeout_s=STAGE_TIMEOUT_S.now(),
        drain_timeout_s=DRAIN_TIMEOUT_S.now(),
        max_unavailable=LIMIT,
        started_by=actor,
        reason=reason,
    )
    run.save(force_insert=True)
    run.refresh_from_db(fields=["created_at"])
    target = Target.objects.create(
        run=run,
        host=host,
        cluster_id=host.cluster_id,
        name=host.name,
        cluster_name=host.cluster.name,
        zone_name=host.cluster.pod.zone.name,
        order=1,
        state=state,
        next_stage=stage,
    )
    about = about_run(run) | about_target(target)
    work.event("run.created", about, after={"state": run.state, "hosts": 1})
    work.wake_engine()
    return target


def _refuse(host: Host) -> None:
    """Raises: Conflict, with the reason a person can act on."""
    target = Target.objects.filter(host=host, is_open=True).select_related("run").first()
    if target is not None:
        run = target.run
        raise Conflict(
            f"run {run.number} (started by {run.started_by}) already has {host.name}", owner=owner_of(run)
        )
    ours_out = set(
        HostOut.objects.filter(cluster_id=host.cluster_id, closed_at=None).values_list("host_id", flat=True)
    )
    if is_taken_by_others(host, ours_out):
        raise Conflict(
            f"{host.name} is {host.resource_state}: others took it out of service; it is never touched"
        )
    if not host.is_known(database_now()):
        raise Conflict(f"the state of {host.name} is not known: the cloud could not be read lately")
    hosts, instances = clusters_as_read({host.cluster_id})[host.cluster_id]
    match host_verdict(host.id, hosts, instances, ours_out=sorted(ours_out), limit=LIMIT):
        case Hold(_, reason) | Refuse(reason):
            raise Conflict(f"{host.name} cannot leave service now: {reason}")
        case Open():
            return


def return_host(host_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """The host we hold in maintenance goes back into service; also one that a run left flagged.

    Raises: NotFound; Conflict when others took it, or nothing of ours has it out; IllegalMove while a run still works
    on it.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        host = host_or_not_found(host_id)
        target = Target.objects.filter(host=host, is_open=True).first() or _flagged(host)
        if target is None:
            if is_taken_by_others(host, set()):
                raise Conflict(
                    f"{host.name} is {host.resource_state}: others took it out of service; return it where it was taken"
                )
            raise Conflict(f"{host.name} is not out of service by Pitstop: there is nothing to return")
        run = lock_run(target.run_id)
        target = Target.objects.select_for_update(no_key=True).get(id=target.id)
        if target.state in TARGET_BEGUN - {TargetState.IN_MAINTENANCE}:
            raise IllegalMove(
                f"run {run.number} works on {host.name} (it is {target.state})", legal=["cancel the run"]
            )
        if target.state not in {TargetState.IN_MAINTENANCE, TargetState.NEEDS_PERSON}:
            raise Conflict(f"{host.name} is not out of service by Pitstop: there is nothing to return")
        _start_return(work, run, target, actor)
        work.audit(
            "host returned to service", about_run(run) | {"host": str(host.id), "host_name": host.name}
        )
        work.wake_engine()
        return run


def _flagged(host: Host) -> Target | None:
    """The target of an ended run that left this host out, if there is one."""
    out = HostOut.objects.filter(host=host, closed_at=None).select_related("target").first()
    return out.target if out else None


def _start_return(work: UnitOfWork, run: Run, target: Target, actor: str) -> None:
    """Held by hand: it ends Done. Flagged: it goes home and stays what it is, a failed host."""
    changes: dict[str, object] = {"detail": f"returned by {actor}", "next_stage": Stage.RETURN}
    if target.state == TargetState.NEEDS_PERSON:
        changes |= {
            "failing": target.detail,
            "attempt": target.attempt + 1,
            "is_open": True,
            "finished_at": None,
        }
        resolve_attentions(work, Q(target=target), by=actor)
    move_target(work, target, TargetState.RETURNING, **changes)
    if RunState(run.state) in RUN_ENDED:
        start_return(work, run, target)
    else:
        advance(work, run)
