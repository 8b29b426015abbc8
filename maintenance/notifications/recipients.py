"""Who is told when somebody is needed: a page's value wins over the environment's, each for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from maintenance.models import Setting

PREFIX = "notify."
MAIL_TO, WEBHOOK_URL, WEBHOOK_SECRET, MUTED = "mail_to", "webhook_url", "webhook_secret", "muted"


@dataclass(frozen=True, slots=True)
class Recipients:
    """As it holds now. `here` names what was set on a page."""

    mail_to: tuple[str, ...]
    webhook_url: str
    webhook_secret: str
    muted: frozenset[str]  # causes that nobody is told of; a cause that is new to us is told
    here: frozenset[str]


def recipients() -> Recipients:
    """Read anew each time: what was saved a moment ago holds."""
    kept: Mapping[str, Any] = {
        key.removeprefix(PREFIX): value
        for key, value in Setting.objects.filter(key__startswith=PREFIX).values_list("key", "value")
    }
    return Recipients(
        mail_to=tuple(kept.get(MAIL_TO, settings.NOTIFY_MAIL_TO)),
        webhook_url=kept.get(WEBHOOK_URL, settings.NOTIFY_WEBHOOK_URL),
        webhook_secret=kept.get(WEBHOOK_SECRET, settings.NOTIFY_WEBHOOK_SECRET),
        muted=frozenset(kept.get(MUTED, ())),
        here=frozenset(kept),
    )
