"""Cancel: a server goes back to Up from wherever preparing has brought it, and is believed when it is seen Up."""

from datetime import timedelta

from maintenance.backends.base import Never
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import ServerMove, ServerState
from maintenance.engine.hands import Hands
from maintenance.engine.intents import open_intents
from maintenance.engine.servers.ask import ask
from maintenance.engine.servers.look import look_at_server, show, state_of
from maintenance.engine.settle import Ending, end_step
from maintenance.limits import SERVER_RETURN_TIMEOUT_S

LOOK_EVERY_S = 0.2

HOW = {
    ServerState.PREPARING_FOR_MAINTENANCE: ServerMove.CANCEL,
    ServerState.MAINTENANCE: ServerMove.CANCEL,
    ServerState.PREPARING_FOR_SHUTDOWN: ServerMove.CANCEL_SHUTDOWN,
    ServerState.READY_TO_SHUTDOWN: ServerMove.CANCEL_SHUTDOWN,
}


def take_back(hands: Hands) -> None:
    """The server is seen Up with its listener and tasks running, no request for it open; or it is flagged. Re-entrant.

    Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(SERVER_RETURN_TIMEOUT_S.now())
    while True:
        ending = _look(hands)
        if ending is None and database_now() > deadline:
            words = hands.step.note or "no answer"
            ending = Ending(Outcome.TIMED_OUT, f"not Up after {SERVER_RETURN_TIMEOUT_S.now()} s: {words}")
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look(hands: Hands) -> Ending | None:
    try:
        look = look_at_server(hands)
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if look is None:
        return None
    show(hands, look)
    state = state_of(look)
    if state is ServerState.UP:
        stopped = [name for name, runs in look.server.tasks.items() if not runs]
        if stopped:
            hands.note(f"{look.server.name} is Up; still starting: {', '.join(stopped)}")
            return None
        return None if open_intents(hands).exists() else Ending(Outcome.OK)
    if state in HOW:
        refused = ask(hands, HOW[state])
        if refused is not None:  # it may have arrived elsewhere in between: looked at until the deadline
            hands.note(refused.detail)
            hands.rest(1)
        return None
    if state is ServerState.DOWN and not _may_come_back(hands):
        return Ending(Outcome.FAILED, f"{look.server.name} is Down: there is nothing to cancel")
    hands.note(f"{look.server.name} is {look.server.state}")
    return None


def _may_come_back(hands: Hands) -> bool:
    """A process that has just died may be started again by its service manager: one minute is waited."""
    began = hands.step.started
    return began is None or database_now() - began < timedelta(minutes=1)
