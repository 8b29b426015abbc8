"""Sending what is owed: mail by Django, webhooks signed after the Standard Webhooks specification, tried again."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from standardwebhooks import Webhook

from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Notification

log = structlog.get_logger(__name__)

TRIES_MAX = 12
CLAIM_FOR = timedelta(seconds=60)  # longer than a delivery may take; another engine tries after that
WEBHOOK_TIMEOUT_S = 8.0


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
        _deliver(notification)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as reason:
        _try_again(notification, f"{type(reason).__name__}: {reason}")
    else:
        Notification.objects.filter(id=notification.id).update(sent_at=Now(), error="")


def _deliver(notification: Notification) -> None:
    body = notification.body
    if notification.channel == "mail":
        text = f"{body['title']}\n\n{body['message']}\n\nRun {body['run_number']}: {body['url']}\n"
        subject = " ".join(f"Pitstop: {notification.subject}".split())
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, settings.NOTIFY_MAIL_TO)
        return
    content = json.dumps(body, sort_keys=True)
    headers = {"content-type": "application/json", "webhook-id": str(notification.id)}
    if settings.NOTIFY_WEBHOOK_SECRET:
        at = datetime.now(UTC)
        headers["webhook-timestamp"] = str(int(at.timestamp()))
        headers["webhook-signature"] = Webhook(settings.NOTIFY_WEBHOOK_SECRET).sign(
            str(notification.id), at, content
        )
    answer = httpx.post(
        settings.NOTIFY_WEBHOOK_URL,
        content=content,
        headers=headers,
        timeout=WEBHOOK_TIMEOUT_S,
        follow_redirects=False,
    )
    if not answer.is_success:
        raise httpx.HTTPStatusError(f"answered {answer.status_code}", request=answer.request, response=answer)


def _try_again(notification: Notification, reason: str) -> None:
    """After 1, 2, 4 … seconds, at most 10 minutes; given up, and said so, after the twelfth try."""
    log.warning(
        "notification not delivered", channel=notification.channel, tries=notification.tries, reason=reason
    )
    if notification.tries >= TRIES_MAX:
        Notification.objects.filter(id=notification.id).update(given_up_at=Now(), error=reason)
        return
    wait_s = min(2.0 ** (notification.tries - 1), 600.0)
    Notification.objects.filter(id=notification.id).update(
        due_at=database_now() + timedelta(seconds=wait_s), error=reason
    )
