"""Starting a rolling maintenance."""

from collections.abc import Sequence

from maintenance.actions.errors import Conflict, PlanChanged
from maintenance.actions.in_the_way import restart_in_the_way
from maintenance.actions.planning import Scope, plan_of, scope_of
from maintenance.actions.requests import IDS_MAX, StartRequest
from maintenance.actions.run_numbers import next_run_number, owner_of
from maintenance.actions.server_offers import refuse_when_all_blocked
from maintenance.domain.order import natural
from maintenance.domain.plan import Plan, PlannedHost, Verdict
from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.engine.advance import about_run
from maintenance.feed import unit_of_work
from maintenance.kept_plan import keep_plan
from maintenance.models import Cluster, Host, Run, Target


def start_rolling_maintenance(request: StartRequest, *, actor: str, request_id: str = "") -> Run:
    """A queued run over the scope's hosts; an engine begins it within a second.

    Raises: BadInput; PlanChanged when the plan is not the one whose hash was given; Conflict naming the run that has
    one of the hosts or restarts the management servers, or listing every host that is not Up and Enabled; AllBlocked.
    """
    request.check()
    with unit_of_work(actor, request_id=request_id) as work:
        scope = scope_of(request)
        # Starts over the same clusters are decided one after another.
        clusters = sorted({host.cluster_id for host in scope.hosts})
        list(Cluster.objects.select_for_update(no_key=True).filter(id__in=clusters).order_by("id"))
        plan = plan_of(request, scope)
        _refuse_busy(scope)
        restart_in_the_way(scope.cloud)
        refuse_when_all_blocked(scope.cloud)
        if request.plan_hash and request.plan_hash != plan.hash:
            raise PlanChanged(
                "the cloud is no longer as the plan showed it; look at the difference", plan=plan
            )
        _refuse_unready(plan)
        run = _make_run(request, scope, plan, actor)
        _make_targets(run, plan, scope.hosts)
        keep_plan(run, plan)
        work.event("run.created", about_run(run), after={"state": run.state, "hosts": len(plan.hosts)})
        work.audit(
            "rolling maintenance started",
            about_run(run),
            reason=request.reason,
            after={"scope": run.scope_words, "hosts": len(plan.hosts), "plan": plan.hash},
        )
        work.wake_engine()
        return run


def _refuse_busy(scope: Scope) -> None:
    taken = (
        Target.objects.filter(host__in=scope.hosts, is_open=True)
        .select_related("run")
        .order_by("run__number")
    )
    first = taken.first()
    if first is None:
        return
    run = first.run
    names = ", ".join(sorted(taken.values_list("name", flat=True)[:IDS_MAX], key=natural)[:5])
    raise Conflict(
        f"run {run.number} (started by {run.started_by}) already has {names}; wait for it, or leave its hosts out",
        owner=owner_of(run),
        items=[
            {"hostid": str(t.host_id), "hostname": t.name, "reason": f"in run {t.run.number}"}
            for t in taken[:50]
        ],
    )


def _refuse_unready(plan: Plan) -> None:
    blocked = plan.of(Verdict.BLOCKED)
    if blocked:
        named = "; ".join(f"{host.name}: {host.why}" for host in blocked[:5])
        more = f"; and {len(blocked) - 5} more" if len(blocked) > 5 else ""
        raise Conflict(
            f"not ready: {named}{more}. Mend them, leave them out, or skip such hosts with skip_unready",
            items=[{"hostid": str(h.host_id), "hostname": h.name, "reason": h.why} for h in blocked],
        )


def _make_run(request: StartRequest, scope: Scope, plan: Plan, actor: str) -> Run:
    run = Run(
        number=next_run_number(),
        kind=RunKind.ROLLING,
        cloud=scope.cloud,
        state=RunState.QUEUED,
        scope_kind=request.scope_kind,
        scope_ids=list(request.scope_ids),
        scope_words=scope.words,
        plan_hash=plan.hash,
        payload=request.payload,
        timeout_s=request.timeout_s,
        drain_timeout_s=request.drain_timeout_s,
        on_failure=request.on_failure,
        max_unavailable=request.max_unavailable,
        clusters_in_parallel=request.clusters_in_parallel,
        skip_unready=request.skip_unready,
        not_before=request.not_before,
        started_by=actor,
        reason=request.reason,
        ticket=request.ticket,
    )
    run.save(force_insert=True)
    run.refresh_from_db(fields=["created_at"])
    return run


def _make_targets(run: Run, plan: Plan, hosts: Sequence[Host]) -> None:
    zone_of = {host.id: host.cluster.pod.zone.name for host in hosts}
    Target.objects.bulk_create(
        [_target(run, planned, zone_of[planned.host_id]) for planned in plan.hosts], batch_size=1000
    )


def _target(run: Run, planned: PlannedHost, zone_name: str) -> Target:
    target = Target(
        run=run,
        host_id=planned.host_id,
        cluster_id=planned.cluster_id,
        name=planned.name,
        cluster_name=planned.cluster,
        zone_name=zone_name,
        order=planned.order,
    )
    if planned.verdict in {Verdict.SKIPPED, Verdict.LEFT_OUT}:
        why = "left out by the operator" if planned.verdict is Verdict.LEFT_OUT else planned.why
        target.state, target.detail, target.is_open = TargetState.SKIPPED, why, False
    return target
