"""Prepare: into maintenance (jobs end, agents leave), or ready to shut down (jobs end). Watched until it arrives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from maintenance.backends.base import Never
from maintenance.backends.servers import ServerLook
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.server_waits import LeftAgent, PendingWork, left_words
from maintenance.domain.servers import ServerMove, ServerState, server_state
from maintenance.domain.states import Stage
from maintenance.engine.hands import Hands
from maintenance.engine.servers.ask import accepted, ask
from maintenance.engine.servers.look import look_at_server, show, state_of, window_of
from maintenance.engine.settle import Ending, end_step
from maintenance.models import ManagementServer

LOOK_EVERY_S = 0.25
WINDOW_GRACE = timedelta(minutes=2)  # the cloud ends the window itself; later than this something is wrong


@dataclass(frozen=True, slots=True)
class Way:
    """What is asked, how the server is on the way, and where it arrives."""

    move: ServerMove
    on_the_way: ServerState
    arrived: ServerState


WAYS = {
    Stage.SERVER_PREPARE: Way(
        ServerMove.PREPARE, ServerState.PREPARING_FOR_MAINTENANCE, ServerState.MAINTENANCE
    ),
    Stage.SERVER_PREPARE_SHUTDOWN: Way(
        ServerMove.PREPARE_SHUTDOWN, ServerState.PREPARING_FOR_SHUTDOWN, ServerState.READY_TO_SHUTDOWN
    ),
}


def prepare(hands: Hands) -> None:
    """The server has arrived, or it will not: then the step ends and it goes home. Re-entrant: whoever takes the step
    over looks first, and asks only when nothing came of the earlier request. Raises: LostLease, EngineStops.
    """
    while True:
        if hands.orders.wants_stop or hands.target.cancelling:
            return end_step(hands.claim, Ending(Outcome.STOPPED, "cancelled by a person"))
        ending = _look(hands, WAYS[hands.claim.stage])
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look(hands: Hands, way: Way) -> Ending | None:
    """One look: how it ended, or None while it goes on."""
    try:
        look = look_at_server(hands)
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if look is None:
        return None
    state = state_of(look)
    if state is way.arrived:
        show(hands, look)
        return Ending(Outcome.OK)
    if state is way.on_the_way:
        show(hands, look)
        return _over_time(hands)
    if state is ServerState.UP:
        if accepted(hands, way.move) or hands.step.movement:
            return Ending(Outcome.FAILED, _why_up_again(hands, look))
        return ask(hands, way.move)
    words = f"{look.server.name} is {look.server.state}: it did not get to {way.arrived}"
    return Ending(Outcome.FAILED, words)


def _over_time(hands: Hands) -> Ending | None:
    """The cloud ends the window itself; one that does not is not waited for for ever."""
    window = window_of(hands)
    if window is None or database_now() <= window + WINDOW_GRACE:
        return None
    return Ending(
        Outcome.TIMED_OUT, f"still {WAYS[hands.claim.stage].on_the_way} long after its window ended"
    )


def _why_up_again(hands: Hands, look: ServerLook) -> str:
    """It was on its way and is Up: the window ended, its agents could not be handed over, or others cancelled. What was
    left is named as it was last seen."""
    now, name = database_now(), look.server.name
    had = hands.step.movement
    hands_over = hands.claim.stage is Stage.SERVER_PREPARE
    has_no_place = hands_over and not look.server.pending_jobs and not _is_another_up(look)
    left = left_words(
        jobs=[_job(job) for job in had.get("jobs", [])],
        jobs_left=0 if has_no_place else had.get("jobs_left", 0),
        agents=[LeftAgent(agent["name"]) for agent in had.get("agents", [])],
        agents_left=had.get("agents_left", 0) if hands_over else 0,
        now=now,
    )
    if has_no_place:
        return f"no other server was Up for its agents: {left}; {name} is Up again"
    ends_at = had.get("window_ends_at")
    if ends_at and ends_at <= now.isoformat():
        return f"its window ended before it was ready: {left}; {name} is Up again"
    if had and not had.get("jobs_left"):
        return f"its agents could not be handed over, or others cancelled: {left}; {name} is Up again"
    return f"{name} is Up again, not by this run: {left}"


def _job(kept: Mapping[str, Any]) -> PendingWork:
    """As the step's movement has it."""
    since = datetime.fromisoformat(kept["created"])
    return PendingWork(UUID(kept["id"]), kept["command"], kept["resource_name"], kept["account"], since)


def _is_another_up(look: ServerLook) -> bool:
    """As the server itself sees the others; where the cloud does not tell that, as they were last read."""
    if look.server.peers:
        return any(server_state(peer.state) is ServerState.UP for peer in look.server.peers)
    cloud = ManagementServer.objects.filter(id=look.server.id).values("cloud")
    others = ManagementServer.objects.filter(cloud__in=cloud, gone_at=None, state=ServerState.UP)
    return others.exclude(id=look.server.id).exists()
