"""Changes hosts as an engine does: one durable unit of work for each change, with its event in the feed.

A program of its own, so that nobody measured has to wait for it. It reads lines {"first", "rate", "seconds"} and
answers each, when done, with a line: [when the change with the next number was committed (monotonic seconds), …].
"""

import json
import sys
import time
from typing import Any
from uuid import uuid4

CLUSTERS, HOSTS_IN_EACH = 20, 20
MARK = "6.1.0-bench-{:07d}"  # what a changed host says its kernel is: each change is told apart by it


def make_hosts() -> list[Any]:
    """A cloud of 400 hosts, read now and known for the whole bench."""
    from django.utils import timezone

    from maintenance.domain.hook_stages import STAGES
    from maintenance.models import Cloud, Cluster, Host, Pod, Zone

    now = timezone.now()
    cloud = Cloud.objects.create(
        name="bench",
        kind="lab",
        read_at=now,
        as_of=now,
        servers_read_at=now,
        servers_as_of=now,
        unknown_s=86_400,
    )

    def listed(name: str) -> dict[str, Any]:
        return {"id": uuid4(), "cloud": cloud, "name": name, "changed_at": now}

    zone = Zone.objects.create(**listed("zone-of-the-bench-with-a-name-of-some-length"))
    pod = Pod.objects.create(zone=zone, **listed("bench-pod"))
    kvm = {"hypervisor": "KVM", "allocation_state": "Enabled"}
    clusters = [
        Cluster(pod=pod, **kvm, **listed(f"bench-cluster-{c:02}-in-the-second-hall-on-the-left"))
        for c in range(CLUSTERS)
    ]
    Cluster.objects.bulk_create(clusters)
    known = {
        "state": "Up",
        "resource_state": "Enabled",
        "hypervisor": "KVM",
        "cpu_cores": 64,
        "memory_mb": 524_288,
        "agent_version": "4.21.0.0",
        "hooks": {stage: {"present": True} for stage in STAGES},
    }
    return Host.objects.bulk_create(
        Host(cluster=cluster, **known, **listed(f"{cluster.name}-kvm{number:02}"))
        for number in range(HOSTS_IN_EACH)
        for cluster in clusters
    )


def change(host: Any, number: int) -> float:
    """The host's kernel is another one. When that was committed."""
    from django.utils import timezone

    from maintenance.feed import unit_of_work
    from maintenance.models import Host

    kernel = MARK.format(number)
    with unit_of_work("bench") as work:
        Host.objects.filter(id=host.id).update(kernel_version=kernel, changed_at=timezone.now())
        about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
        before = {"kernel_version": host.kernel_version}
        work.event("host.changed", about, before=before, after={"kernel_version": kernel})
    host.kernel_version = kernel
    return time.monotonic()


def main() -> None:
    import django

    django.setup()
    from maintenance.models import Host

    hosts = list(Host.objects.filter(cloud__name="bench").order_by("name"))
    for line in sys.stdin:
        asked = json.loads(line)
        begun, committed = time.monotonic(), []
        for turn in range(round(asked["rate"] * asked["seconds"])):
            time.sleep(max(0.0, begun + turn / asked["rate"] - time.monotonic()))
            number = asked["first"] + turn
            committed.append(change(hosts[number % len(hosts)], number))
        print(json.dumps(committed), flush=True)


if __name__ == "__main__":
    main()
