"""What stands around every page: navigation with its counts, how old what is shown is, who is logged in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard.access import READERS, principal
from dashboard.screens.marks import Mark, mark, moving
from maintenance.domain.states import RUN_ACTIVE, RunState
from maintenance.models import Attention, Cloud, Host, Run


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the navigation. `count_id` names the count beside it, which is pushed live."""

    text: str
    url: str
    icon: str
    is_current: bool
    count_id: str


@dataclass(frozen=True, slots=True)
class NavCount:
    """A figure beside a line; empty when there is nothing to say."""

    id: str
    text: str
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Frame:
    places: list[tuple[str, list[Place]]]
    counts: dict[str, NavCount]
    clouds: list[Cloud]
    cloud_names: str
    person: str
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
    return Frame(
        places=_places(request.path) if may_read else [],
        counts={count.id: count for count in nav_counts()} if may_read else {},
        clouds=clouds,
        cloud_names=", ".join(cloud.name for cloud in clouds),
        person=person.get_username() if person is not None else "",
        role=role,
        may_read=may_read,
        now=timezone.now(),
        request_id=getattr(request, "request_id", ""),
        is_https=settings.IS_HTTPS,
    )


def _places(path: str) -> list[tuple[str, list[Place]]]:
    def place(text: str, route: str, icon: str, count_id: str = "") -> Place:
        url = reverse(route)
        return Place(text, url, icon, path == url if url == "/" else path.startswith(url), count_id)

    return [
        (
            "Now",
            [
                place("Overview", "overview", "overview", "nav-needs"),
                place("Rolling maintenance", "runs", "rolling", "nav-runs"),
            ],
        ),
        ("Cloud", [place("Hosts", "hosts", "hosts", "nav-hosts")]),
    ]


def nav_counts() -> list[NavCount]:
    """Runs in progress with their worst state, things that need a person, hosts."""
    runs = list(Run.objects.filter(state__in=RUN_ACTIVE).values_list("state", flat=True))
    needs = Attention.objects.filter(resolved_at=None).count()
    hosts = Host.objects.filter(gone_at=None).count()
    worst = mark(RunState.PAUSED) if RunState.PAUSED in runs else moving("in progress")
    return [
        NavCount("nav-runs", f"{len(runs):,}" if runs else "", worst if runs else None),
        NavCount("nav-needs", f"{needs:,}" if needs else "", mark("NeedsPerson") if needs else None),
        NavCount("nav-hosts", f"{hosts:,}" if hosts else "", None),
    ]
