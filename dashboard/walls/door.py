"""Who is let in by the cookie of a wall: its link's screen, as long as the link holds and where it may be opened."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from dashboard.models import WallLink
from dashboard.walls import cookie
from dashboard.walls.links import living
from dashboard.walls.networks import is_within
from dashboard.walls.screen import WallScreen

SEEN_EVERY = timedelta(minutes=1)


def has_cookie(request: HttpRequest) -> bool:
    return cookie.NAME in request.COOKIES


def screen_of(request: HttpRequest) -> WallScreen | None:
    """None without a cookie of ours, and where its link is over or may not be opened from here."""
    key = cookie.link_named(request.COOKIES.get(cookie.NAME, ""))
    link = WallLink.objects.filter(living(), id=key).first() if key is not None else None
    if link is None or not is_within(address_of(request), link.networks):
        return None
    return screen_for(link)


def screen_for(link: WallLink) -> WallScreen:
    return WallScreen(link.id, link.profile, tuple(link.cloud_ids), link.shows_names, link.has_sound)


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def was_seen(link: UUID, address: str) -> None:
    """Noted to the minute: what looks every second writes once."""
    now = timezone.now()
    stale = Q(seen_at=None) | Q(seen_at__lt=now - SEEN_EVERY) | ~Q(seen_from=address or None)
    WallLink.objects.filter(stale, id=link).update(seen_at=now, seen_from=address or None)
