"""Changes of management servers from outside: a request that arrives, and what a person does to the lab."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from maintenance.backends.base import CloudError
from maintenance.backends.lab.agents import settle_agents
from maintenance.backends.lab.names import Ambiguous, NoSuchThing
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers import arriving
from maintenance.backends.lab.servers.asked import Asked, accept_locked, write_down
from maintenance.backends.lab.servers.blocked import blocked_words
from maintenance.backends.lab.servers.jobs import end_job
from maintenance.backends.lab.servers.passing import settle_locked
from maintenance.backends.lab.servers.rows import (
    ServerRow,
    all_servers,
    change,
    one_server,
    servers_locked,
)
from maintenance.backends.lab.settle import after
from maintenance.domain.servers import ServerState

if TYPE_CHECKING:
    from maintenance.backends.lab.world import World

DEMO_COMMANDS = {
    "StartVMCmdByAdmin": "VirtualMachine",
    "StopVMCmdByAdmin": "VirtualMachine",
    "MigrateVMCmd": "VirtualMachine",
    "CreateSnapshotCmd": "Snapshot",
    "CopyTemplateCmd": "Template",
    "MigrateVolumeCmd": "Volume",
}


class JobRefused(Exception):
    """The management server is blocked: it accepts no new asynchronous jobs."""


@contextmanager
def caught_up(world: "World") -> Iterator[None]:
    """The servers locked, their time caught up before and after what is done inside.

    What is refused inside does not turn time back. Raises: whatever is refused.
    """
    world.settle_everywhere()
    settle_agents(world.door, world.config)
    refusal: CloudError | JobRefused | None = None
    with servers_locked(world.door):
        settle_locked(world.door, world.config)
        try:
            yield
        except (CloudError, JobRefused) as refused:
            refusal = refused
        settle_locked(world.door, world.config)
    if refusal is not None:
        raise refusal


def accept(world: "World", asked: Asked) -> bool:
    """It was carried out; False only for a start that is not ours to order. Raises: Never, Expired."""
    with caught_up(world):
        return accept_locked(world.door, world.config, asked, world.door.now())


def put_on_its_way(world: "World", asked: Asked, seconds: float) -> None:
    """The network delivers it so many seconds later."""
    if any(server.id == asked.server_id for server in all_servers(world.door)):
        write_down(world.door, asked, arrives_at=after(world.door.now(), seconds), done_at=None)


# ---- what a person does ----------------------------------------------------------------------------------------


def kill(world: "World", server_id: UUID, back_after_s: float | None = None) -> None:
    """Its process died just now; it starts again when told to, or after so many seconds. Raises: Never."""
    with caught_up(world):
        now = world.door.now()
        server = one_server(world.door, server_id)
        starts_at = None if back_after_s is None else after(now, world.config.scaled(back_after_s))
        if server.runs:
            arriving.go_down(
                world.door, world.config, server, now, now, "its process died", starts_at=starts_at
            )
        else:
            change(world.door, server_id, starts_at=starts_at)


def start(world: "World", server_id: UUID) -> None:
    """Its process runs; one that did already is left alone. Raises: Never."""
    with caught_up(world):
        now = world.door.now()
        server = one_server(world.door, server_id)
        if not server.runs:
            arriving.come_back(world.door, world.config, server, now, now)


def set_reachable(world: "World", server_id: UUID, is_reachable: bool) -> None:
    """Whether the other servers reach it."""
    change(world.door, server_id, is_unreachable=not is_reachable)


def set_refusal(world: "World", server_id: UUID, words: str) -> None:
    """It refuses whatever it is asked with these words; empty: no longer."""
    change(world.door, server_id, refuses_with=words)


def start_jobs(
    world: "World",
    server_id: UUID,
    *,
    count: int,
    seconds: float | None,
    command: str,
    account: str,
    domain: str,
) -> None:
    """So many jobs of other people began on the server; `seconds` None: they never end by themselves.

    Raises: JobRefused (the server is blocked or Down), Never.
    """
    with caught_up(world):
        now = world.door.now()
        server = one_server(world.door, server_id)
        if server.state != ServerState.UP:
            raise JobRefused(blocked_words([server], now))
        ends = None if seconds is None else now + timedelta(seconds=world.config.scaled(seconds))
        resource_type = DEMO_COMMANDS.get(command, "VirtualMachine")
        first = len(world.door.rows("SELECT 1 FROM lab_pending_job"))
        for number in range(first + 1, first + count + 1):
            world.door.run(
                "INSERT INTO lab_pending_job (id, management_server_id, command, resource_type, resource_name,"
                " account, domain, created, ends, recurs, waits)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, false, false)",
                *(
                    uuid4(),
                    server_id,
                    command,
                    resource_type,
                    f"{account}-{number}",
                    account,
                    domain,
                    now,
                    ends,
                ),
            )


def end_jobs(world: "World", *, server_id: UUID | None = None, job_id: UUID | None = None) -> int:
    """These jobs of other people have ended now; the like of one that recurs begins elsewhere. How many."""
    with caught_up(world):
        now = world.door.now()
        rows = world.door.rows(
            "SELECT id FROM lab_pending_job WHERE NOT waits AND (%s::uuid IS NULL OR management_server_id = %s)"
            " AND (%s::uuid IS NULL OR id = %s)",
            *(server_id, server_id),
            *(job_id, job_id),
        )
        for (ended,) in rows:
            end_job(world.door, ended, now, now)
    return len(rows)


def find_server(door: Door, typed: str) -> ServerRow:
    """The server by its name, address or id, the end of its name, or ms1 for the first. Raises: NoSuchThing,
    Ambiguous."""
    servers = all_servers(door)
    exact = [s for s in servers if typed in (s.name, s.address, str(s.id))]
    if not exact and typed.startswith("ms") and typed[2:].isdigit() and 1 <= int(typed[2:]) <= len(servers):
        exact = [servers[int(typed[2:]) - 1]]
    found = exact or [s for s in servers if typed and s.name.endswith(typed)]
    names = ", ".join(server.name for server in found or servers)
    if not found:
        raise NoSuchThing(f"no management server of the lab is called {typed!r}; there are {names}")
    if len(found) > 1:
        raise Ambiguous(f"{typed!r} is the end of several names: {names}")
    return found[0]
