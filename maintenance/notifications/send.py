"""Sending what is owed: mail by Django, webhooks signed after the Standard Webhooks specification, tried again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now

from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Notification
from maintenance.notifications.owe import MAIL
from maintenance.notifications.recipients import Recipients, recipients
from maintenance.notifications.webhook import NotDelivered, post

log = structlog.get_logger(__name__)

TRIES_MAX = 12
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
        answer = _deliver(notification, recipients())
    except (NotDelivered, OSError) as reason:
        _try_again(notification, str(reason) or type(reason).__name__)
    else:
        _note(notification, sent_at=Now(), error="", answer=answer[:300])


def _deliver(notification: Notification, to: Recipients) -> str:
    """Returns: what became of it, in words. Raises: NotDelivered, OSError (smtplib's errors are such)."""
    if notification.channel == MAIL:
        return _mail(notification, to)
    if not to.webhook_url:
        raise NotDelivered("no webhook is set any more")
    status = post(
        to.webhook_url, notification.body, secret=to.webhook_secret, message_id=str(notification.id)
    )
    return f"answered {status}{'' if to.webhook_secret else '; not signed'}"


def _mail(notification: Notification, to: Recipients) -> str:
    if not to.mail_to:
        raise NotDelivered("no mail address is set any more")
    subject = " ".join(f"Pitstop: {notification.subject}".split())
    taken = send_mail(subject, _text(notification.body), settings.DEFAULT_FROM_EMAIL, list(to.mail_to))
    if not taken:
        raise NotDelivered("the mail server took none of it")
    server = settings.MAILERS["default"].get("OPTIONS", {}).get("host", "")
    return f"taken by {server}" if server else "printed in the engine's log: no mail server is set"


def _text(body: Mapping[str, Any]) -> str:
    where = f"Run {body['run_number']}: {body['url']}" if "run_number" in body else body["url"]
    return f"{body['title']}\n\n{body['message']}\n\n{where}\n"


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
