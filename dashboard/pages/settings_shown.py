"""What all settings pages share: their frame, what a form has shown, and the answer to the second of two people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dashboard.forms import LengthField
from dashboard.screens.feed_head import feed_head
from dashboard.screens.settings.frame import demo, sections
from dashboard.screens.settings.people import field_words
from maintenance.actions import BadInput
from maintenance.actions.meanwhile import ChangedMeanwhile

SEEN_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """What somebody else has changed since the form was drawn."""

    by: str
    at: datetime | None
    lines: list[tuple[str, str, str]]  # what, as it was shown, as it is


def settings_page(
    request: HttpRequest,
    template: str,
    route: str,
    context: Mapping[str, Any],
    *,
    topic: str = "settings",
    status: int = 200,
) -> HttpResponse:
    """`context` must have been read after the feed's head: pass values that are read here, or read `seq` first."""
    return render(
        request,
        template,
        {"seq": feed_head(), "topic": topic, "sections": sections(route), "demo": demo(), **context},
        status=status,
    )


def as_seen(values: Mapping[str, Any]) -> str:
    """For the form's hidden field."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def seen(request: HttpRequest) -> dict[str, Any]:
    """What the form has shown; nothing, when that cannot be read: then everything is different."""
    text = request.POST.get("seen", "")
    try:
        found = json.loads(text[:SEEN_MAX])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def meanwhile(reason: ChangedMeanwhile) -> Meanwhile:
    words = field_words()
    return Meanwhile(
        reason.by,
        reason.at,
        [(words.get(one.what, one.what), _text(one.seen), _text(one.now)) for one in reason.differences],
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in {None, ""} else str(value)


def whole_number(text: str, field: str) -> int | None:
    """Empty is None. Raises: BadInput."""
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        says = _("“%(text)s” is no whole number; write it in digits, such as 2.") % {"text": text[:20]}
        raise BadInput(says, field=field, bad=text[:20])
    return int(text)


def seconds(text: str, field: str) -> int | None:
    """A length of time as people write it; empty is None. Raises: BadInput."""
    if not text:
        return None
    try:
        return LengthField().clean(text)
    except ValidationError as reason:
        raise BadInput(" ".join(reason.messages), field=field, bad=text[:20]) from reason
