"""Prepare: into maintenance (jobs end, agents leave), or ready to shut down (jobs end). Watched until it arrives."""

from dataclasses import dataclass
from datetime import timedelta

from maintenance.backends.base import Never
from maintenance.backends.servers import ServerLook
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import ServerMove, ServerState
from maintenance.domain.states import Stage
from maintenance.engine.hands import Hands
from maintenance.engine.servers.ask import accepted, ask
from maintenance.engine.servers.look import look_at_server, show, state_of, window_of
from maintenance.engine.settle import Ending, end_step

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
    """It was on its way and is Up: the window ended, its agents could not be handed over, or others cancelled."""
    had = hands.step.movement
    left = f"{had.get('jobs_left', 0)} jobs and {had.get('agents_left', 0)} agents were left"
    ends_at = had.get("window_ends_at")
    if ends_at and ends_at <= database_now().isoformat():
        return f"its window ended before it was ready: {left}; {look.server.name} is Up again"
    if had and not had.get("jobs_left"):
        return f"its agents could not be handed over, or others cancelled: {left}; {look.server.name} is Up again"
    return f"{look.server.name} is Up again, not by this run: {left}"
