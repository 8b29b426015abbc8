"""Whose 45 instances run on the demo hosts, how big they are, and what keeps some of them apart."""

from dataclasses import dataclass

ACCOUNTS = {
    "shop": "ROOT/retail",
    "warehouse": "ROOT/retail",
    "clinic": "ROOT/health",
    "studio": "ROOT/media",
    "tenant": "ROOT/tenant",
    "admin": "ROOT",
}


@dataclass(frozen=True, slots=True)
class DemoInstance:
    """Memory in GB. `host` is the end of a demo host's name."""

    host: str
    account: str
    name: str
    memory_gb: int
    cpu_cores: int
    tags: tuple[str, ...] = ()
    affinity_groups: tuple[str, ...] = ()


def _on(
    host: str, account: str, names: str, gb: int, cores: int, **more: tuple[str, ...]
) -> list[DemoInstance]:
    return [DemoInstance(host, account, f"{account}-{name}", gb, cores, **more) for name in names.split()]


_SSD = {"tags": ("ssd",)}
_GENERAL = {"tags": ("general",)}

INSTANCES: tuple[DemoInstance, ...] = (
    # p1-c1, 16 instances, 84 GB: no groups, no tags, so that any one host can hold them all
    *_on("711-k-M7-apanic-kvm1", "shop", "web-1 web-2", 4, 2),
    *_on("711-k-M7-apanic-kvm1", "shop", "db-1", 12, 4),
    *_on("711-k-M7-apanic-kvm1", "tenant", "app-1 app-2", 4, 2),
    *_on("711-k-M7-apanic-kvm1", "admin", "monitor", 6, 2),
    *_on("711-k-M7-apanic-kvm2", "shop", "cache-1", 4, 2),
    *_on("711-k-M7-apanic-kvm2", "warehouse", "erp", 12, 4),
    *_on("711-k-M7-apanic-kvm2", "warehouse", "labels scanner", 2, 1),
    *_on("711-k-M7-apanic-kvm2", "tenant", "db-1", 8, 4),
    *_on("711-k-M7-apanic-kvm3", "shop", "mail", 4, 2),
    *_on("711-k-M7-apanic-kvm3", "studio", "share", 8, 2),
    *_on("711-k-M7-apanic-kvm3", "studio", "review queue", 3, 2),
    *_on("711-k-M7-apanic-kvm3", "admin", "backup", 4, 2),
    # p1-c2, 14 instances, 182 GB: every instance asks for ssd; a pair that must not share a host
    *_on("711-k-M7-apanic-kvm4", "clinic", "pacs-1", 24, 8, **_SSD, affinity_groups=("clinic-pacs",)),
    *_on("711-k-M7-apanic-kvm4", "clinic", "records", 16, 4, **_SSD),
    *_on("711-k-M7-apanic-kvm4", "shop", "search-1", 16, 4, **_SSD),
    *_on("711-k-M7-apanic-kvm5", "clinic", "pacs-2", 24, 8, **_SSD, affinity_groups=("clinic-pacs",)),
    *_on("711-k-M7-apanic-kvm5", "clinic", "portal lab-1 lab-2", 8, 4, **_SSD),
    *_on("711-k-M7-apanic-kvm5", "warehouse", "stock-1 stock-2", 6, 2, **_SSD),
    *_on("711-k-M7-apanic-kvm5", "tenant", "web-1", 6, 2, **_SSD),
    *_on("711-k-M7-apanic-kvm6", "studio", "render-1 render-2", 16, 8, **_SSD),
    *_on("711-k-M7-apanic-kvm6", "shop", "search-2", 16, 4, **_SSD),
    *_on("711-k-M7-apanic-kvm6", "tenant", "web-2", 12, 2, **_SSD),
    # p2-c1, 15 instances, 176 GB: two that kvm3 cannot take, and a pair that must not share a host
    *_on("714-k-M7-apanic-kvm1", "studio", "archive-1", 24, 4, **_GENERAL),
    *_on("714-k-M7-apanic-kvm1", "studio", "encode-1 encode-2", 12, 8, **_GENERAL),
    *_on("714-k-M7-apanic-kvm1", "clinic", "index-1", 8, 2, tags=("general", "ssd")),
    *_on("714-k-M7-apanic-kvm1", "clinic", "queue-1", 4, 2, **_GENERAL, affinity_groups=("clinic-queue",)),
    *_on("714-k-M7-apanic-kvm1", "admin", "logs", 8, 2, **_GENERAL),
    *_on("714-k-M7-apanic-kvm2", "studio", "archive-2", 24, 4, **_GENERAL),
    *_on("714-k-M7-apanic-kvm2", "clinic", "index-2", 8, 2, tags=("general", "ssd")),
    *_on("714-k-M7-apanic-kvm2", "clinic", "queue-2", 4, 2, **_GENERAL, affinity_groups=("clinic-queue",)),
    *_on("714-k-M7-apanic-kvm2", "warehouse", "reports", 12, 4, **_GENERAL),
    *_on("714-k-M7-apanic-kvm3", "shop", "analytics-1 analytics-2", 16, 4, **_GENERAL),
    *_on("714-k-M7-apanic-kvm3", "warehouse", "forecast", 16, 4, **_GENERAL),
    *_on("714-k-M7-apanic-kvm3", "tenant", "batch", 8, 2, **_GENERAL),
    *_on("714-k-M7-apanic-kvm3", "admin", "mirror", 4, 2, **_GENERAL),
)

# command, resource type, resource, account, how long it has run at the seed, how long its like takes (seconds)
PENDING_JOBS = (
    ("CopyTemplateCmd", "Template", "debian-12-cloud", "admin", 20, 60),
    ("StartVMCmdByAdmin", "VirtualMachine", "shop-web-2", "shop", 8, 45),
    ("CreateSnapshotCmd", "Snapshot", "clinic-records-nightly", "clinic", 10, 40),
    ("CreateSnapshotCmd", "Snapshot", "studio-share-hourly", "studio", 12, 50),
    ("RestoreVMCmd", "VirtualMachine", "tenant-app-2", "tenant", 3, 35),
    ("MigrateVolumeCmd", "Volume", "warehouse-erp-data", "warehouse", 15, 55),
)
