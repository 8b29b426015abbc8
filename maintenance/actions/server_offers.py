"""What may be asked of a management server now, by the same rules that refuse it; and waiting until it is seen."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.actions.errors import AllBlocked
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import (
    BLOCKED,
    ServerMove,
    ServerState,
    blocked_words,
    refusal_of,
)
from maintenance.domain.states import RUN_ACTIVE, RunKind, Stage, TargetState
from maintenance.models import Cloud, ManagementServer, Run, Step, Target
from maintenance.servers_view import servers_view

LOOK_EVERY_S = 0.1
RETRY_AFTER_S = 60  # where no window tells when a server takes work again


@dataclass(frozen=True, slots=True)
class ServerOffer:
    """One move: whether it would be accepted now, and if not, why."""

    move: ServerMove
    is_possible: bool
    why_not: str = ""


def moves_of(server: ManagementServer, now: datetime) -> list[ServerOffer]:
    """Every move, in CloudStack's order."""
    return offers_of(server.cloud, [server], now)[server.id]


def offers_of(
    cloud: Cloud, servers: Sequence[ManagementServer], now: datetime
) -> Mapping[UUID, list[ServerOffer]]:
    """`moves_of` for several servers of one cloud; the number of queries does not depend on how many."""
    view = servers_view(cloud)
    owners = _owners(servers)
    found: dict[UUID, list[ServerOffer]] = {}
    for server in servers:
        offers: list[ServerOffer] = []
        for move in ServerMove:
            if not server.is_known(now):
                why = f"the state of {server.name} is not known now"
            elif refusal := refusal_of(move, server.id, view):
                why = refusal.words
            else:
                why = _owned(owners.get(server.id), move)
            offers.append(ServerOffer(move, not why, why))
        found[server.id] = offers
    return found


def _owners(servers: Sequence[ManagementServer]) -> Mapping[UUID, Target]:
    ids = [server.id for server in servers]
    open_ones = Target.objects.filter(server__in=ids, is_open=True, run__state__in=RUN_ACTIVE)
    return {target.server_key: target for target in open_ones.select_related("run")}


MAY_STEER: Mapping[ServerMove, frozenset[RunKind]] = {  # moves that a run of this kind goes on with
    ServerMove.PREPARE: frozenset(),
    ServerMove.PREPARE_SHUTDOWN: frozenset(),
    ServerMove.CANCEL: frozenset({RunKind.SERVER_MAINTENANCE}),
    ServerMove.CANCEL_SHUTDOWN: frozenset({RunKind.SERVER_SHUTDOWN}),
    ServerMove.TRIGGER_SHUTDOWN: frozenset({RunKind.SERVER_MAINTENANCE, RunKind.SERVER_SHUTDOWN}),
}


def _owned(target: Target | None, move: ServerMove) -> str:
    if target is None or target.run.kind in MAY_STEER[move]:
        return ""
    return has_it(target, "it")


def has_it(target: Target, name: str) -> str:
    """Who has the server, and what to do about it."""
    return f"run {target.run.number} (started by {target.run.started_by}) has {name}; steer that run instead"


# ---- every server blocked -------------------------------------------------------------------------------------------


def refuse_when_all_blocked(cloud: Cloud) -> None:
    """New work needs one server that takes it. Raises: AllBlocked."""
    if blocked := all_blocked(cloud):
        raise blocked


def all_blocked(cloud: Cloud) -> AllBlocked | None:
    """Why nothing new can be asked of this cloud now, or None. Servers that were not read lately say nothing."""
    now = database_now()
    rows = list(ManagementServer.objects.filter(cloud=cloud, gone_at=None).select_related("cloud"))
    if not rows or not all(row.is_known(now) for row in rows):
        return None
    view = servers_view(cloud, rows)
    if view.up or not any(server.state in BLOCKED for server in view.servers):
        return None
    waits = [
        int((row.window_ends_at - now).total_seconds())
        for row in rows
        if row.window_ends_at is not None and row.window_ends_at > now
    ]
    wait_s = max(1, min(waits, default=RETRY_AFTER_S))
    return AllBlocked(blocked_words(view.servers, wait_s), retry_after_s=wait_s)


# ---- reading back ---------------------------------------------------------------------------------------------------

SEEN: Mapping[Stage, frozenset[ServerState]] = {
    Stage.SERVER_PREPARE: frozenset({ServerState.PREPARING_FOR_MAINTENANCE, ServerState.MAINTENANCE}),
    Stage.SERVER_PREPARE_SHUTDOWN: frozenset(
        {ServerState.PREPARING_FOR_SHUTDOWN, ServerState.READY_TO_SHUTDOWN}
    ),
    Stage.SERVER_SHUT_DOWN: frozenset({ServerState.SHUTTING_DOWN, ServerState.DOWN}),
    Stage.SERVER_CANCEL: frozenset({ServerState.UP}),
    Stage.SERVER_CANCEL_SHUTDOWN: frozenset({ServerState.UP}),
}


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """How a request began. `refused`: the cloud's or the rule's words, when nothing was done; otherwise empty.
    `was_seen`: whether the first new state was read back in time."""

    state: str
    run_state: str
    was_seen: bool
    refused: str = ""


def read_back(run: Run, server_id: UUID, *, timeout_s: float = 10) -> ServerAnswer:
    """Waits until the server's first new state was read back, or the request was refused; at most `timeout_s`."""
    ends = time.monotonic() + timeout_s
    while True:
        answer = _answer(run.id, server_id)
        if answer.was_seen or answer.refused or time.monotonic() >= ends:
            return answer
        time.sleep(LOOK_EVERY_S)


def _answer(run_id: UUID, server_id: UUID) -> ServerAnswer:
    run = Run.objects.get(id=run_id)
    server = ManagementServer.objects.get(id=server_id)
    target = Target.objects.get(run=run, server=server)
    steps = Step.objects.filter(target=target)
    step = steps.exclude(started=None).order_by("-started").first()
    if step is None or target.next_stage or steps.filter(started=None).exists():
        return ServerAnswer(server.state, run.state, was_seen=False)
    has_failed = target.state in {TargetState.FAILED, TargetState.NEEDS_PERSON}
    refused = target.failing or (target.detail if has_failed else "")
    seen = step.outcome == Outcome.OK or server.state in SEEN.get(Stage(step.stage), frozenset())
    return ServerAnswer(server.state, run.state, was_seen=seen and not refused, refused=refused)
