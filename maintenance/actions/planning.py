"""Making the plan from what was last read. Reads only."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Min, TextField
from django.db.models.functions import Cast

from maintenance.actions.errors import BadInput, NotFound
from maintenance.actions.requests import StartRequest
from maintenance.clock import database_now
from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.order import natural
from maintenance.domain.plan import (
    Candidate,
    Choices,
    ClusterNow,
    Holder,
    OutNow,
    Plan,
    Surroundings,
    make_plan,
)
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState, Stage
from maintenance.gate_view import gate_host, gate_instance
from maintenance.models import Cloud, Cluster, Host, HostOut, Instance, Pod, Run, Target, Zone
from maintenance.models.inventory import Listed
from maintenance.usual import usual_stage_times, usual_turns

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
    if strange := set(request.cluster_order) - {host.cluster_id for host in hosts}:
        raise BadInput(
            f"cluster_order names {min(strange)}, which is not in the scope", field="cluster_order"
        )
    words = ", ".join(found[given].name for given in request.scope_ids[:6])
    if len(request.scope_ids) > 6:
        words += f" and {len(request.scope_ids) - 6} more"
    return Scope(Cloud.objects.get(id=clouds.pop()), words[:500], hosts)


def plan_of(request: StartRequest, scope: Scope) -> Plan:
    """The plan for a checked scope."""
    now = database_now()
    cluster_ids = {host.cluster_id for host in scope.hosts}
    others = Host.objects.filter(cluster_id__in=cluster_ids, gone_at=None)
    rows = [*scope.hosts, *others.exclude(id__in=[host.id for host in scope.hosts])]
    ours_out = {out.host_id: out for out in _open_outs(cluster_ids)}
    holders = _holders(cluster_ids)
    usual = usual_turns()
    candidates = [
        Candidate(
            host=gate_host(host),
            zone=host.cluster.pod.zone.name,
            cluster_id=host.cluster_id,
            cluster=host.cluster.name,
            hypervisor=host.hypervisor,
            is_known=host.is_known(now),
            scripts=_scripts(host),
            holder=holders.get(host.id),
            taken_by_others=is_taken_by_others(host, set(ours_out)),
            usual_s=usual.of(host.cluster_id),
        )
        for host in scope.hosts
    ]
    choices = Choices(
        cluster_order=request.cluster_order,
        order=request.order,
        leave_out=frozenset(request.leave_out),
        skip_unready=request.skip_unready,
        max_unavailable=request.max_unavailable,
        clusters_in_parallel=request.clusters_in_parallel,
    )
    around = Surroundings(
        out=tuple(_out_now(rows, ours_out, {h.cluster_id: h.cluster.name for h in scope.hosts})),
        runs=tuple(sorted(set(holders.values()), key=lambda holder: holder.number)),
        preflight_s=usual_stage_times().get(Stage.PREFLIGHT),
    )
    return make_plan(candidates, _clusters_now(rows, set(ours_out)), choices, now, around)


def _open_outs(cluster_ids: set[UUID]) -> list[HostOut]:
    return list(HostOut.objects.filter(cluster_id__in=cluster_ids, closed_at=None).select_related("run"))


def _holders(cluster_ids: set[UUID]) -> dict[UUID, Holder]:
    """Hosts of these clusters that an active run has, by host."""
    open_targets = Target.objects.filter(cluster_id__in=cluster_ids, is_open=True)
    runs = {run.id: holder_of(run) for run in Run.objects.filter(targets__in=open_targets).distinct()}
    return {host: runs[run] for host, run in open_targets.values_list("host_id", "run_id") if run in runs}


def holder_of(run: Run) -> Holder:
    return Holder(run.id, run.number, run.started_by, run.created_at, run.scope_words)


def _out_now(
    rows: Sequence[Host], ours_out: Mapping[UUID, HostOut], names: Mapping[UUID, str]
) -> Iterator[OutNow]:
    """Hosts of these clusters that are out of service now, by whomever."""
    for host in sorted(rows, key=lambda h: (natural(names[h.cluster_id]), natural(h.name))):
        out = ours_out.get(host.id)
        if out is not None:
            yield OutNow(host.id, host.name, host.cluster_id, names[host.cluster_id], "", holder_of(out.run))
        elif not host.is_in_service():
            why = f"{host.state}, {host.resource_state}"
            yield OutNow(host.id, host.name, host.cluster_id, names[host.cluster_id], why)


def _clusters_now(rows: Sequence[Host], ours_out: set[UUID]) -> dict[UUID, ClusterNow]:
    """The clusters of these hosts, whole."""
    hosts: dict[UUID, list[GateHost]] = defaultdict(list)
    for host in rows:
        hosts[host.cluster_id].append(gate_host(host))
    instances = _instances_of(hosts)
    limits = _limits_of_others(set(hosts))
    return {
        key: ClusterNow(found, instances[key], frozenset(ours_out), limits.get(key))
        for key, found in hosts.items()
    }


def _instances_of(hosts: Mapping[UUID, Sequence[GateHost]]) -> dict[UUID, list[GateInstance]]:
    """By cluster. Plain columns, not models: a fleet has tens of thousands."""
    cluster_of = {host.id: cluster for cluster, found in hosts.items() for host in found}
    columns = ("id", "name", "memory_mb", "cpu_cores", "tags_text", "groups_text", "state", "host_id")
    listed = Instance.objects.filter(host__cluster_id__in=list(hosts), gone_at=None).order_by()
    listed = listed.annotate(
        tags_text=Cast("tags", TextField()), groups_text=Cast("affinity_groups", TextField())
    )
    words = {"[]": frozenset[str]()}  # most have none, and the others the same few: each text is read once
    found: dict[UUID, list[GateInstance]] = defaultdict(list)
    for key, name, memory_mb, cores, tags, groups, state, host_id in listed.values_list(*columns):
        cluster_id = cluster_of.get(host_id)
        if cluster_id is not None:
            for text in (tags, groups):
                if text not in words:
                    words[text] = frozenset(json.loads(text))
            guest = Guest(key, name, memory_mb, cores, words[tags], words[groups])
            found[cluster_id].append(GateInstance(guest, state, host_id))
    return found


def _limits_of_others(cluster_ids: set[UUID]) -> dict[UUID, int]:
    """Runs may share a cluster; then the smallest limit holds. By cluster, where another run is at work."""
    at_work = Target.objects.filter(
        cluster_id__in=cluster_ids,
        is_open=True,
        run__kind=RunKind.ROLLING,
        run__state__in=RUN_ACTIVE - {RunState.QUEUED},
    ).order_by()
    return dict(at_work.values_list("cluster_id").annotate(least=Min("run__max_unavailable")))


MAINTENANCE_STATES = frozenset(
    {"PrepareForMaintenance", "Maintenance", "ErrorInPrepareForMaintenance", "ErrorInMaintenance"}
)


def is_taken_by_others(host: Host, ours_out: set[UUID]) -> bool:
    """In maintenance, and not by us: shown as such, never touched."""
    return host.resource_state in MAINTENANCE_STATES and host.id not in ours_out


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
