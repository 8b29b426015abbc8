"""Asking for something to be done with management servers: a run begins with it, or the one there goes on with it."""

from collections.abc import Sequence
from uuid import UUID

from maintenance.actions.errors import BadInput
from maintenance.actions.in_the_way import at_work_elsewhere
from maintenance.actions.server_offers import moves_of as moves_of
from maintenance.actions.server_offers import read_back as read_back
from maintenance.actions.server_rules import Asked, check_algorithm, check_order, find_server, may_ask
from maintenance.actions.server_rules import all_in_order as all_in_order
from maintenance.actions.server_runs import begin_server_run, go_on
from maintenance.domain.servers import ServerMove
from maintenance.domain.states import RunKind, Stage
from maintenance.engine.advance import about_run, about_target
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Run, Target


def prepare_server(
    server_id: UUID,
    *,
    algorithm: str | None,
    forced: bool,
    actor: str,
    reason: str = "",
    ticket: str = "",
    request_id: str = "",
) -> Run:
    """The server goes into maintenance and is held there. Returns the run that does it.

    Raises: NotFound; BadInput for an unknown algorithm; IllegalMove or Conflict with the rule that refuses it.
    """
    check_algorithm(algorithm)
    with unit_of_work(actor, request_id=request_id) as work:
        asked = may_ask(ServerMove.PREPARE, server_id, algorithm=algorithm)
        target = begin_server_run(
            work,
            RunKind.SERVER_MAINTENANCE,
            asked.cloud,
            [asked.server],
            actor=actor,
            reason=reason,
            ticket=ticket,
            algorithm=algorithm or "",
            forced=forced,
        )
        _audit(work, "management server put into maintenance", target, reason)
        return target.run


def cancel_server_maintenance(
    server_id: UUID, *, rebalance: bool = True, actor: str, request_id: str = ""
) -> Run:
    """The server goes back to Up; with `rebalance` its agents come home at once. Also one that others have put into
    maintenance. Returns the run that does it.

    Raises: NotFound; IllegalMove from a state in which there is nothing to cancel; Conflict while a restart has it.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        asked = may_ask(ServerMove.CANCEL, server_id)
        if asked.target is not None:
            asked.target.run.rebalance = rebalance
            asked.target.run.save(update_fields=["rebalance"])
        target = _go_on_or_begin(
            work, asked, RunKind.SERVER_MAINTENANCE, Stage.SERVER_CANCEL, actor=actor, rebalance=rebalance
        )
        _audit(work, "management server taken out of maintenance", target)
        return target.run


def prepare_server_shutdown(
    server_id: UUID, *, actor: str, reason: str = "", ticket: str = "", request_id: str = ""
) -> Run:
    """The server refuses new jobs and becomes ready to shut down; it is held there. Returns the run that does it.

    Raises: NotFound; IllegalMove or Conflict with the rule that refuses it.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        asked = may_ask(ServerMove.PREPARE_SHUTDOWN, server_id)
        target = begin_server_run(
            work,
            RunKind.SERVER_SHUTDOWN,
            asked.cloud,
            [asked.server],
            actor=actor,
            reason=reason,
            ticket=ticket,
        )
        _audit(work, "management server made ready to shut down", target, reason)
        return target.run


def trigger_server_shutdown(
    server_id: UUID, *, actor: str, reason: str = "", ticket: str = "", request_id: str = ""
) -> Run:
    """The server's process ends as soon as it has no job. Returns the run that does it.

    Raises: NotFound; IllegalMove or Conflict with the rule that refuses it.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        asked = may_ask(ServerMove.TRIGGER_SHUTDOWN, server_id)
        target = _go_on_or_begin(
            work,
            asked,
            RunKind.SERVER_SHUTDOWN,
            Stage.SERVER_SHUT_DOWN,
            actor=actor,
            reason=reason,
            ticket=ticket,
        )
        _audit(work, "management server shut down", target, reason)
        return target.run


def cancel_server_shutdown(server_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """The server that was made ready to shut down takes jobs again. Returns the run that does it.

    Raises: NotFound; IllegalMove from a state in which there is nothing to cancel; Conflict.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        asked = may_ask(ServerMove.CANCEL_SHUTDOWN, server_id)
        target = _go_on_or_begin(
            work, asked, RunKind.SERVER_SHUTDOWN, Stage.SERVER_CANCEL_SHUTDOWN, actor=actor
        )
        _audit(work, "shutdown of management server cancelled", target)
        return target.run


def restart_servers(
    server_ids: Sequence[UUID],
    *,
    algorithm: str | None = None,
    forced: bool = False,
    settle_s: int = 30,
    actor: str,
    reason: str = "",
    ticket: str = "",
    request_id: str = "",
) -> Run:
    """One server after another, in this order: maintenance, shutdown, back, Up with its agents, settled.

    Raises: NotFound; BadInput; IllegalMove or Conflict with the rule that refuses it, or the run that is in the way.
    """
    check_algorithm(algorithm)
    check_order(server_ids, settle_s)
    with unit_of_work(actor, request_id=request_id) as work:
        servers = [find_server(server_id) for server_id in server_ids]
        if len({server.cloud_id for server in servers}) > 1:
            raise BadInput(
                "the servers belong to several clouds; restart one cloud at a time", field="servers"
            )
        asked = [may_ask(ServerMove.PREPARE, server.id, algorithm=algorithm) for server in servers]
        cloud = asked[0].cloud
        at_work_elsewhere(cloud)
        target = begin_server_run(
            work,
            RunKind.SERVER_RESTART,
            cloud,
            servers,
            actor=actor,
            reason=reason,
            ticket=ticket,
            algorithm=algorithm or "",
            forced=forced,
            settle_s=settle_s,
        )
        work.audit(
            "management servers restarted",
            about_run(target.run),
            reason=reason,
            after={"servers": [server.name for server in servers]},
        )
        return target.run


def _go_on_or_begin(
    work: UnitOfWork,
    asked: Asked,
    kind: RunKind,
    stage: Stage,
    *,
    actor: str,
    reason: str = "",
    ticket: str = "",
    rebalance: bool = True,
) -> Target:
    """The run that has the server goes on with this stage; where none has, one of this kind begins with it."""
    if asked.target is not None:
        go_on(work, asked.target, stage, actor=actor)
        return asked.target
    return begin_server_run(
        work,
        kind,
        asked.cloud,
        [asked.server],
        actor=actor,
        reason=reason,
        ticket=ticket,
        first=stage,
        rebalance=rebalance,
    )


def _audit(work: UnitOfWork, what: str, target: Target, reason: str = "") -> None:
    work.audit(what, about_run(target.run) | about_target(target), reason=reason)
