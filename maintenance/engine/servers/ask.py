"""Asking something of the cloud about a server: the rule looked at once more, the request written, then sent."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Q

from maintenance.backends.base import Later, Never, NoReply
from maintenance.backends.servers import ServersRead
from maintenance.clock import database_now
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
LEAVES = frozenset({ServerMove.PREPARE, ServerMove.PREPARE_SHUTDOWN, ServerMove.TRIGGER_SHUTDOWN})


def ask(hands: Hands, move: ServerMove) -> Ending | None:
    """The request was sent, or postponed, or is still on its way: look again. An ending when it was refused.

    Raises: LostLease, EngineStops.
    """
    if open_intents(hands).exists():
        return None
    read_from = database_now()
    try:
        reading = hands.cloud.read_servers()
    except (Later, NoReply) as reason:
        hands.note(f"the cloud cannot be read: {reason}")
        return None
    if refusal := _refused(hands, move, reading):
        return Ending(Outcome.REFUSED, refusal.words)
    intent = _write(hands, move, read_from)
    if intent is None:
        hands.note(
            "another management server was just asked to leave: waiting until it is seen what came of it"
        )
        return None
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


def _write(hands: Hands, move: ServerMove, read_from: datetime) -> Intent | None:
    """The request, written; None when the reading may be older than what another server was asked.

    Under the cloud's lock: of two that would both leave the other as the last one Up, the second looks again.
    """
    with unit_of_work(ENGINE):
        Cloud.objects.select_for_update(no_key=True).get(id=hands.run.cloud_id)
        check_claim(hands.claim)
        if move in LEAVES and _another_leaves(hands, read_from):
            return None
        return write_intent(hands, move)


def _another_leaves(hands: Hands, read_from: datetime) -> bool:
    """Whether another server's request was still open, or was granted, after this moment."""
    others = Intent.objects.filter(server__cloud_id=hands.run.cloud_id, action__in=LEAVES)
    is_news = Q(settled_at=None, expires_at__gt=read_from) | Q(settled_at__gte=read_from, refused="")
    return others.exclude(server_id=hands.server_id).filter(is_news).exists()


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
