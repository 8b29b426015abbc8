"""Making the plan from what was last read. Reads only."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from maintenance.actions.errors import BadInput, NotFound
from maintenance.actions.requests import StartRequest
from maintenance.clock import database_now
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.plan import Candidate, Choices, Plan, make_plan
from maintenance.gate_view import gate_host, gate_instance
from maintenance.models import Cloud, Cluster, Host, HostOut, Instance, Pod, Target, Zone
from maintenance.models.inventory import Listed
from maintenance.usual import usual_time_out

SCOPES: dict[str, tuple[type[Listed], str]] = {
    "zones": (Zone, "cluster__pod__zone_id__in"),
    "pods": (Pod, "cluster__pod_id__in"),
    "clusters": (Cluster, "cluster_id__in"),
    "hosts": (Host, "id__in"),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A checked scope: its cloud, its name for people, its hosts."""

    cloud: Cloud
    words: str
    hosts: list[Host]


def compute_plan(request: StartRequest) -> Plan:
    """What would be done now. Raises: BadInput."""
    request.check()
    return plan_of(request, scope_of(request))


def scope_of(request: StartRequest) -> Scope:
    """The hosts meant. Raises: BadInput naming the first id that is unknown, or that the scope is empty."""
    model, lookup = SCOPES[request.scope_kind]
    found = {row.id: row for row in model._default_manager.filter(id__in=request.scope_ids, gone_at=None)}
    for given in request.scope_ids:
        if given not in found:
            kind = request.scope_kind.removesuffix("s")
            raise BadInput(f"no {kind} has the id {given}", field=request.scope_kind, bad=str(given))
    clouds = {row.cloud_id for row in found.values()}
    if request.cloud_id is not None and clouds != {request.cloud_id}:
        raise BadInput(
            "the ids belong to another cloud than the one given", field="cloud", bad=str(request.cloud_id)
        )
    if len(clouds) > 1:
        raise BadInput("the ids belong to several clouds; start one run per cloud", field=request.scope_kind)
    hosts = list(
        Host.objects.filter(**{lookup: request.scope_ids}, gone_at=None).select_related(
            "cluster__pod__zone", "cloud"
        )
    )
    if not hosts:
        raise BadInput("there is no host in this scope", field=request.scope_kind)
    for field, given_ids in (("order", request.order), ("leave_out", request.leave_out)):
        if strange := set(given_ids) - {host.id for host in hosts}:
            raise BadInput(f"{field} names {min(strange)}, which is not in the scope", field=field)
    words = ", ".join(found[given].name for given in request.scope_ids[:6])
    if len(request.scope_ids) > 6:
        words += f" and {len(request.scope_ids) - 6} more"
    return Scope(Cloud.objects.get(id=clouds.pop()), words[:500], hosts)


def plan_of(request: StartRequest, scope: Scope) -> Plan:
    """The plan for a checked scope."""
    now = database_now()
    cluster_ids = {host.cluster_id for host in scope.hosts}
    busy = busy_hosts(scope.hosts)
    ours_out = set(
        HostOut.objects.filter(cluster_id__in=cluster_ids, closed_at=None).values_list("host_id", flat=True)
    )
    usual = usual_time_out()
    candidates = [
        Candidate(
            host=gate_host(host),
            zone=host.cluster.pod.zone.name,
            cluster_id=host.cluster_id,
            cluster=host.cluster.name,
            hypervisor=host.hypervisor,
            is_known=host.is_known(now),
            scripts=_scripts(host),
            busy=busy.get(host.id, ""),
            taken_by_others=is_taken_by_others(host, ours_out),
            usual_s=usual,
        )
        for host in scope.hosts
    ]
    choices = Choices(
        order=request.order,
        leave_out=frozenset(request.leave_out),
        skip_unready=request.skip_unready,
        max_unavailable=request.max_unavailable,
        clusters_in_parallel=request.clusters_in_parallel,
    )
    return make_plan(candidates, clusters_as_read(cluster_ids), choices, now)


MAINTENANCE_STATES = frozenset(
    {"PrepareForMaintenance", "Maintenance", "ErrorInPrepareForMaintenance", "ErrorInMaintenance"}
)


def is_taken_by_others(host: Host, ours_out: set[UUID]) -> bool:
    """In maintenance, and not by us: shown as such, never touched."""
    return host.resource_state in MAINTENANCE_STATES and host.id not in ours_out


def busy_hosts(hosts: list[Host]) -> dict[UUID, str]:
    """Hosts that an active run already has, with that run in words."""
    open_targets = Target.objects.filter(host_id__in=[h.id for h in hosts], is_open=True).select_related(
        "run"
    )
    return {
        t.host_id: f"run {t.run.number} has it (started by {t.run.started_by}, {t.run.scope_words})"
        for t in open_targets
    }


def clusters_as_read(cluster_ids: set[UUID]) -> dict[UUID, tuple[list[GateHost], list[GateInstance]]]:
    """Every host and instance of the clusters, as last read."""
    hosts: dict[UUID, list[GateHost]] = defaultdict(list)
    cluster_of: dict[UUID, UUID] = {}
    for host in Host.objects.filter(cluster_id__in=cluster_ids, gone_at=None):
        hosts[host.cluster_id].append(gate_host(host))
        cluster_of[host.id] = host.cluster_id
    instances: dict[UUID, list[GateInstance]] = defaultdict(list)
    for instance in Instance.objects.filter(host_id__in=list(cluster_of), gone_at=None):
        assert instance.host_id is not None
        instances[cluster_of[instance.host_id]].append(gate_instance(instance))
    return {cluster: (hosts[cluster], instances[cluster]) for cluster in cluster_ids}


def _scripts(host: Host) -> dict[HookStage, bool] | None:
    if host.hooks is None:
        return None
    return {stage: bool(host.hooks.get(stage, {}).get("present")) for stage in HookStage}


def host_or_not_found(host_id: UUID) -> Host:
    """Raises: NotFound."""
    host = Host.objects.filter(id=host_id).select_related("cluster__pod__zone", "cloud").first()
    if host is None:
        raise NotFound(f"no host has the id {host_id}")
    return host
