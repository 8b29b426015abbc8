"""What people type and choose on the page that starts a run, checked and turned into what the actions take."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from maintenance.actions.requests import (
    HOSTS_OUT_MAX,
    PAYLOAD_BYTES_MAX,
    SCOPE_KINDS,
    TIMEOUT_S_MAX,
    StartRequest,
)
from maintenance.domain.states import OnFailure
from maintenance.limits import rules_of_new_runs

_LENGTH = re.compile(r"(\d{1,6})\s*(s|sec|m|min|h)?", re.ASCII | re.IGNORECASE)
_UNIT_S = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}
LATER_MAX = timedelta(days=366)
MOMENTS = [
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
]  # as browsers send them, and as people type


class LengthField(forms.CharField):
    """A length of time as people write it – 90 s, 30 min, 2 h – in seconds. A bare number is minutes."""

    def __init__(self) -> None:
        super().__init__(
            max_length=20,
            error_messages={"required": gettext_lazy("Write a length of time: 90 s, 30 min or 2 h.")},
        )

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        found = _LENGTH.fullmatch(text.strip())
        if found is None:
            raise forms.ValidationError(
                _("“%(text)s” is no length of time; write 90 s, 30 min or 2 h.") % {"text": text}
            )
        seconds = int(found[1]) * _UNIT_S[(found[2] or "min").lower()]
        if not 1 <= seconds <= TIMEOUT_S_MAX:
            raise forms.ValidationError(_("Give 1 s to 24 h."))
        return seconds


def length_words(seconds: int) -> str:
    """1800 → 30 min; what `LengthField` reads back."""
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


class HostsField(forms.IntegerField):
    """A number of hosts, or of clusters."""

    def __init__(self) -> None:
        says = gettext_lazy("Give a whole number from 1 to 1000.")
        messages = dict.fromkeys(("required", "invalid", "min_value", "max_value"), says)
        super().__init__(min_value=1, max_value=HOSTS_OUT_MAX, error_messages=messages)


class RulesForm(forms.Form):
    """The rules of a run, safe as they stand. `not_before` is on the clock of whoever typed it; `minutes_east` says
    where that clock is (script fills it in; without script it is UTC)."""

    on_failure = forms.ChoiceField(choices=[(f, f) for f in OnFailure])
    max_unavailable = HostsField()
    clusters_in_parallel = HostsField()
    timeout_s = LengthField()
    drain_timeout_s = LengthField()
    payload = forms.CharField(required=False, strip=False)
    not_before = forms.DateTimeField(
        required=False,
        input_formats=MOMENTS,
        error_messages={"invalid": gettext_lazy("Give a day and a time, such as 2026-03-14 22:00.")},
    )
    minutes_east = forms.IntegerField(required=False, min_value=-16 * 60, max_value=16 * 60)
    reason = forms.CharField(required=False, max_length=500)
    ticket = forms.CharField(required=False, max_length=120)
    skip_unready = forms.BooleanField(required=False)

    def clean_payload(self) -> str:
        payload: str = self.cleaned_data["payload"]
        if len(payload.encode()) > PAYLOAD_BYTES_MAX:
            raise forms.ValidationError(_("At most %(n)s bytes.") % {"n": f"{PAYLOAD_BYTES_MAX:,}"})
        return payload

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        minutes_east = cleaned.pop("minutes_east", None) or 0
        typed = cleaned.get("not_before")
        if typed is None:
            return cleaned
        now = timezone.now()
        try:
            moment = typed.replace(tzinfo=UTC) - timedelta(minutes=minutes_east)
        except OverflowError:
            moment = None
        if moment is None or moment > now + LATER_MAX:
            self.add_error("not_before", _("Give a moment within a year."))
        elif moment < now - timedelta(minutes=1):
            self.add_error("not_before", _("That moment has passed. Leave it empty to start at once."))
        cleaned["not_before"] = moment
        return cleaned


RULES_AT_FIRST: Mapping[str, str] = {
    "on_failure": OnFailure.PAUSE,
    "max_unavailable": "1",
    "clusters_in_parallel": "1",
    "timeout_s": "30 min",
    "drain_timeout_s": "30 min",
    "payload": "",
    "not_before": "",
    "minutes_east": "",
    "reason": "",
    "ticket": "",
    "skip_unready": "",
}


def rules_at_first() -> dict[str, str]:
    """What the form says before anybody has typed: its numbers as administrators have set them (limits.py)."""
    numbers = rules_of_new_runs()
    lengths = {name: length_words(numbers[name]) for name in ("timeout_s", "drain_timeout_s")}
    return {**RULES_AT_FIRST, **{name: str(value) for name, value in numbers.items()}, **lengths}


# Free text may hold what belongs in no log: it stays out of addresses.
NOT_IN_ADDRESS = frozenset({"payload", "reason", "ticket"})
ADDRESS_LENGTH_MAX = 6000


@dataclass(frozen=True, slots=True)
class StartChoices:
    """All that the start form says, whether it can be used or not. `given` are the rules as typed. `moves` are changes
    of the order that were just asked for; `opened` are clusters whose hosts are shown, with the page of them."""

    kind: str
    ids: tuple[UUID, ...]
    cluster_order: tuple[UUID, ...] = ()
    order: tuple[UUID, ...] = ()
    leave_out: frozenset[UUID] = frozenset()
    moves: tuple[str, ...] = ()
    opened: Mapping[UUID, int] = field(default_factory=dict)
    page: int = 1
    given: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ordered(self) -> bool:
        return bool(self.cluster_order or self.order)

    def request(self, *, plan_hash: str = "") -> StartRequest:
        """What the action takes. Only for choices without errors."""
        rules = dict(self.rules)
        rules["payload"] = rules["payload"] or None  # an empty line is no argument, not an empty one
        return StartRequest(
            scope_kind=self.kind,
            scope_ids=self.ids,
            cluster_order=self.cluster_order,
            order=self.order,
            leave_out=tuple(sorted(self.leave_out)),
            plan_hash=plan_hash,
            **rules,
        )

    def query(self) -> str:
        """These choices as an address that a reload or a colleague opens; without the order where it is too long."""
        scope = [(self.kind, str(key)) for key in self.ids]
        at_first = rules_at_first()
        rules = [
            (name, value)
            for name, value in self.given.items()
            if name not in NOT_IN_ADDRESS and value != at_first[name]
        ]
        choices = [
            (name, ",".join(map(str, ids)))
            for name, ids in (
                ("leave_out", sorted(self.leave_out)),
                ("cluster_order", self.cluster_order),
                ("order", self.order),
            )
            if ids
        ]
        for parts in ([*scope, *rules, *choices], [*scope, *rules], [("kind", self.kind)]):
            text = urlencode(parts or [("kind", self.kind)])
            if len(text) <= ADDRESS_LENGTH_MAX:
                return text
        raise AssertionError("the last one is short")


def start_choices(sent: QueryDict, *, is_first: bool) -> StartChoices:
    """`is_first`: the page is opened at an address; rules that it does not name are as they are at first."""
    kind = _kind(sent)
    given = {name: sent.get(name, value if is_first else "") for name, value in rules_at_first().items()}
    if sent.get("pass_by"):
        given["skip_unready"] = "on"
    form = RulesForm(given)
    errors = {} if form.is_valid() else {name: " ".join(found) for name, found in _messages(form).items()}
    leave_out = frozenset(_ids(sent, "leave_out", errors) + _ids(sent, "leave", errors))
    return StartChoices(
        kind=kind,
        ids=_ids(sent, kind, errors),
        cluster_order=_ids(sent, "cluster_order", errors),
        order=_ids(sent, "order", errors),
        leave_out=leave_out - set(_ids(sent, "take_back", errors)),
        moves=tuple(sent.getlist("move")),
        opened=_opened(sent),
        page=_page(sent),
        given=given,
        rules=form.cleaned_data if not errors else {},
        errors=errors,
    )


def _kind(sent: QueryDict) -> str:
    asked = sent.get("kind", "")
    if asked in SCOPE_KINDS:
        return asked
    return next((kind for kind in SCOPE_KINDS if kind in sent), "zones")


def _ids(sent: QueryDict, name: str, errors: dict[str, str]) -> tuple[UUID, ...]:
    """Each id once, in the order sent; repeated fields and commas both do."""
    found: dict[UUID, None] = {}
    for text in ",".join(sent.getlist(name)).split(","):
        if not text.strip():
            continue
        try:
            found[UUID(text.strip())] = None
        except ValueError:
            errors[name] = _("“%(text)s” is not an id.") % {"text": text[:60]}
    return tuple(found)


def _opened(sent: QueryDict) -> dict[UUID, int]:
    """`opened` fields say what is open, `show` what was just asked for: CLUSTER:PAGE, page 0 closes."""
    found: dict[UUID, int] = {}
    for text in (*sent.getlist("opened"), *sent.getlist("show")):
        cluster, _colon, page = text.partition(":")
        try:
            found[UUID(cluster)] = int(page)
        except ValueError:
            continue  # `show=page:2` is about another thing; anything else shows nothing
    return {cluster: page for cluster, page in found.items() if 0 < page < 1000}


def _page(sent: QueryDict) -> int:
    asked = [text.removeprefix("page:") for text in sent.getlist("show") if text.startswith("page:")]
    text = asked[-1] if asked else sent.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:6]) < 100_000 else 1


def _messages(form: forms.Form) -> dict[str, list[str]]:
    return {name: [str(message) for message in found] for name, found in form.errors.items()}
