"""A full cluster: the instances of the host that have no place now, and why, as last read."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.words import count, figure
from maintenance.actions.planning import clusters_as_read
from maintenance.domain.capacity import Guest
from maintenance.domain.gate import MB_OF_GB, packing_without
from maintenance.engine.attention import Cause
from maintenance.models import Attention, HostOut

SHOWN_MAX = 100
WHY_CHARACTERS_MAX = 300  # of a cluster of many hosts, each of which says why not


@dataclass(frozen=True, slots=True)
class Homeless:
    """`host` is the one that it is on now."""

    name: str
    size: str
    why: str
    host: str
    host_url: str


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
    hosts, instances = clusters_as_read({target.cluster_key})[target.cluster_key]
    ours = HostOut.objects.filter(cluster_id=target.cluster_key, closed_at=None)
    away = {host.id for host in hosts if not host.in_service} | set(ours.values_list("host_id", flat=True))
    packing = packing_without(away | {target.host_key}, hosts, instances)
    homeless = packing.homeless
    names = {host.id: host.name for host in hosts}
    on = {instance.guest.id: instance.host_id for instance in instances}
    shown = [_homeless(guest, why, on.get(guest.id), names) for guest, why in homeless[:SHOWN_MAX]]
    if homeless:
        says = _("%(instances)s without a place in %(cluster)s") % {
            "instances": count(len(homeless), "instance"),
            "cluster": target.cluster_name,
        }
        if packing.missing_mb:
            memory = f"{max(0.1, packing.missing_mb / MB_OF_GB):.1f}"
            says = _("%(says)s, %(memory)s GB of memory missing in all") % {"says": says, "memory": memory}
    else:
        says = _("All fit now: the host goes on in a moment.")
    return RoomNow(shown, len(homeless) - len(shown), says, not homeless)


def _homeless(guest: Guest, why: str, host_id: UUID | None, names: Mapping[UUID, str]) -> Homeless:
    cores = ngettext("%(n)s core", "%(n)s cores", guest.cpu_cores) % {"n": figure(guest.cpu_cores)}
    return Homeless(
        name=guest.name,
        size=_("%(memory)s MB, %(cores)s") % {"memory": figure(guest.memory_mb), "cores": cores},
        why=why if len(why) <= WHY_CHARACTERS_MAX else f"{why[:WHY_CHARACTERS_MAX]}…",
        host=names.get(host_id, "") if host_id else "",
        host_url=reverse("host", args=[host_id]) if host_id else "",
    )
