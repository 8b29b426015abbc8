"""What people choose on the page that starts a live patch, checked and turned into what the action takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms import LATER_MAX, MOMENTS
from maintenance.actions.live_patches import PER_ZONE_MAX, SOAK_S_MAX, VMS_MAX, PatchRequest
from maintenance.domain.states import OnFailure

SCOPES = ("all", "zones", "networks", "system_vms")
_IDS = ("zones", "networks", "system_vms")
AT_FIRST: Mapping[str, str] = {
    "per_zone": "1",
    "canary": "1",
    "soak_s": "10",
    "on_failure": OnFailure.PAUSE,
    "not_before": "",
    "minutes_east": "",
    "reason": "",
    "ticket": "",
    "forced": "",
}


class WholeField(forms.IntegerField):
    """A whole number between two."""

    def __init__(self, least: int, most: int) -> None:
        says = _lazy_range(least, most)
        messages = dict.fromkeys(("required", "invalid", "min_value", "max_value"), says)
        super().__init__(min_value=least, max_value=most, error_messages=messages)


def _lazy_range(least: int, most: int) -> Any:
    return gettext_lazy("Give a whole number from %(least)s to %(most)s.") % {"least": least, "most": most}


class PatchForm(forms.Form):
    """The rules of a patch, safe as they stand. `not_before` is on the clock of whoever typed it."""

    per_zone = WholeField(1, PER_ZONE_MAX)
    canary = WholeField(0, VMS_MAX)
    soak_s = WholeField(0, SOAK_S_MAX)
    on_failure = forms.ChoiceField(choices=[(f, f) for f in OnFailure])
    not_before = forms.DateTimeField(
        required=False,
        input_formats=MOMENTS,
        error_messages={"invalid": gettext_lazy("Give a day and a time, such as 2026-03-14 22:00.")},
    )
    minutes_east = forms.IntegerField(required=False, min_value=-16 * 60, max_value=16 * 60)
    reason = forms.CharField(required=False, max_length=500)
    ticket = forms.CharField(required=False, max_length=120)
    forced = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        minutes_east = cleaned.pop("minutes_east", None) or 0
        typed = cleaned.get("not_before")
        if typed is not None:
            cleaned["not_before"] = self._moment(typed, minutes_east)
        return cleaned

    def _moment(self, typed: datetime, minutes_east: int) -> datetime | None:
        now = timezone.now()
        try:
            moment = typed.replace(tzinfo=UTC) - timedelta(minutes=minutes_east)
        except OverflowError:
            moment = None
        if moment is None or moment > now + LATER_MAX:
            self.add_error("not_before", _("Give a moment within a year."))
        elif moment < now - timedelta(minutes=1):
            self.add_error("not_before", _("That moment has passed. Leave it empty to start at once."))
        return moment


@dataclass(frozen=True, slots=True)
class PatchChoices:
    """All that the form says, whether it can be used or not. `given` are the rules as typed."""

    scope: str
    ids: Mapping[str, tuple[UUID, ...]] = field(default_factory=dict)
    find: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def chosen(self) -> tuple[UUID, ...]:
        return self.ids.get(self.scope, ())

    @property
    def has_scope(self) -> bool:
        return self.scope == "all" or bool(self.chosen)

    def request(self) -> PatchRequest:
        """What the action takes. With errors in the rules: the scope alone, to look at."""
        return PatchRequest(
            system_vm_ids=self.chosen if self.scope == "system_vms" else (),
            network_ids=self.chosen if self.scope == "networks" else (),
            zone_ids=self.chosen if self.scope == "zones" else (),
            all_outdated=self.scope == "all",
            **self.rules,
        )


def patch_choices(sent: QueryDict, *, is_first: bool) -> PatchChoices:
    """`is_first`: the page is opened at an address; rules that it does not name are as they are at first."""
    given = {
        name: sent.get(name, value if is_first else "").replace("\0", "") for name, value in AT_FIRST.items()
    }
    form = PatchForm(given)
    errors = (
        {} if form.is_valid() else {name: " ".join(map(str, found)) for name, found in form.errors.items()}
    )
    ids = {name: _ids(sent, name) for name in _IDS}
    asked = sent.get("scope", "")
    scope = asked if asked in SCOPES else next((name for name in _IDS if ids[name]), "all")
    find = sent.get("find", "").replace("\0", "").strip()[:100]
    return PatchChoices(scope, ids, find, given, form.cleaned_data if not errors else {}, errors)


def _ids(sent: QueryDict, name: str) -> tuple[UUID, ...]:
    """Each id once, in the order sent; what is none is left out: nobody has typed it."""
    found: dict[UUID, None] = {}
    for text in sent.getlist(name):
        try:
            found[UUID(text.strip())] = None
        except ValueError:
            continue
    return tuple(found)
