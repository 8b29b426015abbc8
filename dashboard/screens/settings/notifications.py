"""Who is told when somebody is needed, of what, and what became of it."""

import os
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from dashboard.screens.marks import NEEDS_PERSON, Mark, mark, moving
from dashboard.screens.settings.limits import source_word
from dashboard.screens.words import count
from maintenance.actions.settings import secret_end
from maintenance.engine.attention import Cause
from maintenance.engine.presence import engine_is_silent
from maintenance.limits import Source
from maintenance.models import Notification
from maintenance.notifications.owe import MAIL, WEBHOOK
from maintenance.notifications.recipients import MAIL_TO, WEBHOOK_SECRET, WEBHOOK_URL, recipients

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Told:
    """What holds now."""

    mail_to: list[str]
    mail_source: str
    mail_server: str  # empty: mail is printed
    mail_from: str
    webhook_url: str
    webhook_source: str
    secret_end: str
    secret_source: str
    muted: list[str]


@dataclass(frozen=True, slots=True)
class CauseChoice:
    value: str
    text: str
    is_told: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    channel: str
    subject: str
    is_test: bool
    mark: Mark
    says: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Deliveries:
    rows: list[Delivery]
    waits_for_engine: bool


def source_of(is_here: bool, variable: str) -> str:
    """Where a value comes from, in words."""
    if is_here:
        return source_word(Source.HERE)
    return source_word(Source.ENVIRONMENT) if os.environ.get(variable) else ""


def told() -> Told:
    to = recipients()
    return Told(
        mail_to=list(to.mail_to),
        mail_source=source_of(MAIL_TO in to.here, "PITSTOP_NOTIFY_MAIL"),
        mail_server=settings.MAILERS["default"].get("OPTIONS", {}).get("host", ""),
        mail_from=settings.DEFAULT_FROM_EMAIL,
        webhook_url=to.webhook_url,
        webhook_source=source_of(WEBHOOK_URL in to.here, "PITSTOP_NOTIFY_WEBHOOK"),
        secret_end=secret_end(to.webhook_secret),
        secret_source=source_of(WEBHOOK_SECRET in to.here, "PITSTOP_NOTIFY_WEBHOOK_SECRET"),
        muted=[cause_word(cause) for cause in sorted(to.muted)],
    )


def causes(muted: frozenset[str]) -> list[CauseChoice]:
    return [CauseChoice(cause, cause_word(cause), cause not in muted) for cause in Cause]


def cause_word(cause: str) -> str:
    """A cause that is new to us is told by its name."""
    words = {
        "preflight-failed": _("PreFlight failed on a host, and the run ended"),
        "stage-failed": _("A host failed"),
        "host-not-back": _("A host is not back in service"),
        "instance-lost": _("Instances of a host are not running"),
        "no-room": _("A cluster is full: a host cannot leave service"),
        "foreign-maintenance": _("A host was taken out of service by others"),
        "slot-taken": _("A host waits for its turn for long"),
        "unsettled": _("A host waits for instances that are not settled"),
        "server-failed": _("A management server failed"),
        "server-not-back": _("A management server is not back as it was"),
        "server-stuck": _("A management server cannot get ready"),
        "server-down": _("A management server died"),
        "no-server-up": _("No management server is Up"),
        "patch-failed": _("The update of a system VM failed"),
        "patch-not-restored": _("A system VM could not be restored"),
        "patch-unconfirmed": _("The update of a system VM could not be confirmed"),
        "router-failed": _("The restart of a router failed"),
        "router-not-restored": _("A router could not be restored"),
        "run-paused": _("A run is paused and waits to be resumed"),
    }
    return words.get(cause, cause.replace("-", " ").capitalize())


def deliveries() -> Deliveries:
    """The latest, and whether anybody is there to send what is owed."""
    rows = [_delivery(one) for one in Notification.objects.order_by("-created_at")[:SHOWN]]
    is_owed = Notification.objects.filter(sent_at=None, given_up_at=None).exists()
    return Deliveries(rows, is_owed and engine_is_silent())


def _delivery(one: Notification) -> Delivery:
    channel = {MAIL: _("Mail"), WEBHOOK: _("Webhook")}.get(one.channel, one.channel)
    if one.sent_at and one.error:
        says = _("%(answer)s; not all were reached: %(error)s") % {"answer": one.answer, "error": one.error}
        drawn = Mark(NEEDS_PERSON.state, _("Sent in part"), NEEDS_PERSON.glyph)
        return Delivery(channel, one.subject, one.is_test, drawn, says, one.sent_at)
    if one.sent_at:
        is_printed = one.answer.startswith("printed")
        drawn = (
            Mark(NEEDS_PERSON.state, _("Printed"), NEEDS_PERSON.glyph)
            if is_printed
            else Mark("Done", _("Sent"), "done")
        )
        return Delivery(channel, one.subject, one.is_test, drawn, one.answer, one.sent_at)
    if one.given_up_at:
        says = _("tried %(tries)s, last: %(error)s") % {"tries": count(one.tries, "time"), "error": one.error}
        drawn = Mark("Failed", _("Given up"), "failed")
        return Delivery(
            channel, one.subject, one.is_test, drawn, one.error if one.is_test else says, one.given_up_at
        )
    if one.tries and one.error:
        says = _("tried %(tries)s, last: %(error)s") % {"tries": count(one.tries, "time"), "error": one.error}
        return Delivery(channel, one.subject, one.is_test, mark("Waiting"), says, one.created_at)
    return Delivery(channel, one.subject, one.is_test, moving(_("Being sent")), "", one.created_at)
