"""`manage.py lab server …` and `lab jobs …`: what a person types about management servers and their jobs."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.servers.asked import Asked
from maintenance.backends.lab.servers.jobs import cut_off_now
from maintenance.backends.lab.servers.reading import look_at_server, read_servers
from maintenance.backends.lab.servers.rows import ServerRow
from maintenance.backends.lab.world import World
from maintenance.backends.servers import ManagementServerRead, PendingJobRead
from maintenance.domain.servers import ALGORITHMS, ServerMove, ServerState

MOVES = {
    "prepare": ServerMove.PREPARE,
    "cancel": ServerMove.CANCEL,
    "prepare-shutdown": ServerMove.PREPARE_SHUTDOWN,
    "trigger-shutdown": ServerMove.TRIGGER_SHUTDOWN,
    "cancel-shutdown": ServerMove.CANCEL_SHUTDOWN,
}
TYPED_EXPIRES_S = 60


class BadWish(Exception):
    """What was typed does not fit together."""


# What typing these may raise besides what the lab raises anyway.
REFUSALS = (by_hand.JobRefused, BadWish)


def add_arguments(actions: Any) -> None:
    """`server` and `jobs` are actions."""
    _server_arguments(actions)
    _job_arguments(actions)


def _server_arguments(actions: Any) -> None:
    server = actions.add_parser(
        "server", help="management servers; SERVER is a name or its end, an address, or ms1 for the first"
    )
    whats = server.add_subparsers(dest="server_action", required=True)
    acts: dict[str, tuple[Callable[[World, Namespace], Iterable[str]], str]] = {
        "show": (_show, "its state, jobs, agents and background tasks"),
        "kill": (_kill, "its process dies now: its jobs are cut off, its agents connect elsewhere"),
        "start": (_start, "its process runs"),
        **{name: (_move, str(move)) for name, move in MOVES.items()},
        "unreachable": (_unreachable, "the other servers cannot reach it"),
        "reachable": (_unreachable, "they can again"),
        "refuse": (_refuse, "it refuses whatever it is asked with TEXT; without TEXT no longer"),
    }
    for name, (act, help_) in acts.items():
        parser: ArgumentParser = whats.add_parser(name, help=help_)
        parser.add_argument("server", nargs="?" if name == "show" else None)
        if name == "kill":
            parser.add_argument(
                "--back-after", type=float, metavar="S", help="it starts again after S seconds"
            )
        if name == "prepare":
            parser.add_argument("--algorithm", choices=ALGORITHMS)
            parser.add_argument("--forced", action="store_true")
        if name == "cancel":
            parser.add_argument("--no-rebalance", action="store_true")
        if name == "refuse":
            parser.add_argument("text", nargs="?", default="")
        parser.set_defaults(act=act)


def _job_arguments(actions: Any) -> None:
    jobs = actions.add_parser("jobs", help="asynchronous jobs of other people: start, end, list")
    whats = jobs.add_subparsers(dest="jobs_action", required=True)
    start: ArgumentParser = whats.add_parser("start")
    start.add_argument("--server", required=True)
    start.add_argument("--count", type=int, default=1)
    start.add_argument("--command", choices=sorted(by_hand.DEMO_COMMANDS), default="StartVMCmdByAdmin")
    start.add_argument("--account", default="admin")
    start.add_argument("--domain", default="ROOT")
    ends = start.add_mutually_exclusive_group()
    ends.add_argument("--seconds", type=float, default=30.0)
    ends.add_argument("--never-ends", action="store_true")
    start.set_defaults(act=_start_jobs)
    end: ArgumentParser = whats.add_parser("end", help="jobs of a server, one job, or all")
    which = end.add_mutually_exclusive_group(required=True)
    which.add_argument("--server")
    which.add_argument("--job", type=UUID, metavar="ID")
    which.add_argument("--all", action="store_true")
    end.set_defaults(act=_end_jobs)
    listing: ArgumentParser = whats.add_parser("list", help="pending jobs, and those that were cut off")
    listing.add_argument("--server")
    listing.set_defaults(act=_list_jobs)


def _find(world: World, wanted: Namespace) -> ServerRow:
    return by_hand.find_server(world.door, wanted.server)


def _show(world: World, wanted: Namespace) -> Iterable[str]:
    if wanted.server is None:
        return show_servers(world)
    return _one_in_full(world, _find(world, wanted).id)


def show_servers(world: World) -> Iterator[str]:
    """A line for each server."""
    for server in read_servers(world).servers:
        yield (
            f"{server.name}  {server.address}  {server.state}  {server.agents} agents"
            f"  {server.pending_jobs} pending jobs{_until(server)}"
        )


def _until(server: ManagementServerRead) -> str:
    return f"  window ends {server.window_ends_at:%H:%M:%S}" if server.window_ends_at else ""


def _one_in_full(world: World, server_id: UUID) -> Iterator[str]:
    look = look_at_server(world, server_id)
    server = look.server
    yield f"{server.name}  {server.address}  {server.state}  {server.agents} agents{_until(server)}"
    yield (
        f"  CloudStack {server.version}, Java {server.java_version}, {server.os_distribution},"
        f" kernel {server.kernel_version}"
    )
    for name, runs in server.tasks.items():
        yield f"  {name:28} {'running' if runs else 'stopped'}"
    yield from (f"  {_job_line(job)}" for job in look.jobs)
    if server.state == ServerState.PREPARING_FOR_MAINTENANCE:
        for agent in look.agents:
            goes = f"goes to {agent.goes_to}" if agent.goes_to else "waits for the jobs"
            yield f"  {agent.name:34} {agent.stuck or goes}"
    for at, state, why in world.door.rows(
        "SELECT at, state, why FROM lab_server_moment WHERE server_id = %s ORDER BY id DESC LIMIT 10",
        server_id,
    ):
        yield f"  {at:%H:%M:%S.%f}  {state}: {why}"


def _kill(world: World, wanted: Namespace) -> Iterable[str]:
    server = _find(world, wanted)
    by_hand.kill(world, server.id, wanted.back_after)
    return _state_of(world, server)


def _start(world: World, wanted: Namespace) -> Iterable[str]:
    server = _find(world, wanted)
    by_hand.start(world, server.id)
    return _state_of(world, server)


def _move(world: World, wanted: Namespace) -> Iterable[str]:
    server, move = _find(world, wanted), MOVES[wanted.server_action]
    details: dict[str, Any] = {}
    if move is ServerMove.PREPARE:
        details = {"algorithm": wanted.algorithm, "forced": wanted.forced}
    elif move is ServerMove.CANCEL:
        details = {"rebalance": not wanted.no_rebalance}
    expires_at = world.door.now() + timedelta(seconds=TYPED_EXPIRES_S)
    by_hand.accept(world, Asked(uuid4(), server.id, move, expires_at, details))
    return _state_of(world, server)


def _unreachable(world: World, wanted: Namespace) -> Iterable[str]:
    server, is_reachable = _find(world, wanted), wanted.server_action == "reachable"
    by_hand.set_reachable(world, server.id, is_reachable)
    return [f"{server.name} can {'' if is_reachable else 'not '}be reached by the other management servers"]


def _refuse(world: World, wanted: Namespace) -> Iterable[str]:
    server = _find(world, wanted)
    by_hand.set_refusal(world, server.id, wanted.text)
    return [f"{server.name} refuses: {wanted.text}" if wanted.text else f"{server.name} refuses by rule only"]


def _state_of(world: World, server: ServerRow) -> Iterable[str]:
    return [f"{server.name} is {look_at_server(world, server.id).server.state}"]


def _start_jobs(world: World, wanted: Namespace) -> Iterable[str]:
    if wanted.count < 1 or wanted.seconds < 0:
        raise BadWish("--count is at least 1, --seconds at least 0")
    server = _find(world, wanted)
    by_hand.start_jobs(
        world,
        server.id,
        count=wanted.count,
        seconds=None if wanted.never_ends else wanted.seconds,
        command=wanted.command,
        account=wanted.account,
        domain=wanted.domain,
    )
    how_long = "that never end" if wanted.never_ends else f"of {wanted.seconds:g} s"
    return [f"{wanted.count} jobs {wanted.command} {how_long} began on {server.name}"]


def _end_jobs(world: World, wanted: Namespace) -> Iterable[str]:
    server_id = _find(world, wanted).id if wanted.server else None
    ended = by_hand.end_jobs(world, server_id=server_id, job_id=wanted.job)
    return [f"{ended} jobs ended"]


def _list_jobs(world: World, wanted: Namespace) -> Iterator[str]:
    only = _find(world, wanted).id if wanted.server else None
    read = read_servers(world)
    names = {server.id: server.name for server in read.servers}
    for job in read.jobs:
        if only is None or job.management_server_id == only:
            where = names.get(job.management_server_id, "") if job.management_server_id else ""
            yield f"{job.id}  {where}  {_job_line(job)}"
    for cut in cut_off_now(world.door):
        if only is None or cut.management_server_id == only:
            yield f"cut off {cut.ended_at:%H:%M:%S}: {cut.command} {cut.resource_name} on {cut.server_name}: {cut.why}"


def _job_line(job: PendingJobRead) -> str:
    progress = "never ends" if job.progress is None else f"{job.progress} %"
    return f"{job.command:24} {job.resource_type} {job.resource_name}  {job.account}  {progress}"
