"""One row of a list of hosts: how it is, what runs on it, its scripts as four letters, and where it differs."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import DrawnHost, drawn_hosts
from dashboard.screens.hook_box import HookBox
from dashboard.screens.host.drift import stages_adrift
from dashboard.screens.places.figures import SCRIPTED
from dashboard.screens.places.kinds import CLUSTER, ZONE, Link, link_to
from dashboard.screens.words import listing
from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.models import Host, Zone

HOOK_LETTERS = {
    HookStage.PREFLIGHT: "F",
    HookStage.PRE_MAINTENANCE: "P",
    HookStage.MAINTENANCE: "M",
    HookStage.POST_MAINTENANCE: "V",
}
DRIFT_NAMED = 2  # stages; of more only their number is said


@dataclass(frozen=True, slots=True)
class HostRow:
    id: UUID
    host: DrawnHost
    zone: Link
    cluster: Link
    instances: int
    hooks: list[HookBox]
    drift: str
    has_problem: bool


def host_rows(ids: list[UUID]) -> list[HostRow]:
    """These hosts, in this order; those that are gone are left out."""
    found = {h.id: h for h in Host.objects.filter(id__in=ids).select_related("cloud", "cluster").order_by()}
    around = _around(ids)
    hosts = [found[key] for key in ids if key in found and key in around]
    adrift = stages_adrift(list({host.cluster_id for host in hosts}), [host.id for host in hosts])
    return [
        HostRow(
            id=drawn.host.id,
            host=drawn,
            zone=link_to(ZONE, around[drawn.host.id].zone),
            cluster=link_to(CLUSTER, drawn.host.cluster),
            instances=around[drawn.host.id].instances,
            hooks=hook_boxes(drawn.host, adrift.get(drawn.host.id, [])) if can_run(drawn.host) else [],
            drift=_drift_words(adrift.get(drawn.host.id, [])),
            has_problem=bool(drawn.host.hooks_warnings) or _has_problem(drawn.host),
        )
        for drawn in drawn_hosts(hosts)
    ]


def host_row(host_id: UUID) -> HostRow | None:
    """One row alone, as it is pushed."""
    found = host_rows([host_id])
    return found[0] if found else None


class _Around(NamedTuple):
    zone: Zone
    instances: int  # that run


def _around(hosts: list[UUID]) -> dict[UUID, _Around]:
    """The zone each stands in, and how many instances run on it. Plain SQL: it is asked for each row that is pushed."""
    with connection.cursor() as cursor:
        cursor.execute(_AROUND, [list(RUNNING), hosts])
        return {
            host: _Around(Zone(id=zone, name=name), instances)
            for host, zone, name, instances in cursor.fetchall()
        }


_AROUND = """
SELECT host.id, zone.id, zone.name, (
    SELECT count(*) FROM maintenance_instance AS one
    WHERE one.host_id = host.id AND one.gone_at IS NULL AND one.state = ANY(%s)
)
FROM maintenance_host AS host
JOIN maintenance_cluster AS cluster ON cluster.id = host.cluster_id
JOIN maintenance_pod AS pod ON pod.id = cluster.pod_id
JOIN maintenance_zone AS zone ON zone.id = pod.zone_id
WHERE host.id = ANY(%s)
"""


def can_run(host: Host) -> bool:
    """Hook scripts run on KVM hosts only: of others there is nothing to know."""
    return host.hypervisor == SCRIPTED


def hook_boxes(host: Host, adrift: list[str]) -> list[HookBox]:
    return [_box(host, stage, drifts=stage in adrift) for stage in STAGES]


def _box(host: Host, stage: HookStage, *, drifts: bool) -> HookBox:
    if host.hooks is None:
        return HookBox(HOOK_LETTERS[stage], _("%(stage)s: not known") % {"stage": stage}, False, True)
    is_there = bool((host.hooks.get(stage) or {}).get("present"))
    words = {
        (True, False): str(stage),
        (True, True): _("%(stage)s: other than in its cluster") % {"stage": stage},
        (False, False): _("%(stage)s: none") % {"stage": stage},
        (False, True): _("%(stage)s: none, other than in its cluster") % {"stage": stage},
    }
    return HookBox(HOOK_LETTERS[stage], words[is_there, drifts], not is_there, False, drifts)


def _drift_words(stages: list[str]) -> str:
    """Names of stages are CloudStack's and are not translated."""
    if len(stages) > DRIFT_NAMED:
        return _("%(n)s of %(all)s stages differ") % {"n": len(stages), "all": len(STAGES)}
    words = ngettext("%(stages)s differs", "%(stages)s differ", len(stages))
    return words % {"stages": listing(stages)} if stages else ""


def _has_problem(host: Host) -> bool:
    return any((found or {}).get("problem") for found in (host.hooks or {}).values())
