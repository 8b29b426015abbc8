"""A button, what it does, said beneath it, and why it cannot be pressed now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS, OPERATORS


@dataclass(frozen=True, slots=True)
class Action:
    """`confirm`: words of a second button that opens beneath the first. `asks`: label of a line to fill in with it,
    `field` its name: one page may ask several such questions. `is_link`: it only leads to another page."""

    label: str
    icon: str
    url: str
    says: str
    kind: str = ""
    disabled: str = ""
    confirm: str = ""
    asks: str = ""
    field: str = ""
    is_link: bool = False

    @property
    def short(self) -> str:
        """The label where the host's name stands beside it already."""
        return self.label.split(" ")[0]

    def unless(self, reason: str) -> "Action":
        """The same, disabled for this reason, when there is one and no other came before."""
        return replace(self, disabled=self.disabled or reason)


def for_role(actions: Sequence[Action], role: str) -> list[Action]:
    """Whoever may only look sees the buttons, and who may press them."""
    return [action.unless(too_low(role)) for action in actions]


def too_low(role: str) -> str:
    """Why this role presses nothing; empty where it may."""
    if role in OPERATORS:
        return ""
    return _("Your role is %(role)s. Operators and administrators can do this.") % {"role": role or _("none")}


def too_low_to_administer(role: str) -> str:
    """Why this role does not press what only administrators may; empty where it may."""
    if role in ADMINISTRATORS:
        return ""
    return _("Your role is %(role)s. Administrators can do this.") % {"role": role or _("none")}
