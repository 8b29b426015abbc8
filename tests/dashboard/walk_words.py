"""Every field that people or clouds write, found in the models themselves, and filled with what a test wants to see.

A new text or JSON field is filled from the day it exists. One that only we write is listed below, with the reason.
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import count
from typing import Any

from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

APPS = ("maintenance", "dashboard")
LONG = 500  # a reason of somebody who had much to say
NAME = 63  # a name as DNS allows it

# Fields that hold our own words and numbers, never anybody else's.
OURS = {
    "AccessAttempt.get_data": "never shown",
    "AccessAttempt.http_accept": "never shown",
    "AccessAttempt.path_info": "never shown",
    "AccessAttempt.post_data": "never shown",
    "Attention.cause": "a word of Cause",
    "AuditEntry.action": "written in our code",
    "AuditEntry.digest": "SHA-256",
    "AuditEntry.previous": "SHA-256",
    "AuditEntry.request_id": "checked to be a plain word before it is taken",
    "AuditCheck.digest": "SHA-256",
    "Cloud.kind": "a word of the adapters' table",
    "EngineProcess.version": "our own version",
    "FeedEvent.kind": "written in our code",
    "IdempotentAnswer.user": "an id",
    "IdempotentAnswer.route": "never shown",
    "IdempotentAnswer.key": "never shown",
    "IdempotentAnswer.body_digest": "SHA-256",
    "IdempotentAnswer.answer": "sent again to whom it was sent first, as JSON",
    "Intent.action": "prepare or cancel",
    "Downtime.gaps": "numbers that we measured",
    "Downtime.way": "a word of our table",
    "Notification.channel": "mail or webhook",
    "Payload.agent_sha256": "SHA-256",
    "Payload.manifest": "never shown; checked line by line before it is taken",
    "Payload.scripts_md5": "MD5",
    "Payload.scripts_sha256": "SHA-256",
    "Payload.types": "words of our table, checked",
    "Payload.version": "numbers and points, checked",
    "Run.algorithm": "one of the three, checked",
    "Run.ending": "a state",
    "Run.plan_hash": "SHA-256",
    "Run.scope_kind": "a word of our table",
    "Setting.key": "written in our code",
    "SystemVm.rules": "numbers, by words of our table",
    "Target.preflight": "an outcome",
    "Target.result": "an outcome",
    "User.password": "a hash",
    "WallLink.digest": "SHA-256",
}

# JSON whose keys, too, are somebody else's words.
KEYS = frozenset({"ManagementServer.tasks"})

_MACHINE = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,64}|\d{4}-\d\d-\d\dT.*|[\d.]*", re.ASCII
)
_OUR_WORDS = frozenset(
    str(word)
    for ours in StrEnum.__subclasses__()
    if ours.__module__.startswith(("maintenance.", "dashboard."))
    for word in ours
)

type Say = Callable[[str, int], str]  # (a mark that names field and row, the longest that fits) → the text


def written_fields() -> Iterator[tuple[type[models.Model], models.Field]]:
    """Each field that holds text or JSON of somebody else."""
    for model in [*_models(), AccessAttempt]:
        for field in model._meta.get_fields():
            if isinstance(field, models.Field) and name_of(field) in OURS:
                continue
            assert not isinstance(field, ArrayField) or isinstance(field.base_field, models.UUIDField), (
                f"{field} is a list of text: fill must learn to fill it"
            )
            is_text = isinstance(
                field, models.CharField | models.TextField | models.JSONField | models.BinaryField
            )
            if is_text and not field.choices:
                yield model, field


def _models() -> Iterator[type[models.Model]]:
    for app in APPS:
        yield from apps.get_app_config(app).get_models()


def name_of(field: models.Field) -> str:
    return f"{field.model.__name__}.{field.name}"


def marks() -> dict[str, str]:
    """Field → the mark that every text in it begins with."""
    return {name_of(field): f"ƒ{number}ƒ" for number, (_, field) in enumerate(written_fields())}


def fill(say: Say) -> None:
    """Whatever is not empty in these fields now says what `say` says. Raises: AssertionError for a field of which the
    scene has no row, for nobody would notice it."""
    marked = marks()
    empty = []
    with _without_triggers():
        for model, field in written_fields():
            rows = list(model._base_manager.order_by("pk"))
            filled = 0
            for number, row in enumerate(rows):
                old = getattr(row, field.attname)
                new = _said_anew(old, field, say, f"{marked[name_of(field)]}{number}ƒ")
                if new != old:
                    model._base_manager.filter(pk=row.pk).update(**{field.attname: new})
                    filled += 1
            if not filled:
                empty.append(name_of(field))
    assert not empty, f"nothing in the scene has a value in {', '.join(empty)}: give one to make_scene"


def _said_anew(old: Any, field: models.Field, say: Say, mark: str) -> Any:
    if isinstance(field, models.JSONField):
        numbers = count()
        if name_of(field) in KEYS:
            return {say(f"{mark}{next(numbers)}ƒ", NAME): value for value in (old or {}).values()}
        return _leaves(old, lambda: say(f"{mark}{next(numbers)}ƒ", NAME))
    if isinstance(field, models.BinaryField):
        return "\n".join(say(f"{mark}{line}ƒ", LONG) for line in range(3)).encode() if old else old
    if not old:
        return old
    fits = field.max_length or LONG
    return say(mark, min(fits, LONG) if fits >= 300 else min(fits, NAME))


def _leaves(value: Any, said: Callable[[], str]) -> Any:
    """The same structure, with every word of somebody else's replaced."""
    if isinstance(value, dict):
        return {key: _leaves(inner, said) for key, inner in value.items()}
    if isinstance(value, list):
        return [_leaves(inner, said) for inner in value]
    if isinstance(value, str) and value not in _OUR_WORDS and not _MACHINE.fullmatch(value):
        return said()
    return value


class _without_triggers:
    """The audit cannot be changed, and a step that has ended neither: this test writes them as if they were new."""

    def __enter__(self) -> None:
        self._say("DISABLE")

    def __exit__(self, *_: object) -> None:
        self._say("ENABLE")

    def _say(self, what: str) -> None:
        with connection.cursor() as cursor:
            for table in ("maintenance_auditentry", "maintenance_step"):
                cursor.execute(f"ALTER TABLE {table} {what} TRIGGER USER")


# ---- what is said ----------------------------------------------------------------------------------------------------

FORMULAS = ("=", "+", "-", "@", "\t")
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"
# They send back what they hold.
FIELDS = re.compile(r"<(?:input|option|button)\b[^>]*>|<textarea\b[^>]*>[^<]*")
# Cut off anywhere, each is still meant to break out: of a text, of an attribute, of a title, of a template.
_HARM = (
    "\"'><img src=x onerror=owned=1>"
    + OVERRIDE
    + "</title>{{7*7}}🦀<script>owned=1</script>${owned=1}#{owned=1}"
    "{% now 'Y' %}--></textarea></style></script></template><svg onload=owned=1>"
    "<a href=javascript:owned=1>a</a><iframe srcdoc='<script>parent.owned=1</script>'></iframe>"
    '\\"};owned=1;//\n&lt;script&gt;owned=1&lt;/script&gt;\u2028שלום عربى 👩🏽‍🚒'
)


def harmful(mark: str, longest: int) -> str:
    """Text that would run, break out of where it stands, turn its neighbours round, or calculate in a table."""
    start = FORMULAS[sum(mark.encode()) % len(FORMULAS)] + mark
    return (start + _HARM).ljust(longest, "x")[:longest]


def harmless(mark: str, longest: int) -> str:
    """Text of the same length and with the same lines, with which nothing is wrong."""
    same = "".join(letter if letter.isspace() else "x" for letter in harmful(mark, longest))
    return f"w{mark}{same[len(mark) + 1 :]}"
