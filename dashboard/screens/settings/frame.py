"""What stands around every settings page: its sections, and what administrators must know first."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.people.demo import open_demo_users
from dashboard.screens.words import listing


@dataclass(frozen=True, slots=True)
class Section:
    text: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Demo:
    """Demo users who can log in. Empty names: none can."""

    names: str
    count: int
    is_you: bool


def sections(current: str) -> list[Section]:
    """The settings' pages by route; `current` is one of them."""
    routes = {
        "settings": _("Overview"),
        "settings-people": _("People"),
        "settings-roles": _("Roles"),
        "settings-tokens": _("API tokens"),
        "settings-clouds": _("Clouds"),
        "settings-limits": _("Limits"),
        "settings-payloads": _("Payloads"),
        "settings-notifications": _("Notifications"),
        "settings-walls": _("Walls"),
    }
    return [Section(text, reverse(route), route == current) for route, text in routes.items()]


def demo() -> Demo:
    found = [person.username for person in open_demo_users()]
    return Demo(listing(found, most=6), len(found), is_you=False)
