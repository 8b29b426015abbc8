"""Scenes in zones, pods and clusters: scripts, hosts that differ, many hosts."""

import html
import re
from uuid import uuid4

from django.utils import timezone

from maintenance.domain.hook_stages import STAGES
from maintenance.models import Host, HostOut, Target
from tests.dashboard.inventory import Inventory

SAME = "5" * 64
OTHER = "0f" * 32


def scripts(**others: str) -> dict[str, dict[str, object]]:
    """All four scripts, the same everywhere but for these stages."""
    return {
        stage: {
            "present": True,
            "path": f"/hooks/{stage}.sh",
            "digest": others.get(stage, SAME),
            "problem": "",
        }
        for stage in STAGES
    }


def fill(inventory: Inventory, cluster: str) -> None:
    """All four scripts on every host of the cluster."""
    Host.objects.filter(cluster=inventory.clusters[cluster]).update(hooks=scripts())
    for host in inventory.hosts.values():
        host.refresh_from_db()


def adrift(host: Host, stage: str, digest: str = OTHER) -> None:
    """It has another script for this stage than before."""
    found = host.hooks or {}
    host.hooks = {**found, stage: {**found[stage], "digest": digest}}
    host.save()


def go_out(target: Target) -> Target:
    """Our ledger says that the host is out."""
    HostOut.objects.create(
        host_id=target.host_key, cluster_id=target.cluster_key, run_id=target.run_id, target=target
    )
    Host.objects.filter(id=target.host_key).update(resource_state="Maintenance")
    return target


def many_hosts(inventory: Inventory, cluster: str, number: int, *, complete: bool = False) -> None:
    """So many hosts more, with an instance each; all four scripts, or one other on every second."""
    first = Host.objects.count() + 1
    like = inventory.hosts["kvm1"]
    hosts = [
        Host(
            id=uuid4(), cloud=inventory.cloud, cluster=inventory.clusters[cluster], name=f"kvm{first + at}",
            state="Up", resource_state="Enabled", hypervisor="KVM", cpu_cores=16, memory_mb=65_536,
            hooks=scripts() if complete or at % 2 else scripts(Maintenance=OTHER),
            changed_at=timezone.now(), kernel_version=like.kernel_version,
        )
        for at in range(number)
    ]  # fmt: skip
    Host.objects.bulk_create(hosts)
    like.instances.model.objects.bulk_create(
        like.instances.model(
            id=uuid4(), cloud=inventory.cloud, name=f"i-{host.name}", host=host, state="Running", account="shop",
            domain="ROOT/retail", cpu_cores=1, memory_mb=1024, changed_at=timezone.now(),
        )
        for host in hosts
    )  # fmt: skip


def text_of(fragment: str) -> str:
    """What a person reads of it."""
    words = html.unescape(re.sub(r"<[^>]+>", " ", fragment)).replace("\N{NO-BREAK SPACE}", " ")
    return " ".join(words.split())


def section(page: str, element: str) -> str:
    """The words of a part of the page."""
    return text_of(page.partition(f'id="{element}"')[2].partition(">")[2].partition("</section>")[0])


def urls(inventory) -> dict[str, str]:
    return {
        "zone": f"/zones/{inventory.zone.id}/",
        "pod": f"/pods/{inventory.pod.id}/",
        "cluster": f"/clusters/{inventory.clusters['c1'].id}/",
    }
