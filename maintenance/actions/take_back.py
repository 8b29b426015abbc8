"""A host that others took out of service, brought back because a person said so and typed its name.

Pitstop never touches such a host by itself. Here it goes through the engine like every other host: a ledger row, a
request written before it is sent, and in service only once it is seen Enabled and Up.
"""

from uuid import UUID

from maintenance.actions.by_hand import begin_by_hand
from maintenance.actions.errors import BadInput, Conflict
from maintenance.actions.planning import host_or_not_found
from maintenance.actions.run_numbers import owner_of
from maintenance.clock import database_now
from maintenance.domain.states import RunKind, RunState, Stage, TargetState
from maintenance.engine.advance import (
    about_run,
    about_target,
    end_open_step,
    lock_run,
    move_target,
    start_return,
)
from maintenance.engine.taken import taken_by_others
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Cluster, Host, HostOut, Run, Target

UNTOUCHED = frozenset({TargetState.WAITING, TargetState.READY, TargetState.FAILED})


def take_back_host(host_id: UUID, *, typed_name: str, actor: str, request_id: str = "") -> Run:
    """The host is on its way back into service. In the run that has it, its own turn is still to come, and a run that
    stopped for it goes on; a host of no run gets a run of its own. A second call finds nothing to take back.

    Raises: NotFound; BadInput when the typed name is not the host's; Conflict when others do not have it, when how it
    is now is not known, or when what a run does with it is in the way.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        host = host_or_not_found(host_id)
        if typed_name.strip() != host.name:
            raise BadInput(f"type {host.name}, the host's whole name, to have it returned", field="name")
        has = Target.objects.filter(host=host, is_open=True).first()
        run = lock_run(has.run_id) if has else None
        Cluster.objects.select_for_update(no_key=True).get(id=host.cluster_id)
        if not taken_by_others().filter(id=host.id).exists():
            raise Conflict(
                f"{host.name} is {host.resource_state}, and no others have it: there is nothing to return"
            )
        if not host.is_known(database_now()):
            raise Conflict(f"the state of {host.name} is not known: the cloud could not be read lately")
        target = _in_run(work, run, has.id, actor) if run and has else _by_hand(work, host, actor)
        HostOut.objects.create(host=host, cluster_id=host.cluster_id, run=target.run, target=target)
        about = about_run(target.run) | about_target(target)
        work.audit("host taken back from others", about, before={"resource_state": host.resource_state})
        return target.run


def _by_hand(work: UnitOfWork, host: Host, actor: str) -> Target:
    why = f"returned to service; others had it in {host.resource_state}"
    return begin_by_hand(work, host, TargetState.RETURNING, Stage.RETURN, actor=actor, reason=why)


def _in_run(work: UnitOfWork, run: Run, target_id: UUID, actor: str) -> Target:
    """Raises: Conflict."""
    target = Target.objects.select_for_update(no_key=True).select_related("run").get(id=target_id)
    is_untouched = run.kind == RunKind.ROLLING and TargetState(target.state) in UNTOUCHED
    if not is_untouched or run.state == RunState.STOPPING:
        raise Conflict(
            f"run {run.number} (started by {run.started_by}) has {target.name}, which is {target.state}",
            owner=owner_of(run),
        )
    end_open_step(target, f"{actor} has the host taken back first", database_now())
    move_target(
        work,
        target,
        TargetState.RETURNING,
        detail=f"others had it; taken back by {actor}",
        attempt=target.attempt + 1,
        out_at=None,
        back_at=None,
        finished_at=None,
        failing="",
    )
    start_return(work, run, target)
    return target
