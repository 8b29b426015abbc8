"""Restart: its process ends, starts again, and is watched for a while before the next server's turn."""

from datetime import datetime, timedelta

from maintenance.backends.base import Later, Never
from maintenance.backends.servers import ServerLook
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import ServerMove, ServerState
from maintenance.domain.states import RunKind
from maintenance.engine.claim import check_claim
from maintenance.engine.hands import Hands
from maintenance.engine.intents import open_intents, send_at_once, write_intent
from maintenance.engine.servers.ask import accepted, ask
from maintenance.engine.servers.home import agents_away
from maintenance.engine.servers.look import look_at_server, show, state_of
from maintenance.engine.settle import Ending, end_step
from maintenance.feed import ENGINE, unit_of_work
from maintenance.limits import SERVER_RETURN_TIMEOUT_S
from maintenance.models import Intent

LOOK_EVERY_S = 0.25
START_EVERY = timedelta(seconds=10)
HOME_WITHIN = timedelta(seconds=120)  # agents that are not home so long after it settled: in doubt
START = "start"


def shut_down(hands: Hands) -> None:
    """The server is seen Down, or seen started anew. Asked once; a lost connection is no failure: others are asked
    how it is. Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(hands.run.drain_timeout_s)
    while True:
        ending = _look_down(hands)
        if ending is None and database_now() > deadline:
            words = f"not down after {hands.run.drain_timeout_s} s: {_jobs_left(hands)}"
            ending = Ending(Outcome.TIMED_OUT, words)
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look_down(hands: Hands) -> Ending | None:
    try:
        look = look_at_server(hands)
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if look is None:
        return None
    state = state_of(look)
    if state is ServerState.DOWN:
        return Ending(Outcome.OK)
    if state is ServerState.SHUTTING_DOWN:
        show(hands, look)
        return None
    if _started_since(hands, look):
        return Ending(Outcome.OK, "it went down and has started again")
    if accepted(hands, ServerMove.TRIGGER_SHUTDOWN):
        return Ending(
            Outcome.FAILED, f"the shutdown was accepted, and {look.server.name} is {look.server.state}"
        )
    if state is ServerState.UP and hands.run.kind == RunKind.SERVER_RESTART:
        words = (
            f"{look.server.name} is Up again, not by this run: it does not go down with its agents and jobs"
        )
        return Ending(Outcome.REFUSED, words)
    return ask(hands, ServerMove.TRIGGER_SHUTDOWN)


def _started_since(hands: Hands, look: ServerLook) -> bool:
    """Its process is younger than our first request: it was down in between."""
    first = Intent.objects.filter(step=hands.step, action=ServerMove.TRIGGER_SHUTDOWN).first()
    started_at = look.server.started_at
    return first is not None and started_at is not None and started_at > first.written_at


def _jobs_left(hands: Hands) -> str:
    left = hands.step.movement.get("jobs_left", 0)
    return f"{left} {'job is' if left == 1 else 'jobs are'} left" if left else "no job is left"


def come_back(hands: Hands) -> None:
    """The server answers again, whatever its state. Where the cloud offers it, it is asked to start; elsewhere its own
    service manager or a person does. Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(SERVER_RETURN_TIMEOUT_S.now())
    while True:
        ending = _look_back(hands)
        if ending is None and database_now() > deadline:
            words = f"{hands.target.name} has not come back after {SERVER_RETURN_TIMEOUT_S.now()} s: {hands.step.note}"
            ending = Ending(Outcome.TIMED_OUT, words)
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look_back(hands: Hands) -> Ending | None:
    try:
        look = look_at_server(hands)
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if look is None:
        return None
    state = state_of(look)
    if state in {ServerState.UP, ServerState.MAINTENANCE, ServerState.PREPARING_FOR_MAINTENANCE}:
        return Ending(Outcome.OK)
    if not Intent.objects.filter(step=hands.step, action=START).exists():
        hands.note(f"{look.server.name} is {look.server.state}: waiting until its process has started")
    return _start(hands) if state is ServerState.DOWN else None


def _start(hands: Hands) -> Ending | None:
    """Ask the cloud to start it, now and then, where it can."""
    lately = Intent.objects.filter(
        step=hands.step, action=START, written_at__gt=database_now() - START_EVERY
    ).exists()
    if lately or open_intents(hands).exists():
        return None
    with unit_of_work(ENGINE):
        check_claim(hands.claim)
        intent = write_intent(hands, START)
    offered = False

    def ask_to_start(expires_at: object) -> bool:
        nonlocal offered
        offered = hands.cloud.start_server(hands.server_id, expires_at=intent.expires_at)
        return True

    try:
        is_answered = send_at_once(hands, intent, ask_to_start)
    except Never as refusal:
        return Ending(Outcome.REFUSED, f"the cloud refused to start it: {refusal}")
    except Later as reason:
        hands.note(f"the cloud said later: {reason}")
        return None
    if is_answered and not offered:
        hands.note(
            f"{hands.target.name} is Down: its service manager starts it, or somebody there does "
            "(systemctl start cloudstack-management)"
        )
    return None


# ---- settle ---------------------------------------------------------------------------------------------------------


def settle(hands: Hands) -> None:
    """The server was seen Up for `settle_s`, is seen Up at its end, and its agents are home. Anything else is doubt,
    and the line stops. Raises: LostLease, EngineStops.
    """
    quiet_until = hands.deadline(hands.run.settle_s)
    while True:
        if hands.orders.wants_stop or hands.target.cancelling:
            return end_step(hands.claim, Ending(Outcome.STOPPED, "cancelled by a person"))
        ending = _look_settled(hands, quiet_until)
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look_settled(hands: Hands, quiet_until: datetime) -> Ending | None:
    """Settled, doubt, or None while it is watched. A cloud that cannot be read just now is no doubt, and no evidence
    either: it is asked again, for a while."""
    try:
        look = look_at_server(hands)
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    is_late = database_now() > quiet_until + HOME_WITHIN
    if look is None:
        return Ending(Outcome.TIMED_OUT, f"not seen settled: {hands.step.note}") if is_late else None
    if state_of(look) is not ServerState.UP:
        return Ending(Outcome.FAILED, f"{look.server.name} was Up and is {look.server.state} now")
    show(hands, look)
    if database_now() < quiet_until:
        return None
    away = agents_away(hands)
    if away == 0:
        return Ending(Outcome.OK)
    if is_late:
        return Ending(Outcome.TIMED_OUT, f"{_away(away)} not back on it")
    hands.note(f"settled; waiting for its agents: {_away(away)} not back on it")
    return None


def _away(agents: int | None) -> str:
    if agents is None:
        return "it is not known which agents are"
    return f"{agents} {'agent is' if agents == 1 else 'agents are'}"
