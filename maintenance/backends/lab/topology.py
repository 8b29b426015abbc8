"""What the demo lab consists of, as tables to read: two zones, nine KVM hosts, one of another kind, 45 instances.

Room for two hosts out in p1-c1 (one host of 128 GB holds all of its instances), for one in p1-c2 and p2-c1.
"""

from dataclasses import dataclass
from uuid import UUID, uuid5

NAMESPACE = UUID("6c616220-636c-4f75-8420-0f5069747374")
MB_PER_GB = 1024


def lab_id(kind: str, name: str) -> UUID:
    """The same id in every lab, made of the name."""
    return uuid5(NAMESPACE, f"{kind}:{name}")


ZONES = {
    "zone1": UUID("6f3c9827-6e99-4c63-b7d5-e8f427f6dcff"),
    "zone2": UUID("ce831d12-c2df-4b11-bec9-684dcc292c18"),
}
PODS = {"zone1-pod1": "zone1", "zone1-pod2": "zone1", "zone2-pod1": "zone2"}
CLUSTERS = {
    "p1-c1": ("zone1-pod1", "KVM"),
    "p1-c2": ("zone1-pod1", "KVM"),
    "p1-c3": ("zone1-pod2", "VMware"),
    "p2-c1": ("zone2-pod1", "KVM"),
}
MANAGEMENT_VERSION = "4.21.0.0"
MANAGEMENT_SERVERS = tuple(f"ref-trl-711-k-M7-apanic-mgmt{number}" for number in (1, 2, 3))
MANAGEMENT_ADDRESSES = ("10.2.0.11", "10.2.0.12", "10.2.0.13")
MANAGEMENT_OS = "Debian GNU/Linux 12"
MANAGEMENT_KERNEL = "6.1.0-27-amd64"
MANAGEMENT_JAVA = "17.0.13"


@dataclass(frozen=True, slots=True)
class DemoHost:
    """`scripts`: stage → file under scripts/; a stage that is not named has none."""

    name: str
    cluster: str
    memory_gb: int = 128
    cpu_cores: int = 64
    tags: tuple[str, ...] = ()
    guests_max: int | None = None
    id: UUID | None = None
    scripts: tuple[tuple[str, str], ...] = ()
    executor_disabled: bool = False
    talks_spelling: bool = False


FULL = (
    ("PreFlight", "preflight.sh"),
    ("PreMaintenance", "pre_maintenance.py"),
    ("Maintenance", "maintenance.sh"),
    ("PostMaintenance", "post_maintenance.sh"),
)
# The original's pair: what PostMaintenance leaves behind makes the next PreFlight say "not needed".
PAIR = (
    ("PreFlight", "preflight_unless_processed"),
    ("PreMaintenance", "pre_maintenance.py"),
    ("Maintenance", "maintenance.py"),
    ("PostMaintenance", "post_maintenance_processed"),
)
REBOOTS = (
    ("PreFlight", "preflight"),
    ("PreMaintenance", "pre_maintenance"),
    ("Maintenance", "maintenance_reboot"),
    ("PostMaintenance", "post_maintenance.py"),
)
PLAIN = (
    ("PreFlight", "preflight"),
    ("PreMaintenance", "pre_maintenance"),
    ("Maintenance", "maintenance"),
    ("PostMaintenance", "post_maintenance"),
)


def _without(scripts: tuple[tuple[str, str], ...], stage: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in scripts if pair[0] != stage)


_711 = "ref-trl-711-k-M7-apanic-kvm"
_714 = "ref-trl-714-k-M7-apanic-kvm"
_SSD = ("general", "ssd")
HOSTS = (
    DemoHost(f"{_711}1", "p1-c1", id=UUID("86c0b59f-89de-40db-9b30-251f851e869f"), scripts=FULL),
    DemoHost(
        f"{_711}2",
        "p1-c1",
        id=UUID("ef10dacd-ac4e-4ec0-bc8d-7fb5bb461c9d"),
        scripts=FULL,
        talks_spelling=True,
    ),
    DemoHost(
        f"{_711}3",
        "p1-c1",
        id=UUID("fcc8b96e-1c29-492e-a074-96babec70ecc"),
        scripts=_without(FULL, "Maintenance"),
    ),
    DemoHost(
        f"{_711}4",
        "p1-c2",
        tags=("ssd",),
        guests_max=25,
        id=UUID("adbbfc34-9369-4a15-93dc-7ed85756c24e"),
        scripts=_without(PLAIN, "PreMaintenance"),
    ),
    DemoHost(
        f"{_711}5",
        "p1-c2",
        tags=("ssd",),
        guests_max=25,
        id=UUID("8f27f11a-9c60-4c30-8622-0e1bce718adc"),
        scripts=FULL,
        executor_disabled=True,
    ),
    DemoHost(
        f"{_711}6",
        "p1-c2",
        tags=("ssd",),
        guests_max=25,
        id=UUID("4a732078-2f5d-4bf1-8425-2135004a6b1a"),
        scripts=PAIR,
    ),
    DemoHost("ref-trl-711-v-M7-apanic-esxi1", "p1-c3", memory_gb=64, cpu_cores=32),
    DemoHost(
        f"{_714}1", "p2-c1", tags=_SSD, id=UUID("b0f54409-4874-4573-9c24-8efac5b07f6f"), scripts=REBOOTS
    ),
    DemoHost(f"{_714}2", "p2-c1", tags=_SSD, id=UUID("02228e26-a0d6-4607-824d-501ae5ac8dab"), scripts=PLAIN),
    DemoHost(
        f"{_714}3",
        "p2-c1",
        tags=("general",),
        id=UUID("59159ade-f5c3-4606-9174-e501301f59d4"),
        scripts=FULL,
    ),
)
