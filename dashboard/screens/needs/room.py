"""A full cluster: the instances of the host that have no place now, and why, as last read."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.screens.words import count, figure
from maintenance.actions.planning import clusters_as_read
from maintenance.domain.capacity import Guest
from maintenance.domain.gate import packing_without
from maintenance.engine.attention import Cause
from maintenance.models import Attention, HostOut

SHOWN_MAX = 20
WHY_CHARACTERS_MAX = 300  # of a cluster of many hosts, each of which says why not


@dataclass(frozen=True, slots=True)
class Homeless:
    name: str
    size: str
    why: str


@dataclass(frozen=True, slots=True)
class RoomNow:
    """`fits`: all of them have a place now, so the host goes on in a moment."""

    homeless: list[Homeless]
    more: int
    says: str
    fits: bool


def room_now(attention: Attention) -> RoomNow | None:
    """None where room is not what it waits for."""
    target = attention.target
    if attention.cause != Cause.NO_ROOM or attention.resolved_at is not None or target is None:
        return None
    hosts, instances = clusters_as_read({target.cluster_id})[target.cluster_id]
    ours = HostOut.objects.filter(cluster_id=target.cluster_id, closed_at=None)
    away = {host.id for host in hosts if not host.in_service} | set(ours.values_list("host_id", flat=True))
    homeless = packing_without(away | {target.host_id}, hosts, instances).homeless
    shown = [_homeless(guest, why) for guest, why in homeless[:SHOWN_MAX]]
    if homeless:
        says = _("%(instances)s without a place in %(cluster)s") % {
            "instances": count(len(homeless), "instance"),
            "cluster": target.cluster_name,
        }
    else:
        says = _("All fit now: the host goes on in a moment.")
    return RoomNow(shown, len(homeless) - len(shown), says, not homeless)


def _homeless(guest: Guest, why: str) -> Homeless:
    size = _("%(memory)s MB, %(cores)s cores") % {
        "memory": figure(guest.memory_mb),
        "cores": figure(guest.cpu_cores),
    }
    return Homeless(
        guest.name, size, why if len(why) <= WHY_CHARACTERS_MAX else f"{why[:WHY_CHARACTERS_MAX]}…"
    )
