"""Management servers that are down although nobody took them down, and clouds that have none that is Up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.servers.blocked import blocked_clouds
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.words import count, listing, said
from maintenance.domain.servers import ServerState
from maintenance.domain.states import Stage
from maintenance.engine.attention import Cause
from maintenance.models import Attention, Cloud, ManagementServer, Step, Target

MARKS_MAX = 6


@dataclass(frozen=True, slots=True)
class TroubledServer:
    name: str
    url: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class ServerTrouble:
    """What the overview says before everything else. `then`: what follows for the cloud."""

    says: str
    then: str
    mark: Mark
    servers: Sequence[TroubledServer]
    is_nobody_up: bool = False


def server_trouble() -> ServerTrouble | None:
    """None while every cloud has a server that is Up and none has died. Servers that were not read lately, or whose
    state nobody knows, say nothing."""
    if told := _told_none_up():
        return _nobody_up(told, is_all=len({one.cloud_id for one in told}) == Cloud.objects.count())
    now = timezone.now()
    listed = ManagementServer.objects.filter(gone_at=None).select_related("cloud")
    servers = [one for one in listed.order_by(natural_key("name"), "id") if one.is_known(now)]
    by_cloud: dict[UUID, list[ManagementServer]] = {}
    for server in servers:
        by_cloud.setdefault(server.cloud_id, []).append(server)
    without = [of_it for of_it in by_cloud.values() if not any(_is_up(one) for one in of_it)]
    if without:
        return _nobody_up([one for of_it in without for one in of_it], is_all=len(without) == len(by_cloud))
    died = died_unasked([one for one in servers if one.state == ServerState.DOWN])
    if not died:
        return None
    says = ngettext(
        "%(names)s is Down, and nobody took it down.",
        "%(names)s are Down, and nobody took them down.",
        len(died),
    ) % {"names": listing([said(one.name) for one in died], most=4)}
    up = sum(_is_up(one) for one in servers)
    then = ngettext("%(servers)s carries the cloud.", "%(servers)s carry the cloud.", up) % {
        "servers": count(up, "management server")
    }
    return ServerTrouble(says, then, server_mark(died[0], now), _drawn(died))


def _told_none_up() -> list[ManagementServer]:
    """Servers of clouds of which an engine found none that answers: what was read last is older than that."""
    told = Attention.objects.filter(cause=Cause.NO_SERVER_UP, resolved_at=None, server__isnull=False)
    clouds = list(told.values_list("server__cloud", flat=True))
    listed = ManagementServer.objects.filter(cloud__in=clouds, gone_at=None).select_related("cloud")
    return list(listed.order_by(natural_key("name"), "id")) if clouds else []


def died_unasked(down: Sequence[ManagementServer]) -> list[ManagementServer]:
    """Of those that are Down: whose process no run of ours has ended, or is about to."""
    if not down:
        return []
    has = set(Target.objects.filter(server__in=down, is_open=True).values_list("server", flat=True))
    ended = Step.objects.filter(target__server__in=down, stage=Stage.SERVER_SHUT_DOWN).order_by()
    asked = dict(ended.values_list("target__server").annotate(at=Max("started")))
    return [one for one in down if one.id not in has and not _was_asked(one, asked.get(one.id))]


def _was_asked(server: ManagementServer, asked_at: datetime | None) -> bool:
    """Since its process was last started: one that was shut down once, and started again, may die all the same."""
    return asked_at is not None and (server.started_at is None or asked_at >= server.started_at)


def _is_up(server: ManagementServer) -> bool:
    return server.state == ServerState.UP


def _nobody_up(servers: Sequence[ManagementServer], *, is_all: bool) -> ServerTrouble:
    if is_all:
        says = _("No management server is Up.")
    else:
        names = dict.fromkeys(one.cloud.name for one in servers)
        says = _("No management server of %(cloud)s is Up.") % {"cloud": listing(list(names))}
    blocked = blocked_clouds()
    if blocked:
        minutes = min(cloud.minutes for cloud in blocked)
        then = _("New work is refused: in maintenance, try again in about %(n)s min.") % {"n": minutes}
    else:
        then = _("Nothing can be asked of the cloud until one is.")
    down = [one for one in servers if one.state == ServerState.DOWN]
    return ServerTrouble(
        says,
        then,
        server_mark((down or list(servers))[0], timezone.now()),
        _drawn(servers),
        is_nobody_up=True,
    )


def _drawn(servers: Sequence[ManagementServer]) -> list[TroubledServer]:
    now = timezone.now()
    return [
        TroubledServer(
            one.name, reverse("server", args=[one.id]), UNKNOWN if _is_up(one) else server_mark(one, now)
        )
        for one in servers[:MARKS_MAX]
    ]
