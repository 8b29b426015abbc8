"""Parts of the settings pages and of one's own page."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, simple
from dashboard.models import User
from dashboard.screens.settings import clouds as settings_clouds
from dashboard.screens.settings import limits as settings_limits
from dashboard.screens.settings import notifications as settings_notifications
from dashboard.screens.settings import payloads as settings_payloads
from dashboard.screens.settings import people as screen
from dashboard.screens.settings import tokens as settings_tokens
from dashboard.screens.settings import walls as settings_walls
from dashboard.screens.settings.frame import demo
from dashboard.screens.settings.overview import summary


def _of_person(name: str, build: Callable[[User], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's person."""

    def context(key: str, _one: str, _role: str) -> Context:
        person = User.objects.filter(key=UUID(key)).first()
        return None if person is None else {name: build(person)}

    return context


DRAWINGS: Mapping[Key, Drawing] = {
    ("settings", "demo"): Drawing("settings/page.html#demo", "settings-demo", simple("demo", demo)),
    ("settings", "summary"): Drawing(
        "settings/overview.html#summary", "settings-summary", simple("summary", summary), every_s=CALM_S
    ),
    ("settings", "people-verdict"): Drawing(
        "settings/people.html#verdict", "people-verdict", simple("verdict", screen.people_verdict)
    ),
    ("settings", "people"): Drawing(
        "settings/people.html#rows", "people-newest", simple("people", lambda: screen.people("", "", 1))
    ),
    ("settings", "tokens"): Drawing(
        "settings/tokens.html#tokens", "settings-tokens", simple("tokens", settings_tokens.all_tokens)
    ),
    ("settings", "clouds"): Drawing(
        "settings/clouds.html#clouds", "settings-clouds", simple("clouds", settings_clouds.cloud_rows)
    ),
    ("settings", "limits"): Drawing(
        "settings/limits.html#limits", "settings-limits", simple("limits", settings_limits.limit_rows)
    ),
    ("settings", "payloads"): Drawing(
        "settings/payloads.html#payloads",
        "settings-payloads",
        simple("payloads", settings_payloads.payloads),
        every_s=CALM_S,
    ),
    ("settings", "told"): Drawing(
        "settings/notifications.html#told", "settings-told", simple("told", settings_notifications.told)
    ),
    ("settings", "deliveries"): Drawing(
        "settings/notifications.html#deliveries",
        "settings-deliveries",
        simple("deliveries", settings_notifications.deliveries),
    ),
    ("settings", "walls"): Drawing(
        "settings/walls.html#links", "settings-walls", simple("walls", settings_walls.links)
    ),
    ("person", "head"): Drawing(
        "settings/person.html#head", "person-head", _of_person("head", screen.person_head)
    ),
    ("person", "actions"): Drawing(
        "settings/person.html#actions", "person-actions", _of_person("head", screen.person_head)
    ),
    ("person", "memberships"): Drawing(
        "settings/person.html#memberships",
        "person-memberships",
        _of_person("memberships", screen.memberships_of),
    ),
    ("person", "tokens"): Drawing(
        "settings/person.html#tokens", "person-tokens", _of_person("tokens", settings_tokens.tokens_of)
    ),
    ("person", "history"): Drawing(
        "settings/person.html#history", "person-history", _of_person("history", screen.history_of)
    ),
    ("me", "tokens"): Drawing(
        "settings/me.html#tokens", "me-tokens", _of_person("tokens", settings_tokens.own_tokens)
    ),
}
