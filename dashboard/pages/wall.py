"""Walls: the five bands, every host as a cell, and the link that lets a screen in."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.live.drawn_once import one_push
from dashboard.models import WallLink
from dashboard.pages.asked import number
from dashboard.screens.feed_head import feed_head
from dashboard.screens.wall.clusters import clusters
from dashboard.screens.wall.hosts import LETTERS, host_map
from dashboard.screens.wall.now import now_of
from dashboard.screens.wall.page import wall_page
from dashboard.screens.wall.problems import problems
from dashboard.screens.wall.profile import EVERYTHING, Profile
from dashboard.screens.wall.servers import servers
from dashboard.screens.wall.verdict import verdict
from dashboard.walls import cookie
from dashboard.walls.door import address_of, screen_of, was_seen
from dashboard.walls.ended import link_ended, private
from dashboard.walls.links import digest_of, living
from dashboard.walls.networks import is_within
from dashboard.walls.screen import WallScreen


@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    profile = _profile(request)
    with one_push():
        now = now_of(profile)
        bands = {
            "verdict": verdict(now),
            "problems": problems(now),
            "clusters": clusters(now),
            "servers": servers(now),
        }
    return _shown(request, "wall/wall.html", f"wall:{profile.id}", profile, {"seq": seq, **bands})


@require_safe
def wall_hosts(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    profile = _profile(request)
    shown = host_map(profile, number(request.GET.get("page", "")))
    context = {"seq": seq, "map": shown, "letters": LETTERS}
    return _shown(request, "wall/hosts.html", f"wallhosts:{profile.id}", profile, context)


@require_safe
def wall_link(request: HttpRequest, token: str) -> HttpResponse:
    """The secret in the address becomes a cookie, and the address is left at once: it stays in no history. It changes
    nothing, however often it is asked, also by programs that look at links before people do."""
    link = WallLink.objects.filter(digest=digest_of(token)).first()
    if link is None:
        return link_ended(request, status=404)
    holds = WallLink.objects.filter(living(), id=link.id).exists()
    if not holds or not is_within(address_of(request), link.networks):
        return link_ended(request)
    return _with_cookie(private(HttpResponseRedirect(reverse("wall"), status=303)), link.id)


def _profile(request: HttpRequest) -> Profile:
    """Where a link was opened it is the link's, also for somebody who has logged in; other people see everything."""
    screen = _screen(request)
    if screen is None:
        return EVERYTHING
    return Profile(screen.profile, screen.cloud_ids, screen.shows_names)


def _screen(request: HttpRequest) -> WallScreen | None:
    visitor: object = request.user
    return visitor if isinstance(visitor, WallScreen) else screen_of(request)


def _shown(
    request: HttpRequest, template: str, topic: str, profile: Profile, context: dict[str, object]
) -> HttpResponse:
    screen = _screen(request)
    has_sound = screen.has_sound if screen else "sound" in request.GET
    page = wall_page(profile, has_sound=has_sound, is_screen=not request.user.is_authenticated)
    answer = private(render(request, template, {"topic": topic, "wall": page, **context}))
    if screen is not None:
        was_seen(screen.link, address_of(request))
        _with_cookie(answer, screen.link)  # it never runs out while it is in use
    return answer


def _with_cookie(answer: HttpResponse, link: UUID) -> HttpResponse:
    answer.set_cookie(
        cookie.NAME,
        cookie.cookie_of(link),
        max_age=cookie.KEPT_S,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return answer
