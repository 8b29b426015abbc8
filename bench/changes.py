"""Hosts that change in PostgreSQL as they do when an engine has read the cloud: the row and its event in one unit."""

import time
from typing import Any


def change_host(host: Any, version: str) -> float:
    """Its agent has this version now. Returns the wall-clock time a moment before the commit was asked for."""
    from maintenance.clock import database_now
    from maintenance.feed import unit_of_work
    from maintenance.models import Cloud, Host

    with unit_of_work() as work:
        now = database_now()
        Cloud.objects.filter(id=host.cloud_id).update(read_at=now, as_of=now)
        before = Host.objects.values_list("agent_version", flat=True).get(id=host.id)
        Host.objects.filter(id=host.id).update(agent_version=version, changed_at=now)
        about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, before={"agent_version": before}, after={"agent_version": version})
        return time.time()


def hosts_once_read(stack: Any) -> list[Any]:
    """The lab's hosts, read by an engine that has ended: from now on nobody but the bench changes them, and what was
    read counts for the whole bench."""
    from bench.stack import wait_for
    from maintenance.models import Cloud, Host

    engine = stack.start_engine()
    wait_for(
        lambda: Host.objects.filter(gone_at=None, hypervisor="KVM", hooks__isnull=False).count() > 8, 120
    )
    engine.terminate()
    engine.wait(20)
    Cloud.objects.update(unknown_s=86_400)
    return list(Host.objects.filter(gone_at=None, hypervisor="KVM").order_by("name"))
