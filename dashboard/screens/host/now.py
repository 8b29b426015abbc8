"""How hosts are at this moment, as last read, in a few words: wherever something is said about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.census import RUNNING
from dashboard.screens.marks import UNKNOWN, Mark, host_mark
from dashboard.screens.words import count
from maintenance.models import Host, HostOut, Instance, Target


@dataclass(frozen=True, slots=True)
class HostNow:
    """How the host is, as last read."""

    mark: Mark
    words: str
    cloud: UUID | None
    read_at: datetime | None


def host_now(host_id: UUID, target: Target | None = None) -> HostNow:
    """`target`: where a run has it."""
    return hosts_now([host_id], [target] if target is not None else [])[host_id]


def hosts_now(host_ids: Sequence[UUID], targets: Sequence[Target]) -> dict[UUID, HostNow]:
    """The same for many, in as many questions to the database as for one."""
    hosts = {host.id: host for host in Host.objects.select_related("cloud").filter(id__in=host_ids)}
    ours = set(HostOut.objects.filter(host__in=host_ids, closed_at=None).values_list("host_id", flat=True))
    running = Instance.objects.filter(host__in=host_ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host").annotate(n=Count("id")))
    having = {target.host_id: target for target in targets if target.is_open}
    now = timezone.now()
    found = {}
    for host_id in host_ids:
        host = hosts.get(host_id)
        if host is None or host.gone_at is not None:
            found[host_id] = HostNow(UNKNOWN, _("The cloud no longer lists this host."), None, None)
            continue
        drawn = host_mark(host, now, target=having.get(host_id), is_ours=host_id in ours)
        words = _("agent %(state)s, %(resource_state)s, %(instances)s on it") % {
            "state": host.state,
            "resource_state": host.resource_state,
            "instances": count(instances.get(host_id, 0), "instance"),
        }
        found[host_id] = HostNow(drawn, words, host.cloud_id, host.cloud.read_at)
    return found
