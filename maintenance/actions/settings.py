"""What administrators set: limits, how a cloud is read, who is told. Secrets are written, used and never told."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection

from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.actions.meanwhile import check_seen
from maintenance.feed import unit_of_work
from maintenance.guarded_calls import BadAddress, check_address
from maintenance.limits import LIMITS, Limit
from maintenance.limits import PREFIX as LIMIT_PREFIX
from maintenance.models import Cloud, Notification, Setting
from maintenance.notifications.owe import MAIL, owe_test
from maintenance.notifications.recipients import (
    MAIL_TO,
    MUTED,
    WEBHOOK_SECRET,
    WEBHOOK_URL,
    recipients,
)
from maintenance.notifications.recipients import PREFIX as NOTIFY_PREFIX
from maintenance.notifications.webhook import check_secret

MAILS_MAX = 20
SETTINGS_LOCK = 0x70697473_73657473  # "pitssets": one change of settings after another
READ_S_MAX = 3600
SECRET_SHOWN = 4  # the last characters, so that people can tell secrets apart


# ---- limits ----------------------------------------------------------------------------------------------------------


def change_limits(
    given: Mapping[str, int | None], *, seen: Mapping[str, int | None], actor: str, request_id: str = ""
) -> None:
    """The limits are as given; None takes one back to the environment's. They hold for the next run, stage or look.

    Raises: BadInput naming the limit, ChangedMeanwhile.
    """
    for which in LIMITS:
        check_limit(which, given.get(which.key))
    with unit_of_work(actor, request_id=request_id) as work:
        kept = _locked(LIMIT_PREFIX)
        now = {which.key: kept.get(which.key) for which in LIMITS}
        about = {"settings": "limits"}
        check_seen(seen, now, about=about)
        changed = [which for which in LIMITS if given.get(which.key) != now[which.key]]
        for which in changed:
            _keep(LIMIT_PREFIX + which.key, given.get(which.key), actor)
        if changed:
            work.audit(
                "limits changed",
                about,
                before={which.key: _or_given(which, now[which.key]) for which in changed},
                after={which.key: _or_given(which, given.get(which.key)) for which in changed},
            )
            work.event("settings.changed", {"part": "limits"})


def check_limit(which: Limit, value: int | None) -> int | None:
    """The value, when it can hold. Raises: BadInput naming the limit."""
    if value is not None and not which.least <= value <= which.most:
        unit = f" {which.unit}" if which.unit else ""
        raise BadInput(f"give {which.least:,} to {which.most:,}{unit}", field=which.key, bad=str(value))
    return value


def _or_given(which: Limit, value: int | None) -> int:
    return which.given() if value is None else value


# ---- clouds ----------------------------------------------------------------------------------------------------------


def cloud_values(cloud: Cloud) -> dict[str, int | None]:
    """What one form shows and changes together."""
    return {"poll_s": cloud.poll_s, "unknown_s": cloud.unknown_s}


def change_cloud(
    cloud_id: UUID,
    given: Mapping[str, int | None],
    *,
    seen: Mapping[str, int | None],
    actor: str,
    request_id: str = "",
) -> Cloud:
    """How often the cloud is read, and how old a reading may be; None is the environment's.

    Raises: NotFound, BadInput, ChangedMeanwhile.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        cloud = Cloud.objects.select_for_update(no_key=True).filter(id=cloud_id).first()
        if cloud is None:
            raise NotFound(f"no cloud has the id {cloud_id}")
        before = cloud_values(cloud)
        check_seen(seen, before, about={"cloud": str(cloud.id)})
        for name in before:
            if (value := given.get(name)) is not None and not 1 <= value <= READ_S_MAX:
                raise BadInput(f"give 1 to {READ_S_MAX:,} s", field=name, bad=str(value))
        cloud.poll_s, cloud.unknown_s = given.get("poll_s"), given.get("unknown_s")
        if cloud.known_for_s() <= 2 * cloud.read_every_s():
            raise BadInput(
                f"read every {cloud.read_every_s()} s, it would be unknown in between: give more than twice that",
                field="unknown_s",
            )
        after = cloud_values(cloud)
        if after != before:
            cloud.sync_due_at = None  # the new rhythm begins now
            cloud.save(update_fields=["poll_s", "unknown_s", "sync_due_at"])
            about = {"cloud": str(cloud.id), "name": cloud.name}
            work.audit("cloud changed", about, before=before, after=after)
            work.event("settings.changed", {"part": "clouds", "cloud": str(cloud.id)})
    return cloud


# ---- telling people --------------------------------------------------------------------------------------------------


def recipient_values() -> dict[str, Any]:
    """What one form shows and changes together: the address as a whole, of the secret only its end."""
    to = recipients()
    return {
        MAIL_TO: list(to.mail_to),
        WEBHOOK_URL: to.webhook_url,
        "secret_end": secret_end(to.webhook_secret),
        MUTED: sorted(to.muted),
    }


def secret_end(secret: str) -> str:
    """The last characters of a secret that is long enough to have some left; empty without a secret."""
    return "" if not secret else "…" + secret[-SECRET_SHOWN:] if len(secret) > 3 * SECRET_SHOWN else "…"


def change_recipients(
    *,
    mail_to: Sequence[str],
    webhook_url: str,
    new_secret: str | None,
    muted: Sequence[str],
    seen: Mapping[str, Any],
    actor: str,
    request_id: str = "",
) -> None:
    """Who is told, from now on. `new_secret`: None keeps the one there is, empty removes it.

    Raises: BadInput naming the field, ChangedMeanwhile.
    """
    _check_recipients(mail_to, webhook_url, new_secret)
    with unit_of_work(actor, request_id=request_id) as work:
        _locked(NOTIFY_PREFIX)
        before = recipient_values()
        about = {"settings": "notifications"}
        check_seen(seen, before, about=about)
        given: dict[str, Any] = {MAIL_TO: list(mail_to), WEBHOOK_URL: webhook_url, MUTED: sorted(set(muted))}
        changed = [name for name, value in given.items() if value != before[name]]
        for name in changed:
            same_as_given = name != MUTED and given[name] == _environments(name)
            _keep(NOTIFY_PREFIX + name, None if same_as_given else given[name], actor)
        if new_secret is not None and new_secret != recipients().webhook_secret:
            _keep(NOTIFY_PREFIX + WEBHOOK_SECRET, new_secret, actor)
            changed.append("webhook_secret")
        if changed:
            work.audit(
                "notifications changed",
                about,
                before={name: _told(name, before.get(name)) for name in changed},
                after={name: _told(name, given.get(name)) for name in changed},
            )
            work.event("settings.changed", {"part": "notifications"})


def _environments(name: str) -> Any:
    return {MAIL_TO: settings.NOTIFY_MAIL_TO, WEBHOOK_URL: settings.NOTIFY_WEBHOOK_URL}[name]


def _told(name: str, value: Any) -> Any:
    """What the audit may hold: an address's path is often a key, so only its host is told; a secret never is."""
    if name == "webhook_secret":
        return "(secret)"
    if name == WEBHOOK_URL and value:
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/…"
    return value


def _check_recipients(mail_to: Sequence[str], webhook_url: str, new_secret: str | None) -> None:
    """Raises: BadInput."""
    if len(mail_to) > MAILS_MAX:
        raise BadInput(f"at most {MAILS_MAX} addresses; a mailing list takes more", field=MAIL_TO)
    for address in mail_to:
        try:
            validate_email(address)
        except ValidationError:
            raise BadInput(f"“{address[:80]}” is no mail address", field=MAIL_TO, bad=address) from None
    if webhook_url:
        try:
            check_address(webhook_url)
        except BadAddress as reason:
            raise BadInput(str(reason), field=WEBHOOK_URL) from reason
    if new_secret:
        try:
            check_secret(new_secret)
        except ValueError as reason:
            raise BadInput(str(reason), field=WEBHOOK_SECRET) from reason


def send_test(channel: str, *, actor: str, request_id: str = "") -> Notification:
    """A test goes the way every delivery goes, once; what became of it is told on the page.

    Raises: Conflict when this way leads to nobody.
    """
    to = recipients()
    if not (to.mail_to if channel == MAIL else to.webhook_url):
        raise Conflict("nobody is named there yet; save somebody first")
    body = {
        "type": "test",
        "cause": "test",
        "title": "A test from Pitstop",
        "message": f"{actor} pressed the button to see whether this arrives. Nothing is wrong.",
        "url": f"{settings.BASE_URL}/settings/notifications/",
    }
    with unit_of_work(actor, request_id=request_id) as work:
        owed = owe_test(work, channel, body)
        work.audit("test notification asked for", {"notification": str(owed.id)}, after={"channel": channel})
    return owed


# ---- rows ------------------------------------------------------------------------------------------------------------


def _locked(prefix: str) -> dict[str, Any]:
    """What is kept, while nobody else changes settings: rows that do not exist yet cannot be locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SETTINGS_LOCK])
    kept = Setting.objects.filter(key__startswith=prefix).values_list("key", "value")
    return {key.removeprefix(prefix): value for key, value in kept}


def _keep(key: str, value: Any, actor: str) -> None:
    """None: the environment's holds again."""
    if value is None:
        Setting.objects.filter(key=key).delete()
    else:
        Setting.objects.update_or_create(key=key, defaults={"value": value, "changed_by": actor})
