"""Sending what is owed: mail and webhooks, tried again, and what became of each."""

from datetime import timedelta
from typing import Any

import structlog
from django.db.models.functions import Now

from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Notification
from maintenance.notifications.mail import mail
from maintenance.notifications.owe import MAIL
from maintenance.notifications.recipients import Recipients, recipients
from maintenance.notifications.webhook import NotDelivered, post

log = structlog.get_logger(__name__)

TRIES_MAX = 12
ERROR_MAX = 2_000  # of many refused addresses
CLAIM_FOR = timedelta(seconds=60)  # longer than a delivery may take; another engine tries after that


def send_due_notification() -> None:
    """Send the delivery that is due first, if any. At least once: a receiver tells doubles by the id."""
    with unit_of_work(ENGINE):
        owed = Notification.objects.select_for_update(no_key=True, skip_locked=True).filter(
            sent_at=None, given_up_at=None, due_at__lte=Now()
        )
        notification = owed.order_by("due_at").first()
        if notification is None:
            return
        notification.due_at = database_now() + CLAIM_FOR
        notification.tries += 1
        notification.save(update_fields=["due_at", "tries"])
    try:
        answer, lost = _deliver(notification, recipients())
    except (NotDelivered, OSError) as reason:
        _try_again(notification, str(reason) or type(reason).__name__)
    else:
        _note(notification, sent_at=Now(), error=lost[:ERROR_MAX], answer=answer[:300])


def _deliver(notification: Notification, to: Recipients) -> tuple[str, str]:
    """Returns: what became of it, and whom it did not reach, in words. Raises: NotDelivered, OSError."""
    if notification.channel == MAIL:
        return mail(notification.subject, notification.body, to.mail_to)
    if not to.webhook_url:
        raise NotDelivered("no webhook is set any more")
    status = post(
        to.webhook_url, notification.body, secret=to.webhook_secret, message_id=str(notification.id)
    )
    return f"answered {status}{'' if to.webhook_secret else '; not signed'}", ""


def _try_again(notification: Notification, reason: str) -> None:
    """After 1, 2, 4 … seconds, at most 10 minutes; given up, and said so, after the twelfth try. A test has one."""
    log.warning(
        "notification not delivered", channel=notification.channel, tries=notification.tries, reason=reason
    )
    if notification.is_test or notification.tries >= TRIES_MAX:
        _note(notification, given_up_at=Now(), error=reason)
        return
    wait_s = min(2.0 ** (notification.tries - 1), 600.0)
    _note(notification, due_at=database_now() + timedelta(seconds=wait_s), error=reason)


def _note(notification: Notification, **changes: Any) -> None:
    """What became of it, told to whoever looks at the deliveries."""
    with unit_of_work(ENGINE) as work:
        Notification.objects.filter(id=notification.id).update(**changes)
        work.event("notification.changed", {"notification": str(notification.id)})
