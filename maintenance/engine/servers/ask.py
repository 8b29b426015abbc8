"""Asking something of the cloud about a server: the rule looked at once more, the request written, then sent."""

from collections.abc import Callable
from datetime import datetime

from maintenance.backends.base import Later, Never, NoReply
from maintenance.backends.servers import ServersRead
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import Refusal, ServerMove, refusal_of
from maintenance.engine.claim import check_claim
from maintenance.engine.hands import Hands
from maintenance.engine.intents import open_intents, send_at_once, write_intent
from maintenance.engine.settle import Ending
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Cloud, Intent
from maintenance.servers_view import servers_view

LATER_S_MAX = 30.0


def ask(hands: Hands, move: ServerMove) -> Ending | None:
    """The request was sent, or postponed, or is still on its way: look again. An ending when it was refused.

    Raises: LostLease, EngineStops.
    """
    if open_intents(hands).exists():
        return None
    try:
        reading = hands.cloud.read_servers()
    except (Later, NoReply) as reason:
        hands.note(f"the cloud cannot be read: {reason}")
        return None
    if refusal := _refused(hands, move, reading):
        return Ending(Outcome.REFUSED, refusal.words)
    with unit_of_work(ENGINE):
        check_claim(hands.claim)
        intent = write_intent(hands, move)
    try:
        send_at_once(hands, intent, _request(hands, move))
    except Never as refusal:
        return Ending(Outcome.REFUSED, f"the cloud refused: {refusal}")
    except Later as reason:
        hands.note(f"the cloud said later: {reason}")
        hands.rest(min(reason.retry_after_s or 1, LATER_S_MAX))
    return None


def _refused(hands: Hands, move: ServerMove, reading: ServersRead) -> Refusal | None:
    """Our own rules are stricter than the cloud's: the last server that is Up never goes down."""
    cloud = Cloud.objects.get(id=hands.run.cloud_id)
    return refusal_of(
        move, hands.server_id, servers_view(cloud, reading.servers), algorithm=hands.run.algorithm
    )


def _request(hands: Hands, move: ServerMove) -> Callable[[datetime], bool]:
    server, run, cloud = hands.server_id, hands.run, hands.cloud

    def send(expires_at: datetime) -> bool:
        match move:
            case ServerMove.PREPARE:
                algorithm = run.algorithm or None
                cloud.prepare_server(server, algorithm=algorithm, forced=run.forced, expires_at=expires_at)
            case ServerMove.CANCEL:
                cloud.cancel_server_maintenance(server, rebalance=run.rebalance, expires_at=expires_at)
            case ServerMove.PREPARE_SHUTDOWN:
                cloud.prepare_server_shutdown(server, expires_at=expires_at)
            case ServerMove.TRIGGER_SHUTDOWN:
                cloud.trigger_server_shutdown(server, expires_at=expires_at)
            case ServerMove.CANCEL_SHUTDOWN:
                cloud.cancel_server_shutdown(server, expires_at=expires_at)
        return True

    return send


def accepted(hands: Hands, move: ServerMove) -> Intent | None:
    """The newest request of this step that the cloud has accepted, as far as an answer was read."""
    found = Intent.objects.filter(step=hands.step, action=move, settled_at__isnull=False, refused="")
    return found.order_by("-written_at").first()
