"""Mail to everybody who is told: a message each, so that one wrong address takes nothing from the others."""

from collections.abc import Mapping, Sequence
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.core.mail.backends.base import BaseEmailBackend

from maintenance.notifications.webhook import NotDelivered

PRINTED = "printed in the engine's log: no mail server is set"


def mail(subject: str, body: Mapping[str, Any], to: Sequence[str]) -> tuple[str, str]:
    """Returns: what became of it, and whom it did not reach, why (empty: nobody).

    Raises: NotDelivered when it reached nobody.
    """
    if not to:
        raise NotDelivered("no mail address is set any more")
    subject = " ".join(f"Pitstop: {subject}".split())
    messages = [EmailMessage(subject, _text(body), settings.DEFAULT_FROM_EMAIL, [address]) for address in to]
    try:
        with mailers.default as connection:
            refused = [said for message in messages if (said := _send(connection, message))]
    except OSError as reason:  # smtplib's own errors are such, too
        raise NotDelivered(f"{_server() or 'mail'}: {_said('', reason)}") from reason
    if len(refused) == len(to):
        raise NotDelivered("; ".join(refused))
    return (f"taken by {_server()}" if _server() else PRINTED), "; ".join(refused)


def _send(connection: BaseEmailBackend, message: EmailMessage) -> str:
    """Returns: why it was refused; empty: it was taken."""
    try:
        connection.send_messages([message])
    except SMTPException as reason:
        return _said(message.to[0], reason)
    return ""


def _server() -> str:
    """Empty: mail is printed."""
    options = settings.MAILERS["default"].get("OPTIONS", {})
    return f"{options['host']}:{options['port']}" if options.get("host") else ""


def _text(body: Mapping[str, Any]) -> str:
    where = f"Run {body['run_number']}: {body['url']}" if "run_number" in body else body["url"]
    return f"{body['title']}\n\n{body['message']}\n\n{where}\n"


def _said(address: str, reason: OSError) -> str:
    """What the mail server said, as it said it."""
    if isinstance(reason, SMTPRecipientsRefused):
        return "; ".join(f"{who}: {code} {_plain(said)}" for who, (code, said) in reason.recipients.items())
    if isinstance(reason, SMTPResponseException):
        said = f"{reason.smtp_code} {_plain(reason.smtp_error)}"
    else:
        said = reason.strerror or str(reason) or type(reason).__name__
    return f"{address}: {said}" if address else said


def _plain(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
