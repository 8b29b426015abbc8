"""What a rolling maintenance can be started over: zones, pods, clusters or hosts, with how much is in each."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms import StartChoices
from dashboard.screens.census import RUNNING
from dashboard.screens.words import count
from maintenance.domain.order import natural
from maintenance.models import Cluster, Host, Instance, Pod, Zone

HOSTS_OFFERED_MAX = 100
KINDS = {
    "zones": gettext_lazy("Zones"),
    "pods": gettext_lazy("Pods"),
    "clusters": gettext_lazy("Clusters"),
    "hosts": gettext_lazy("Hosts"),
}


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    id: UUID
    name: str
    more: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ScopeKind:
    """`more`: hosts that are not listed; `chosen_unseen`: those of them that are chosen, as one hidden field."""

    value: str
    text: str
    is_chosen: bool
    choices: list[ScopeChoice]
    more: int = 0
    chosen_unseen: str = ""


def scope_kinds(choices: StartChoices) -> list[ScopeKind]:
    """What can be chosen, of every kind, so that a page without script can switch. Sizes come from two counts."""
    listed = Host.objects.filter(gone_at=None).order_by()
    hosts = dict(listed.values_list("cluster").annotate(size=Count("id")))
    running = Instance.objects.filter(gone_at=None, state__in=RUNNING, host__gone_at=None).order_by()
    instances = dict(running.values_list("host__cluster").annotate(size=Count("id")))
    clusters = list(Cluster.objects.filter(gone_at=None).select_related("pod__zone"))
    levels: Mapping[str, dict[UUID, tuple[str, list[UUID]]]] = {
        "zones": {zone.id: (zone.name, []) for zone in Zone.objects.filter(gone_at=None)},
        "pods": {
            pod.id: (f"{pod.zone.name} · {pod.name}", [])
            for pod in Pod.objects.filter(gone_at=None).select_related("zone")
        },
        "clusters": {},
    }
    for cluster in clusters:
        levels["clusters"][cluster.id] = (f"{cluster.pod.zone.name} · {cluster.name}", [cluster.id])
        for level, key in (("zones", cluster.pod.zone_id), ("pods", cluster.pod_id)):
            if key in levels[level]:
                levels[level][key][1].append(cluster.id)
    return [
        _hosts_offered(choices)
        if kind == "hosts"
        else _offered(kind, levels[kind], hosts, instances, choices)
        for kind in KINDS
    ]


def _offered(
    kind: str,
    level: Mapping[UUID, tuple[str, list[UUID]]],
    hosts: Mapping[UUID, int],
    instances: Mapping[UUID, int],
    choices: StartChoices,
) -> ScopeKind:
    chosen = set(choices.ids) if kind == choices.kind else set()
    offered = [
        ScopeChoice(key, name, _holds(len(own), _sum(own, hosts), _sum(own, instances), kind), key in chosen)
        for key, (name, own) in sorted(level.items(), key=lambda item: natural(item[1][0]))
    ]
    return ScopeKind(kind, str(KINDS[kind]), kind == choices.kind, offered)


def _sum(clusters: list[UUID], sizes: Mapping[UUID, int]) -> int:
    return sum(sizes.get(cluster, 0) for cluster in clusters)


def _holds(clusters: int, hosts: int, instances: int, kind: str) -> str:
    said = {"hosts": count(hosts, "host"), "instances": count(instances, "instance")}
    if kind == "clusters":
        return _("%(hosts)s, %(instances)s") % said
    return _("%(clusters)s, %(hosts)s, %(instances)s") % {"clusters": count(clusters, "cluster"), **said}


def _hosts_offered(choices: StartChoices) -> ScopeKind:
    """A small cloud's hosts are all listed; of a fleet those that are chosen, the others are chosen on their page."""
    chosen = set(choices.ids) if choices.kind == "hosts" else set()
    listed = Host.objects.filter(gone_at=None).select_related("cluster__pod__zone")
    total = listed.count()
    if total > HOSTS_OFFERED_MAX:
        listed = listed.filter(id__in=list(chosen))
    ordered = sorted(
        listed, key=lambda h: (natural(h.cluster.pod.zone.name), natural(h.cluster.name), natural(h.name))
    )
    shown = ordered[:HOSTS_OFFERED_MAX]
    return ScopeKind(
        "hosts",
        str(KINDS["hosts"]),
        choices.kind == "hosts",
        [
            ScopeChoice(h.id, h.name, f"{h.cluster.pod.zone.name} · {h.cluster.name}", h.id in chosen)
            for h in shown
        ],
        more=total - len(shown),
        chosen_unseen=",".join(str(host.id) for host in ordered[HOSTS_OFFERED_MAX:]),
    )
