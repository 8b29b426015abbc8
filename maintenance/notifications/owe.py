"""Writing down what must be sent: with the change it tells, so that neither exists without the other."""

from collections.abc import Mapping
from typing import Any

from maintenance.feed import UnitOfWork
from maintenance.models import Notification
from maintenance.notifications.recipients import Recipients, recipients

MAIL, WEBHOOK = "mail", "webhook"


def owe_notifications(subject: str, body: Mapping[str, Any]) -> None:
    """One delivery a channel, unless nobody wants to hear of `body["cause"]`. Call it in the change's transaction."""
    to = recipients()
    if body.get("cause") in to.muted:
        return
    for channel in channels(to):
        Notification.objects.create(channel=channel, subject=subject[:300], body=dict(body))


def owe_test(work: UnitOfWork, channel: str, body: Mapping[str, Any]) -> Notification:
    """A delivery that somebody asked for to see whether it arrives: the same way, tried once."""
    owed = Notification.objects.create(
        channel=channel, subject=str(body["title"]), body=dict(body), is_test=True
    )
    work.event("notification.changed", {"notification": str(owed.id)})
    return owed


def channels(to: Recipients) -> list[str]:
    """The ways that lead to somebody."""
    return [*([MAIL] if to.mail_to else []), *([WEBHOOK] if to.webhook_url else [])]
