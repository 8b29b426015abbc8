"""Asking for something to be done with management servers: each request becomes a run, or goes on with the one there.

Rules are asked twice: here, from what was last read, so that a person hears at once why not; and by the engine, right
before it asks the cloud.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from maintenance.actions.errors import BadInput, Conflict, IllegalMove, NotFound
from maintenance.actions.in_the_way import at_work_elsewhere
from maintenance.actions.run_numbers import owner_of
from maintenance.actions.server_offers import moves_of as moves_of
from maintenance.actions.server_offers import read_back as read_back
from maintenance.actions.server_runs import begin_server_run, go_on, open_target
from maintenance.clock import database_now
from maintenance.domain.order import natural
from maintenance.domain.servers import (
    ALGORITHMS,
    Refusal,
    RefusalCode,
    ServerMove,
    ServerState,
    refusal_of,
    server_state,
)
from maintenance.domain.states import RunKind, RunState, Stage
from maintenance.engine.advance import about_run, about_target
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Cloud, ManagementServer, Run, Target
from maintenance.servers_view import servers_view

SETTLE_S_MAX = 86_400
SERVERS_MAX = 1000


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
        cloud, server = _locked(server_id)
        _refuse(ServerMove.PREPARE, cloud, server, algorithm=algorithm)
        target = begin_server_run(
            work,
            RunKind.SERVER_MAINTENANCE,
            cloud,
            [server],
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
        cloud, server = _locked(server_id)
        _refuse(ServerMove.CANCEL, cloud, server)
        target = open_target(server)
        if target is None:
            target = begin_server_run(
                work,
                RunKind.SERVER_MAINTENANCE,
                cloud,
                [server],
                actor=actor,
                reason="",
                first=Stage.SERVER_CANCEL,
                rebalance=rebalance,
            )
        else:
            _only_of(target, RunKind.SERVER_MAINTENANCE)
            target.run.rebalance = rebalance
            target.run.save(update_fields=["rebalance"])
            go_on(work, target, Stage.SERVER_CANCEL, actor=actor)
        _audit(work, "management server taken out of maintenance", target)
        return target.run


def prepare_server_shutdown(
    server_id: UUID, *, actor: str, reason: str = "", ticket: str = "", request_id: str = ""
) -> Run:
    """The server refuses new jobs and becomes ready to shut down; it is held there. Returns the run that does it.

    Raises: NotFound; IllegalMove or Conflict with the rule that refuses it.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        cloud, server = _locked(server_id)
        _refuse(ServerMove.PREPARE_SHUTDOWN, cloud, server)
        target = begin_server_run(
            work, RunKind.SERVER_SHUTDOWN, cloud, [server], actor=actor, reason=reason, ticket=ticket
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
        cloud, server = _locked(server_id)
        _refuse(ServerMove.TRIGGER_SHUTDOWN, cloud, server)
        target = open_target(server)
        if target is None:
            target = begin_server_run(
                work,
                RunKind.SERVER_SHUTDOWN,
                cloud,
                [server],
                actor=actor,
                reason=reason,
                ticket=ticket,
                first=Stage.SERVER_SHUT_DOWN,
            )
        else:
            _only_of(target, RunKind.SERVER_MAINTENANCE, RunKind.SERVER_SHUTDOWN)
            if target.run.state == RunState.STOPPING:
                _owned(target)  # a person has it brought back
            go_on(work, target, Stage.SERVER_SHUT_DOWN, actor=actor)
        _audit(work, "management server shut down", target, reason)
        return target.run


def cancel_server_shutdown(server_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """The server that was made ready to shut down takes jobs again. Returns the run that does it.

    Raises: NotFound; IllegalMove from a state in which there is nothing to cancel; Conflict.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        cloud, server = _locked(server_id)
        _refuse(ServerMove.CANCEL_SHUTDOWN, cloud, server)
        target = open_target(server)
        if target is None:
            target = begin_server_run(
                work,
                RunKind.SERVER_SHUTDOWN,
                cloud,
                [server],
                actor=actor,
                reason="",
                first=Stage.SERVER_CANCEL_SHUTDOWN,
            )
        else:
            _only_of(target, RunKind.SERVER_SHUTDOWN)
            go_on(work, target, Stage.SERVER_CANCEL_SHUTDOWN, actor=actor)
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
    _check_order(server_ids, settle_s)
    with unit_of_work(actor, request_id=request_id) as work:
        servers = [_server(server_id) for server_id in server_ids]
        if len({server.cloud_id for server in servers}) > 1:
            raise BadInput(
                "the servers belong to several clouds; restart one cloud at a time", field="servers"
            )
        cloud = Cloud.objects.select_for_update(no_key=True).get(id=servers[0].cloud_id)
        for server in servers:
            _refuse(ServerMove.PREPARE, cloud, server, algorithm=algorithm)
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


def all_in_order(servers: Iterable[ManagementServer]) -> list[UUID]:
    """All of them, in the order in which people count them, for a restart that names none; nobody is left out.

    Raises: Conflict naming those that are not Up, or not known, and what to do.
    """
    now = database_now()
    ordered = sorted(servers, key=lambda row: (natural(row.name), row.id))
    if not ordered:
        raise Conflict("there is no management server to restart")
    not_up = [
        f"{row.name} is {row.state if row.is_known(now) else 'not known now'}"
        for row in ordered
        if not row.is_known(now) or server_state(row.state) is not ServerState.UP
    ]
    if not_up:
        raise Conflict(
            f"not all management servers are Up: {', '.join(not_up)}; wait until they are, or name the servers to "
            "restart"
        )
    return [row.id for row in ordered]


# ---- the rules ------------------------------------------------------------------------------------------------------


def check_algorithm(algorithm: str | None) -> None:
    """Raises: BadInput, naming the three."""
    if algorithm and algorithm not in ALGORITHMS:
        raise BadInput(
            f"there is no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}", field="algorithm"
        )


def _check_order(server_ids: Sequence[UUID], settle_s: int) -> None:
    if not server_ids:
        raise BadInput("no management server was named", field="servers")
    if len(server_ids) > SERVERS_MAX:
        raise BadInput(f"{len(server_ids)} servers were named; at most {SERVERS_MAX}", field="servers")
    twice = {server_id for server_id in server_ids if list(server_ids).count(server_id) > 1}
    if twice:
        raise BadInput(f"named twice: {', '.join(sorted(map(str, twice)))}", field="servers")
    if not 0 <= settle_s <= SETTLE_S_MAX:
        raise BadInput(f"settle_s is between 0 and {SETTLE_S_MAX}; it is {settle_s}", field="settle_s")


def _server(server_id: UUID) -> ManagementServer:
    """Raises: NotFound."""
    server = ManagementServer.objects.filter(id=server_id, gone_at=None).select_related("cloud").first()
    if server is None:
        raise NotFound(f"no management server has the id {server_id}")
    return server


def _locked(server_id: UUID) -> tuple[Cloud, ManagementServer]:
    """Decisions about the servers of one cloud are made one after another. Raises: NotFound."""
    server = _server(server_id)
    cloud = Cloud.objects.select_for_update(no_key=True).get(id=server.cloud_id)
    server.refresh_from_db()
    return cloud, server


def _refuse(
    move: ServerMove, cloud: Cloud, server: ManagementServer, *, algorithm: str | None = None
) -> None:
    """Raises: IllegalMove from a state where it is not possible, Conflict for whatever else is in the way."""
    if not server.is_known(database_now()):
        raise Conflict(f"the state of {server.name} is not known: the cloud could not be read lately")
    # A run that has not begun, or has this server in another way, owns it.
    owner = open_target(server) if move is ServerMove.PREPARE else None
    refusal = refusal_of(move, server.id, servers_view(cloud), algorithm=algorithm)
    if refusal is not None:
        raise _as_error(refusal, owner)
    if owner is not None:
        _owned(owner)


def _only_of(target: Target, *kinds: RunKind) -> None:
    """Raises: Conflict naming the run, unless it is of one of these kinds."""
    if target.run.kind not in kinds:
        _owned(target)


def _owned(target: Target) -> None:
    run = target.run
    raise Conflict(
        f"run {run.number} (started by {run.started_by}) has {target.name}; steer that run instead",
        owner=owner_of(run),
    )


def _as_error(refusal: Refusal, owner: Target | None) -> Conflict | IllegalMove | BadInput:
    match refusal.code:
        case RefusalCode.BAD_ALGORITHM:
            return BadInput(refusal.words, field="algorithm")
        case RefusalCode.WRONG_STATE:
            has_it = f"; run {owner.run.number} (started by {owner.run.started_by}) has it" if owner else ""
            return IllegalMove(refusal.words + has_it, legal=list(refusal.legal))
        case _:
            return Conflict(refusal.words)


def _audit(work: UnitOfWork, what: str, target: Target, reason: str = "") -> None:
    work.audit(what, about_run(target.run) | about_target(target), reason=reason)
