"""Rows for tests that need a run but no cloud."""

from uuid import uuid4

from django.utils import timezone

from maintenance.actions.run_numbers import next_run_number
from maintenance.domain.states import RunKind, RunState
from maintenance.models import Cloud, Cluster, Host, Pod, Run, Target, Zone


def make_run(*, hosts, state=RunState.RUNNING):
    """A run over new hosts of one new cluster; nothing of it is queued."""
    now = timezone.now()
    cloud = Cloud.objects.create(name=f"cloud-{uuid4()}", kind="lab", read_at=now)
    listed = {"cloud": cloud, "changed_at": now}
    zone = Zone.objects.create(id=uuid4(), name="zone1", **listed)
    pod = Pod.objects.create(id=uuid4(), name="p1", zone=zone, **listed)
    cluster = Cluster.objects.create(
        id=uuid4(), name="p1-c1", pod=pod, hypervisor="KVM", allocation_state="Enabled", **listed
    )
    run = Run.objects.create(
        number=next_run_number(),
        kind=RunKind.ROLLING,
        cloud=cloud,
        state=state,
        scope_kind="clusters",
        scope_ids=[cluster.id],
        scope_words=cluster.name,
        timeout_s=60,
        drain_timeout_s=60,
        started_by="operator",
    )
    for place in range(1, hosts + 1):
        host = Host.objects.create(
            id=uuid4(),
            name=f"kvm{place}",
            cluster=cluster,
            state="Up",
            resource_state="Enabled",
            hypervisor="KVM",
            cpu_cores=16,
            memory_mb=65536,
            **listed,
        )
        Target.objects.create(
            run=run,
            host=host,
            cluster=cluster,
            name=host.name,
            cluster_name=cluster.name,
            zone_name=zone.name,
            order=place,
        )
    return run
