"""What people type and choose on pages, checked and turned into what the actions take."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from maintenance.actions.requests import PAYLOAD_BYTES_MAX, SCOPE_KINDS, TIMEOUT_S_MAX, StartRequest
from maintenance.domain.states import OnFailure

_LENGTH = re.compile(r"(\d{1,6})\s*(s|sec|m|min|h)?", re.ASCII | re.IGNORECASE)
_UNIT_S = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}


class LengthField(forms.CharField):
    """A length of time as people write it – 90 s, 30 min, 2 h – in seconds. A bare number is minutes."""

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        found = _LENGTH.fullmatch(text.strip())
        if found is None:
            raise forms.ValidationError(f"“{text}” is no length of time; write 90 s, 30 min or 2 h.")
        seconds = int(found[1]) * _UNIT_S[(found[2] or "min").lower()]
        if not 1 <= seconds <= TIMEOUT_S_MAX:
            raise forms.ValidationError("Give 1 s to 24 h.")
        return seconds


def length_words(seconds: int) -> str:
    """1800 → 30 min; what `LengthField` reads back."""
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


class RulesForm(forms.Form):
    """The rules of a run, safe as they stand."""

    on_failure = forms.ChoiceField(choices=[(f, f) for f in OnFailure])
    max_unavailable = forms.IntegerField(min_value=1, max_value=1000)
    clusters_in_parallel = forms.IntegerField(min_value=1, max_value=1000)
    timeout_s = LengthField(max_length=20)
    drain_timeout_s = LengthField(max_length=20)
    payload = forms.CharField(required=False, strip=False)
    reason = forms.CharField(required=False, max_length=500)
    ticket = forms.CharField(required=False, max_length=120)
    skip_unready = forms.BooleanField(required=False)

    def clean_payload(self) -> str:
        payload: str = self.cleaned_data["payload"]
        if len(payload.encode()) > PAYLOAD_BYTES_MAX:
            raise forms.ValidationError(f"At most {PAYLOAD_BYTES_MAX:,} bytes.")
        return payload


RULES_AT_FIRST: dict[str, str] = {
    "on_failure": OnFailure.PAUSE,
    "max_unavailable": "1",
    "clusters_in_parallel": "1",
    "timeout_s": "30 min",
    "drain_timeout_s": "30 min",
    "payload": "",
    "reason": "",
    "ticket": "",
}


@dataclass(frozen=True, slots=True)
class StartChoices:
    """All that the start form says, whether it can be used or not. `given` are the rules as typed."""

    kind: str
    ids: tuple[UUID, ...]
    order: tuple[UUID, ...]
    leave_out: frozenset[UUID]
    given: dict[str, str]
    rules: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)

    def request(self, *, plan_hash: str = "", order: tuple[UUID, ...] | None = None) -> StartRequest:
        """What the action takes. Only for choices without errors."""
        rules = dict(self.rules)
        rules["payload"] = rules["payload"] or None  # an empty line is no argument, not an empty one
        return StartRequest(
            scope_kind=self.kind,
            scope_ids=self.ids,
            order=self.order if order is None else order,
            leave_out=tuple(sorted(self.leave_out)),
            plan_hash=plan_hash,
            **rules,
        )


def start_choices(sent: QueryDict, *, is_first: bool) -> StartChoices:
    """`is_first`: the page was opened with a scope in its address, and nothing was typed yet."""
    kind = _kind(sent)
    given = {name: sent.get(name, "") for name in (*RULES_AT_FIRST, "skip_unready")}
    if is_first:
        given = {name: sent.get(name, value) for name, value in RULES_AT_FIRST.items()} | {"skip_unready": ""}
    form = RulesForm(given)
    errors = {} if form.is_valid() else {name: " ".join(found) for name, found in _messages(form).items()}
    return StartChoices(
        kind=kind,
        ids=_ids(sent, kind, errors),
        order=_ids(sent, "order", errors),
        leave_out=frozenset(_ids(sent, "leave_out", errors)),
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
            errors[name] = f"“{text[:60]}” is not an id."
    return tuple(found)


def _messages(form: forms.Form) -> dict[str, list[str]]:
    return {name: [str(message) for message in found] for name, found in form.errors.items()}
