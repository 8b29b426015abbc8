"""Whether something may be asked of a management server now, and who has it: what every request about one goes through.

Rules are asked twice: here, from what was last read, so that a person hears at once why not; and by the engine, right
before it asks the cloud.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from maintenance.actions.errors import BadInput, Conflict, IllegalMove, NotFound
from maintenance.actions.run_numbers import owner_of
from maintenance.actions.server_offers import MAY_STEER, has_it
from maintenance.actions.server_runs import open_target
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
from maintenance.domain.states import RunState
from maintenance.models import Cloud, ManagementServer, Target
from maintenance.servers_view import servers_view

SETTLE_S_MAX = 86_400
SERVERS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A server that may be asked, under its cloud's lock. `target`: of the run that has it and goes on with it."""

    cloud: Cloud
    server: ManagementServer
    target: Target | None


def may_ask(move: ServerMove, server_id: UUID, *, algorithm: str | None = None) -> Asked:
    """The server, with nothing in the way of this move. Decisions about the servers of one cloud are made one after
    another: the cloud's row stays locked until the transaction ends.

    Raises: NotFound; IllegalMove from a state where it is not possible; Conflict for whatever else is in the way.
    """
    server = find_server(server_id)
    cloud = Cloud.objects.select_for_update(no_key=True).get(id=server.cloud_id)
    server.refresh_from_db()
    if not server.is_known(database_now()):
        raise Conflict(f"the state of {server.name} is not known: the cloud could not be read lately")
    target = open_target(server)
    if refusal := refusal_of(move, server.id, servers_view(cloud), algorithm=algorithm):
        raise _as_error(refusal, target)
    if target is not None and not _goes_on(target, move):
        raise Conflict(has_it(target, target.name), owner=owner_of(target.run))
    return Asked(cloud, server, target)


def _goes_on(target: Target, move: ServerMove) -> bool:
    """A run that a person has stopped brings its server back; it does not shut it down after all."""
    is_stopped = target.run.state == RunState.STOPPING and move is ServerMove.TRIGGER_SHUTDOWN
    return target.run.kind in MAY_STEER[move] and not is_stopped


def find_server(server_id: UUID) -> ManagementServer:
    """Raises: NotFound."""
    server = ManagementServer.objects.filter(id=server_id, gone_at=None).select_related("cloud").first()
    if server is None:
        raise NotFound(f"no management server has the id {server_id}")
    return server


def check_algorithm(algorithm: str | None) -> None:
    """Raises: BadInput, naming the three."""
    if algorithm and algorithm not in ALGORITHMS:
        raise BadInput(
            f"there is no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}", field="algorithm"
        )


def check_order(server_ids: Sequence[UUID], settle_s: int) -> None:
    """Raises: BadInput."""
    if not server_ids:
        raise BadInput("no management server was named", field="servers")
    if len(server_ids) > SERVERS_MAX:
        raise BadInput(f"{len(server_ids)} servers were named; at most {SERVERS_MAX}", field="servers")
    twice = {server_id for server_id in server_ids if list(server_ids).count(server_id) > 1}
    if twice:
        raise BadInput(f"named twice: {', '.join(sorted(map(str, twice)))}", field="servers")
    if not 0 <= settle_s <= SETTLE_S_MAX:
        raise BadInput(f"settle_s is between 0 and {SETTLE_S_MAX}; it is {settle_s}", field="settle_s")


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


def _as_error(refusal: Refusal, owner: Target | None) -> Conflict | IllegalMove | BadInput:
    match refusal.code:
        case RefusalCode.BAD_ALGORITHM:
            return BadInput(refusal.words, field="algorithm")
        case RefusalCode.WRONG_STATE:
            by_whom = f"; run {owner.run.number} (started by {owner.run.started_by}) has it" if owner else ""
            return IllegalMove(refusal.words + by_whom, legal=list(refusal.legal))
        case _:
            return Conflict(refusal.words)
