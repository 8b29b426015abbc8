"""What stands around every page: navigation with its counts, how old what is shown is, who is logged in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS, READERS, principal
from dashboard.models import Role
from dashboard.screens.live_words import live_words, no_engine
from dashboard.screens.nav_counts import NavCount, nav_counts
from dashboard.screens.servers.blocked import BlockedCloud, blocked_clouds
from dashboard.screens.words import duration
from maintenance.models import Cloud, EngineProcess

MODULES = tuple(
    f"js/live/{path.name}" for path in sorted((settings.BASE_DIR / "static/js/live").glob("*.js"))
)


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the navigation. `count_id` names the count beside it, which is pushed live."""

    text: str
    url: str
    icon: str
    is_current: bool
    count_id: str


@dataclass(frozen=True, slots=True)
class Frame:
    places: list[tuple[str, list[Place]]]
    counts: dict[str, NavCount]
    clouds: list[Cloud]
    cloud_names: str
    needs_title: str  # “! 2 need you – Pitstop”; empty when nothing needs a person
    engine_silent: str  # empty when an engine answers
    blocked: list[BlockedCloud]  # those that refuse new work
    words: str  # of the script, as JSON
    modules: tuple[str, ...]  # what the script is made of
    person: str
    me_url: str
    role: str
    may_read: bool
    now: datetime
    request_id: str
    is_https: bool


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor. Asks the database only where a template uses it."""
    return {"frame": SimpleLazyObject(lambda: _frame(request))}


def _frame(request: HttpRequest) -> Frame:
    person = getattr(request, "user", None)
    role = principal(person) if person is not None else ""
    may_read = role in READERS
    clouds = list(Cloud.objects.all()) if may_read else []
    counts = {count.id: count for count in nav_counts()} if may_read else {}
    now = timezone.now()
    return Frame(
        places=_places(getattr(request, "rail_path", request.path), role) if may_read else [],
        counts=counts,
        clouds=clouds,
        cloud_names=", ".join(cloud.name for cloud in clouds),
        needs_title=counts["nav-needs"].title if may_read else "",
        engine_silent=_engine_silent(now) if may_read else "",
        blocked=blocked_clouds() if may_read else [],
        words=live_words() if may_read else "",
        modules=MODULES,
        person=person.get_username() if person is not None else "",
        me_url=_url_if_any("me"),
        role=role_word(role),
        may_read=may_read,
        now=now,
        request_id=getattr(request, "request_id", ""),
        is_https=settings.IS_HTTPS,
    )


def role_word(role: str) -> str:
    """What people call a role."""
    words = {
        Role.VIEWER: _("viewer"),
        Role.OPERATOR: _("operator"),
        Role.ADMINISTRATOR: _("administrator"),
        Role.TENANT: _("tenant"),
    }
    return words.get(Role(role), "") if role in Role.values else ""


def _engine_silent(now: datetime) -> str:
    """What to say while nothing moves."""
    seen_at = EngineProcess.objects.filter(stopped_at=None).aggregate(at=Max("seen_at"))["at"]
    if seen_at is None:
        return no_engine()
    silent_s = (now - seen_at).total_seconds()
    if silent_s <= settings.ENGINE_SILENT_S:
        return ""
    return _("No engine answers for %(duration)s: no run moves until one does.") % {
        "duration": duration(silent_s)
    }


def _url_if_any(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""


def _places(path: str, role: str) -> list[tuple[str, list[Place]]]:
    def place(text: str, route: str, icon: str, count_id: str = "") -> Place:
        url = reverse(route)
        return Place(text, url, icon, path == url if url == "/" else path.startswith(url), count_id)

    return [
        (
            _("Now"),
            [
                place(_("Overview"), "overview", "overview"),
                place(_("Needs a person"), "needs", "needs", "nav-needs"),
                place(_("Rolling maintenance"), "runs", "rolling", "nav-runs"),
                place(_("Pending jobs"), "jobs", "jobs", "nav-jobs"),
            ],
        ),
        (
            _("Cloud"),
            [
                place(_("Management servers"), "servers", "servers", "nav-servers"),
                place(_("Agents"), "agents", "agents", "nav-agents"),
                place(_("System VMs and routers"), "system-vms", "routers", "nav-system-vms"),
                place(_("Zones"), "zones", "zones"),
                place(_("Pods"), "pods", "pods"),
                place(_("Clusters"), "clusters", "clusters"),
                place(_("Hosts"), "hosts", "hosts", "nav-hosts"),
            ],
        ),
        (
            _("Console"),
            [
                place(_("Events"), "events", "events"),
                place(_("Wall"), "wall", "wall"),
                *([place(_("Settings"), "settings", "settings")] if role in ADMINISTRATORS else []),
            ],
        ),
    ]
