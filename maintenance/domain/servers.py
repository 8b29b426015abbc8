"""Management servers: their states, every legal move between them, and what is refused, in CloudStack's order.

Values and names are CloudStack's (4.21, ManagementServerHost.State and the maintenance plugin's commands). Where we
are stricter it says so: the last server that is Up is never taken, neither into maintenance nor down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

ALGORITHMS = ("static", "roundrobin", "shuffle")


class ServerState(StrEnum):
    """A management server's state, spelled as CloudStack spells it (capital D in ShutDown)."""

    UP = "Up"
    PREPARING_FOR_MAINTENANCE = "PreparingForMaintenance"
    MAINTENANCE = "Maintenance"
    PREPARING_FOR_SHUTDOWN = "PreparingForShutDown"
    READY_TO_SHUTDOWN = "ReadyToShutDown"
    SHUTTING_DOWN = "ShuttingDown"
    DOWN = "Down"


OLD_SPELLINGS = {"PreparingToShutDown": ServerState.PREPARING_FOR_SHUTDOWN}  # the 4.19 line

PREPARING = frozenset({ServerState.PREPARING_FOR_MAINTENANCE, ServerState.PREPARING_FOR_SHUTDOWN})
# Its process runs and refuses new asynchronous work.
BLOCKED = frozenset(ServerState) - {ServerState.UP, ServerState.DOWN}


def server_state(text: str) -> ServerState | None:
    """The state a cloud names, old spellings included; None for one nobody knows."""
    if text in OLD_SPELLINGS:
        return OLD_SPELLINGS[text]
    return ServerState(text) if text in set(ServerState) else None


class ServerMove(StrEnum):
    """What may be asked of a management server; the values are CloudStack's commands."""

    PREPARE = "prepareForMaintenance"
    CANCEL = "cancelMaintenance"
    PREPARE_SHUTDOWN = "prepareForShutdown"
    TRIGGER_SHUTDOWN = "triggerShutdown"
    CANCEL_SHUTDOWN = "cancelShutdown"


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal change of state. `by`: the move a person asks for; None: it happens by itself."""

    before: ServerState
    after: ServerState
    by: ServerMove | None
    when: str


S, M = ServerState, ServerMove

TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        S.UP,
        S.PREPARING_FOR_MAINTENANCE,
        M.PREPARE,
        "accepted: new jobs and new agent connections are refused",
    ),
    Transition(
        S.PREPARING_FOR_MAINTENANCE, S.MAINTENANCE, None, "no job is pending and no agent is left on it"
    ),
    Transition(
        S.PREPARING_FOR_MAINTENANCE, S.MAINTENANCE, None, "the window has ended, and `forced` was asked for"
    ),
    Transition(S.PREPARING_FOR_MAINTENANCE, S.MAINTENANCE, None, "its process starts again in this state"),
    Transition(S.PREPARING_FOR_MAINTENANCE, S.UP, M.CANCEL, "cancelled"),
    Transition(
        S.PREPARING_FOR_MAINTENANCE, S.UP, None, "the window has ended, and `forced` was not asked for"
    ),
    Transition(
        S.PREPARING_FOR_MAINTENANCE, S.UP, None, "handing over its agents failed, indirect or direct ones"
    ),
    Transition(S.MAINTENANCE, S.UP, M.CANCEL, "cancelled"),
    Transition(S.MAINTENANCE, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN, "accepted"),
    Transition(S.MAINTENANCE, S.MAINTENANCE, None, "its process starts again; jobs stay refused"),
    Transition(S.UP, S.PREPARING_FOR_SHUTDOWN, M.PREPARE_SHUTDOWN, "accepted: new jobs are refused"),
    Transition(
        S.UP, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN, "accepted; written as PreparingForShutDown in between"
    ),
    Transition(
        S.PREPARING_FOR_SHUTDOWN, S.READY_TO_SHUTDOWN, None, "no job is pending; agents are not looked at"
    ),
    Transition(S.PREPARING_FOR_SHUTDOWN, S.UP, M.CANCEL_SHUTDOWN, "cancelled"),
    Transition(S.READY_TO_SHUTDOWN, S.UP, M.CANCEL_SHUTDOWN, "cancelled"),
    Transition(S.PREPARING_FOR_SHUTDOWN, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN, "accepted"),
    Transition(S.READY_TO_SHUTDOWN, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN, "accepted"),
    Transition(S.SHUTTING_DOWN, S.DOWN, None, "no job is pending: its process ends"),
)


def legal_moves(state: ServerState) -> frozenset[ServerMove]:
    """What may be asked of a server in this state, by the table."""
    return frozenset(t.by for t in TRANSITIONS if t.before is state and t.by is not None)


def states_for(move: ServerMove) -> frozenset[ServerState]:
    """The states from which this may be asked."""
    return frozenset(t.before for t in TRANSITIONS if t.by is move)


# ---- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server as far as rules need it. `address` is what the `host` setting calls it."""

    id: UUID
    name: str
    address: str
    state: ServerState | None  # None: not one that is known

    @property
    def is_up(self) -> bool:
        return self.state is ServerState.UP


class RefusalCode(StrEnum):
    """Why a move is refused."""

    BAD_ALGORITHM = "bad-algorithm"
    NONE_UP = "none-up"
    ONLY_ONE_UP = "only-one-up"
    UNKNOWN_SERVER = "unknown-server"
    WRONG_STATE = "wrong-state"
    ANOTHER_PREPARES = "another-prepares"
    NO_OTHER_IN_HOST_SETTING = "no-other-in-host-setting"
    UNREACHABLE = "unreachable"
    REFUSED_BY_NODE = "refused-by-node"
    LAST_UP = "last-up"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was done. `legal` are the moves that are possible in the server's state."""

    code: RefusalCode
    words: str
    legal: tuple[ServerMove, ...] = ()


@dataclass(frozen=True, slots=True)
class ServersView:
    """All servers of a cloud and the settings that rules look at.

    `host_setting`: the addresses in the cloud's global setting `host`, in order. `has_indirect_agents`: whether there
    is any KVM host or system VM at all (CloudStack asks this for the whole cloud, not for the one server).
    """

    servers: tuple[ServerFacts, ...]
    host_setting: tuple[str, ...]
    has_indirect_agents: bool

    def find(self, server_id: UUID) -> ServerFacts | None:
        return next((server for server in self.servers if server.id == server_id), None)

    @property
    def up(self) -> list[ServerFacts]:
        return [server for server in self.servers if server.is_up]


def refusal_of(
    move: ServerMove, server_id: UUID, view: ServersView, *, algorithm: str | None = None
) -> Refusal | None:
    """Why the cloud refuses this move now, or None. The first reason in CloudStack's order is the one that is told.

    What only the server itself can say (unreachable, or its own refusal) comes after these.
    """
    match move:
        case ServerMove.PREPARE:
            return _refuse_prepare(server_id, view, algorithm)
        case ServerMove.PREPARE_SHUTDOWN:
            return _refuse_leaving(move, server_id, view)
        case ServerMove.TRIGGER_SHUTDOWN:
            return _refuse_leaving(move, server_id, view)
        case ServerMove.CANCEL | ServerMove.CANCEL_SHUTDOWN:
            return _refuse_state(move, server_id, view)


def _refuse_prepare(server_id: UUID, view: ServersView, algorithm: str | None) -> Refusal | None:
    if algorithm and algorithm not in ALGORITHMS:
        words = f"there is no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}"
        return Refusal(RefusalCode.BAD_ALGORITHM, words)
    if not view.up:
        return Refusal(RefusalCode.NONE_UP, "no management server is Up")
    if len(view.up) == 1:
        words = f"only one management server is Up ({view.up[0].name}); maintenance needs another that is Up"
        return Refusal(RefusalCode.ONLY_ONE_UP, words, _legal(view, server_id))
    if refused := _refuse_state(ServerMove.PREPARE, server_id, view) or _refuse_second(server_id, view):
        return refused
    others = remaining_addresses(view, leaving=server_id)
    if view.has_indirect_agents and not others:
        server = view.find(server_id)
        assert server is not None
        words = (
            f"the setting `host` ({', '.join(view.host_setting) or 'empty'}) names no other management server that is "
            f"Up: the agents of {server.name} would have nowhere to go"
        )
        return Refusal(RefusalCode.NO_OTHER_IN_HOST_SETTING, words, _legal(view, server_id))
    return None


def _refuse_leaving(move: ServerMove, server_id: UUID, view: ServersView) -> Refusal | None:
    """Shutdown. CloudStack lets the last server that is Up go down; we do not."""
    if refused := _refuse_state(move, server_id, view):
        return refused
    server = view.find(server_id)
    assert server is not None
    if server.is_up and (refused := _refuse_second(server_id, view)):
        return refused
    if not [other for other in view.up if other.id != server_id]:
        words = f"{server.name} cannot go down: no other management server is Up"
        return Refusal(RefusalCode.LAST_UP, words, _legal(view, server_id) if not server.is_up else ())
    return None


def _refuse_state(move: ServerMove, server_id: UUID, view: ServersView) -> Refusal | None:
    server = view.find(server_id)
    if server is None:
        return Refusal(RefusalCode.UNKNOWN_SERVER, f"there is no management server {server_id}")
    if server.state not in states_for(move):
        words = f"{server.name} is {server.state or 'in a state nobody knows'}: {move} is not possible"
        return Refusal(RefusalCode.WRONG_STATE, words, _legal(view, server_id))
    return None


def _refuse_second(server_id: UUID, view: ServersView) -> Refusal | None:
    """One server prepares at a time; a second may follow once the first has arrived."""
    preparing = [s for s in view.servers if s.state in PREPARING]
    if not preparing:
        return None
    words = f"{preparing[0].name} is {preparing[0].state}; one management server prepares at a time"
    return Refusal(RefusalCode.ANOTHER_PREPARES, words)


def _legal(view: ServersView, server_id: UUID) -> tuple[ServerMove, ...]:
    server = view.find(server_id)
    return tuple(sorted(legal_moves(server.state))) if server and server.state else ()


def blocked_words(servers: Sequence[ServerFacts], wait_s: int) -> str:
    """Why nothing new can be asked of the cloud now, and when to try again."""
    named = ", ".join(f"{server.name} is {server.state or 'in a state nobody knows'}" for server in servers)
    return (
        f"in maintenance, try again in about {_about(wait_s)}: no management server takes new work ({named})"
    )


def _about(seconds: int) -> str:
    return f"{max(1, round(seconds / 60))} min" if seconds >= 60 else f"{max(1, seconds)} s"


def remaining_addresses(view: ServersView, *, leaving: UUID) -> list[str]:
    """Addresses of the `host` setting that agents can go to: not the leaving server's, and of a server that is Up.

    An address that belongs to no known server counts as one (CloudStack only takes known ones that are not Up away).
    """
    gone = {s.address for s in view.servers if s.id == leaving or not s.is_up}
    return [address for address in view.host_setting if address not in gone]


def up_after(view: ServersView, leaving: Iterable[UUID]) -> Sequence[ServerFacts]:
    """The servers that stay Up when these leave."""
    left = set(leaving)
    return [server for server in view.up if server.id not in left]
