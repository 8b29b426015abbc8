"""Asking the gate with real data: the cluster read now, the ledger, the smallest limit of all runs in the cluster."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Min, Q

from maintenance.backends.base import ClusterLook, Never
from maintenance.clock import database_now
from maintenance.domain.gate import RUNNING, Hold, Open, Refuse, Verdict, host_verdict
from maintenance.domain.outcomes import Outcome
from maintenance.domain.rolling import PREFLIGHT_MAX_AGE
from maintenance.domain.run_view import Result
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind, RunState, TargetState
from maintenance.engine.advance import lock_run, move_target
from maintenance.engine.attention import WAITS, resolve_attentions
from maintenance.engine.claim import check_claim, fenced
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.engine.intents import write_intent
from maintenance.engine.settle import Ending, software_of
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.gate_view import gate_host, gate_instance
from maintenance.models import Cluster, HostOut, Intent, Run, Target


@dataclass(frozen=True, slots=True)
class LeftService:
    """The ledger is open and the request is written: from here on the host counts as out, whatever happens."""

    intent: Intent


def verdict_now(hands: Hands, look: ClusterLook) -> Verdict:
    """Whether the host may leave service, by what was just read. Writes nothing."""
    run = Run.objects.get(id=hands.run.id)
    if held := _run_holds(run) or _vm_holds(hands.host_id):
        return held
    return host_verdict(
        hands.host_id,
        [gate_host(h) for h in look.hosts],
        [gate_instance(i) for i in look.instances],
        ours_out=_out_of(hands.target.cluster_key),
        limit=_smallest_limit(hands.target.cluster_key, hands.run.max_unavailable),
    )


def begin_turn(hands: Hands) -> Hold | None:
    """The gate has opened: the host's turn begins now, and everybody sees it. Or the run was paused this very moment.

    Under the run's lock, so that whoever decides about the run sees this host waiting or begun, not half of each.
    Raises: LostLease.
    """
    with unit_of_work(ENGINE) as work:
        run = lock_run(hands.run.id)
        target = Target.objects.select_for_update(no_key=True).get(id=hands.target.id)
        fenced(hands.claim, started=database_now())  # what it waited at the gate is no part of the stage
        if held := _run_holds(run):
            return held
        _waits_no_more(work, target)
        move_target(work, target, TargetState.PREPARING, detail="")
        hands.target = target
    return None


def leave_service(hands: Hands, look: ClusterLook) -> LeftService | Verdict:
    """Ask once more under the cluster's lock and, when the gate is open, open the ledger and write the request.

    One transaction: slot, ledger and intent exist together or not at all. Raises: LostLease.
    """
    with unit_of_work(ENGINE) as work:
        run = lock_run(hands.run.id)
        Cluster.objects.select_for_update(no_key=True).get(id=hands.target.cluster_key)
        check_claim(hands.claim)
        target = Target.objects.select_for_update(no_key=True).get(id=hands.target.id)
        if held := _run_holds(run) or _preflight_holds(run, target):
            return held
        verdict = verdict_now(hands, look)
        if not isinstance(verdict, Open):
            return verdict
        now = database_now()
        _waits_no_more(work, target)
        HostOut.objects.create(host_id=target.host_key, cluster_id=target.cluster_key, run=run, target=target)
        fenced(hands.claim, note="")
        running = [i for i in look.instances if i.host_id == target.host_id and i.state == RUNNING]
        move_target(
            work,
            target,
            TargetState.DRAINING,
            detail="",
            out_at=now,
            back_at=None,
            agent_before=software_of(target),
            instances_before=[[str(i.id), i.name] for i in running],
        )
        work.event("host.out", hands.about, after={"instances": len(running)})
        intent = write_intent(hands, "prepare")
        hands.target, hands.run = target, run
        failpoint("Drain.leaving", target.name)
        return LeftService(intent)


def refused(hands: Hands, refusal: Refuse) -> Ending:
    """How the stage of a host that must not leave service ends. What a person can do about one that others took goes
    by the inventory, which therefore says so at once."""
    if refusal.taken:
        with suppress(Never):  # it may be gone by now; the refusal stands
            hands.host_now()
    return Ending(Outcome.REFUSED, refusal.reason, taken=refusal.taken)


def _waits_no_more(work: UnitOfWork, target: Target) -> None:
    resolve_attentions(work, Q(target=target, cause__in=WAITS), by="observed: its turn has come")


def _run_holds(run: Run) -> Hold | None:
    """A paused or pausing run lets no further host leave service."""
    if run.kind == RunKind.HOST:
        return None
    if run.pausing or run.state == RunState.PAUSED:
        return Hold("paused", "the run is paused")
    if run.state != RunState.RUNNING:
        return Hold("stopping", "the run is stopping")
    return None


def _vm_holds(host_id: UUID) -> Hold | None:
    """What is done to a system VM is finished or taken back before its host leaves; those whose turn comes later wait
    for the host (advance.py)."""
    at_work = Target.objects.filter(system_vm__host=host_id, is_open=True, state__in=TARGET_BEGUN)
    found = at_work.select_related("run").order_by("run__number", "order").first()
    if found is None:
        return None
    return Hold("system-vm", f"run {found.run.number} is at work on {found.name}, which runs on it")


def _preflight_holds(run: Run, target: Target) -> Hold | None:
    """Nothing leaves service after a failed, missing or stale PreFlight."""
    if run.kind == RunKind.HOST:
        return None
    good = {str(Result.SUCCESS), "not_needed"}
    if Target.objects.filter(run=run, preflight=str(Result.FAILURE)).exists() or target.preflight not in good:
        return Hold("preflight", "its PreFlight has not passed")
    if target.preflight_at is None or database_now() - target.preflight_at > 2 * PREFLIGHT_MAX_AGE:
        return Hold("preflight", "its PreFlight is too old")
    return None


def _out_of(cluster_id: UUID) -> list[UUID]:
    return list(
        HostOut.objects.filter(cluster_id=cluster_id, closed_at=None).values_list("host_id", flat=True)
    )


def _smallest_limit(cluster_id: UUID, own_limit: int) -> int:
    """Runs may share a cluster; then the smallest limit holds."""
    others = Run.objects.filter(
        state__in=RUN_ACTIVE - {RunState.QUEUED},
        targets__cluster_id=cluster_id,
        targets__is_open=True,
        kind=RunKind.ROLLING,
    ).aggregate(least=Min("max_unavailable"))["least"]
    return own_limit if others is None else min(own_limit, others)
