"""Through which management server a call goes, as a client with several addresses chooses.

It stays with one while that runs, and takes the next when the connection is refused: nothing was done then. A server
that is blocked answers asynchronous work with 503: another is asked. A request about a server goes through another
one, as long as any other runs. What only reads is asked of another one too when the connection breaks meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from maintenance.backends.base import Blocked, CloudError
from maintenance.backends.errors import NobodyAnswers
from maintenance.backends.lab.servers.blocked import blocked_words, retry_after_s
from maintenance.backends.lab.servers.passing import is_on_the_way, settle_servers
from maintenance.backends.lab.servers.rows import ServerRow, all_servers, one_server
from maintenance.domain.servers import ServerState

if TYPE_CHECKING:
    from maintenance.backends.lab.world import World

RETRY_DOWN_S = 2.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One process of a management server; a later process of the same server knows nothing of the call."""

    server_id: UUID
    name: str
    process: int


class Endpoints:
    """Which server this client stays with. Safe in several threads: each call decides for itself."""

    def __init__(self) -> None:
        self.stays_with: UUID | None = None

    def choose(
        self, world: "World", *, is_async: bool = False, not_through: UUID | None = None
    ) -> Endpoint | None:
        """The one for this call; None in a lab without management servers.

        Raises: NobodyAnswers (all are down), Blocked (all that run refuse new asynchronous work).
        """
        servers = _servers_now(world)
        if not servers:
            return None
        running = [server for server in servers if server.runs]
        if not running:
            names = ", ".join(server.name for server in servers)
            raise NobodyAnswers(f"{names} are down", RETRY_DOWN_S)
        first = self._first(servers)
        self.stays_with = first.id
        if is_async and first.state != ServerState.UP:
            first = _next_up(servers, first) or _refuse(world, running)
        if first.id == not_through:
            first = next((server for server in _from(servers, first)[1:] if server.runs), first)
        return Endpoint(first.id, first.name, first.process)

    def _first(self, servers: list[ServerRow]) -> ServerRow:
        """The one it stays with, or the next that runs."""
        kept = next((server for server in servers if server.id == self.stays_with), servers[0])
        return next(server for server in _from(servers, kept) if server.runs)


class WentAway(Exception):
    """The server's process ended while it was asked: nobody hears what it answered."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} went away while it was asked")


@contextmanager
def through(world: "World", endpoint: Endpoint | None) -> Iterator[None]:
    """The call's answer is heard only if the server's process still runs when it comes. Raises: WentAway."""
    answer: CloudError | None = None
    try:
        yield
    except CloudError as refusal:
        answer = refusal
    if endpoint is not None and not _still_runs(world, endpoint):
        raise WentAway(endpoint.name) from answer
    if answer is not None:
        raise answer


def _servers_now(world: "World") -> list[ServerRow]:
    """Time is caught up only where a server may have changed its state."""
    servers = all_servers(world.door)
    if not any(is_on_the_way(server, world.now) for server in servers):
        return servers
    settle_servers(world)
    return all_servers(world.door)


def _still_runs(world: "World", endpoint: Endpoint) -> bool:
    server = one_server(world.door, endpoint.server_id)
    if server.state == ServerState.SHUTTING_DOWN:
        settle_servers(world)
        server = one_server(world.door, endpoint.server_id)
    return server.runs and server.process == endpoint.process


def _from(servers: list[ServerRow], first: ServerRow) -> list[ServerRow]:
    """All of them in their order, beginning with this one."""
    at = servers.index(first)
    return servers[at:] + servers[:at]


def _next_up(servers: list[ServerRow], first: ServerRow) -> ServerRow | None:
    return next((server for server in _from(servers, first) if server.state == ServerState.UP), None)


def _refuse(world: "World", running: list[ServerRow]) -> ServerRow:
    """Raises: Blocked, always."""
    raise Blocked(blocked_words(running, world.now), retry_after_s(running, world.now))
