"""A fleet in the inventory, made the quick way: rows as a reading leaves them, and no cloud behind them.

No engine may run beside it: the next reading would find that none of it is there.
"""

from typing import Any
from uuid import uuid4

A_CLUSTER = 20  # hosts
A_ZONE = 125  # clusters
INSTANCES_EACH = 2
A_BATCH = 5_000
DAY_S = 86_400
HOOK = {"present": True, "path": "/etc/cloudstack/agent/hooks.d/stage", "digest": "5f" * 32, "problem": ""}


def grow_fleet(hosts: int, *, instances_each: int = INSTANCES_EACH) -> None:
    """So many hosts there are then, 20 in each cluster; most of them serve, some do not. The cloud counts as read for
    a day."""
    from django.utils import timezone

    from maintenance.models import Cloud, Host

    now = timezone.now()
    cloud, _ = Cloud.objects.get_or_create(name="fleet", defaults={"kind": "lab"})
    Cloud.objects.update(read_at=now, as_of=now, servers_read_at=now, servers_as_of=now, unknown_s=DAY_S)
    there = Host.objects.filter(cloud=cloud).count()
    while there < hosts:
        more = min(A_BATCH, hosts - there)
        _add(cloud, there, more, instances_each)
        there += more
    _analyze()


def _add(cloud: Any, first: int, more: int, instances_each: int) -> None:
    from maintenance.domain.hook_stages import STAGES
    from maintenance.models import Host, Instance

    clusters = _clusters(cloud, (first + more - 1) // A_CLUSTER + 1)
    hosts = Host.objects.bulk_create(
        Host(
            **_listed(cloud, f"kvm-{n // A_CLUSTER:04}-{n % A_CLUSTER + 1}.fleet.example"),
            cluster=clusters[n // A_CLUSTER],
            state="Down" if n % 97 == 7 else "Up",
            resource_state="Maintenance" if n % 61 == 5 else "Enabled",
            hypervisor="KVM",
            cpu_cores=64,
            memory_mb=524_288,
            tags=["ssd"],
            agent_version="4.22.0.0",
            kernel_version="6.8.0-79-generic",
            hooks=dict.fromkeys(STAGES, HOOK),
        )
        for n in range(first, first + more)
    )
    Instance.objects.bulk_create(
        (
            Instance(
                **_listed(cloud, f"i-{host.name}-{m}"), host=host, state="Running", account="shop", domain="ROOT",
                cpu_cores=4, memory_mb=16_384,
            )
            for host in hosts
            for m in range(instances_each)
        ),
        batch_size=A_BATCH,
    )  # fmt: skip


def _clusters(cloud: Any, wanted: int) -> list[Any]:
    """In the order of their names."""
    from maintenance.models import Cluster, Pod, Zone

    there = list(Cluster.objects.filter(cloud=cloud).order_by("name"))
    for n in range(len(there), wanted):
        if n % A_ZONE == 0:
            zone = Zone.objects.create(**_listed(cloud, f"zone-{n // A_ZONE:03}"))
            Pod.objects.create(**_listed(cloud, f"pod-{n // A_ZONE:03}"), zone=zone)
    pods = list(Pod.objects.filter(cloud=cloud).order_by("name"))
    there += Cluster.objects.bulk_create(
        Cluster(
            **_listed(cloud, f"cluster-{n:05}"), pod=pods[n // A_ZONE], hypervisor="KVM", allocation_state="Enabled"
        )
        for n in range(len(there), wanted)
    )  # fmt: skip
    return there


def _listed(cloud: Any, name: str) -> dict[str, Any]:
    return {"id": uuid4(), "cloud": cloud, "name": name, "changed_at": cloud.read_at or _now()}


def _now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _analyze() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def put_into_a_run(hosts: int) -> None:
    """A run over so many of them, some way through: what is at work, waits and is done is told of each."""
    from maintenance.domain.states import RunKind, RunState, TargetState
    from maintenance.models import Host, Run, Target

    states = (TargetState.DONE, TargetState.WORKING, TargetState.WAITING, TargetState.WAITING)
    listed = list(Host.objects.order_by("name").select_related("cloud", "cluster")[:hosts])
    run = Run.objects.create(
        number=1, kind=RunKind.ROLLING, cloud=listed[0].cloud, state=RunState.RUNNING, scope_kind="clusters",
        scope_ids=[], scope_words="fleet", timeout_s=60, drain_timeout_s=60, started_by="bench",
    )  # fmt: skip
    Target.objects.bulk_create(
        (
            Target(
                run=run, host=host, cluster=host.cluster, name=host.name, cluster_name=host.cluster.name, order=n,
                state=states[n % len(states)],
            )
            for n, host in enumerate(listed)
        ),
        batch_size=A_BATCH,
    )  # fmt: skip


def change_hosts(hosts: list[Any], state: str) -> None:
    """Their agents' state, as a reading would write it: one transaction, an event each."""
    from django.db import connection

    from maintenance.clock import database_now
    from maintenance.feed import unit_of_work
    from maintenance.models import Host

    with unit_of_work("bench") as work:
        Host.objects.filter(id__in=[host.id for host in hosts]).update(state=state, changed_at=database_now())
        for host in hosts:
            about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
            work.event("host.changed", about, before={"state": host.state}, after={"state": state})
            host.state = state
    connection.close()
