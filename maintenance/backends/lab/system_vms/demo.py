"""The demo's networks, system VMs and routers, as tables to read. Whose they are: tenants.ACCOUNTS.

Most can be patched live. r-8-VM has an image of 4.13, r-9-VM another base image, r-14-VM a VPC without tiers, and
r-15-VM is stopped. Of the pair r-5-VM and r-6-VM each side can be replaced by itself; a new router does not fit
together with r-12-VM and r-13-VM.
"""

from dataclasses import dataclass

from maintenance.domain.system_vms import SystemVmType

VERSION = "4.21.0.0"
TEMPLATE = "4.21.0"
TEMPLATE_BEFORE = "4.20.1"  # the two sides of a pair cannot have this and TEMPLATE
TEMPLATE_TOO_OLD = "4.13.1"
BASE_IMAGE = "debian-12"
BASE_IMAGE_BEFORE = "debian-11"


@dataclass(frozen=True, slots=True)
class DemoVpc:
    name: str
    zone: str
    account: str


@dataclass(frozen=True, slots=True)
class DemoNetwork:
    name: str
    zone: str
    account: str
    vpc: str = ""
    state: str = "Implemented"
    is_redundant: bool = False


@dataclass(frozen=True, slots=True)
class DemoRouter:
    """`host`: the end of a demo host's name. `services`: port → how many instances a load balancer has behind it."""

    name: str
    host: str
    ip: str
    network: str = ""
    vpc: str = ""
    type: SystemVmType = SystemVmType.ROUTER
    state: str = "Running"
    redundant_state: str = ""
    template: str = TEMPLATE
    version: str = VERSION
    base_image: str = BASE_IMAGE
    forwards: tuple[int, ...] = ()
    balances: tuple[int, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The lines that it is to serve. Guests are 10.1.1.…"""
        ports = ",".join(str(port) for port in (*self.forwards, *self.balances))
        lines = [f"ip {self.ip}"]
        lines += [f"firewall {self.ip} tcp/{ports}"] if ports else []
        lines += [f"forward {self.ip}:{port} 10.1.1.{10 + n}:{port}" for n, port in enumerate(self.forwards)]
        lines += [f"balance {self.ip}:{port} 10.1.1.21:{port},10.1.1.22:{port}" for port in self.balances]
        return tuple(lines)


VPCS = (
    DemoVpc("warehouse-vpc", "zone1", "warehouse"),
    DemoVpc("clinic-empty", "zone2", "clinic"),
)
NETWORKS = (
    DemoNetwork("shop-prod", "zone1", "shop"),
    DemoNetwork("tenant-front", "zone1", "tenant", is_redundant=True),
    DemoNetwork("tenant-lab", "zone1", "tenant"),
    DemoNetwork("tenant-archive", "zone2", "tenant"),
    DemoNetwork("studio-render", "zone1", "studio"),
    DemoNetwork("warehouse-web", "zone1", "warehouse", vpc="warehouse-vpc"),
    DemoNetwork("warehouse-db", "zone1", "warehouse", vpc="warehouse-vpc"),
    DemoNetwork("clinic-core", "zone2", "clinic", is_redundant=True),
    DemoNetwork("studio-sleeps", "zone2", "studio", state="Allocated"),
)
ROUTERS = (
    DemoRouter(
        "r-5-VM",
        "711-k-M7-apanic-kvm1",
        "203.0.113.5",
        network="tenant-front",
        redundant_state="PRIMARY",
        forwards=(22,),
        balances=(80, 443),
    ),
    DemoRouter(
        "r-6-VM",
        "711-k-M7-apanic-kvm2",
        "203.0.113.5",
        network="tenant-front",
        redundant_state="BACKUP",
        forwards=(22,),
        balances=(80, 443),
    ),
    DemoRouter("r-7-VM", "711-k-M7-apanic-kvm4", "203.0.113.7", network="tenant-lab", forwards=(22, 8080)),
    DemoRouter(
        "r-8-VM",
        "714-k-M7-apanic-kvm1",
        "198.51.100.8",
        network="tenant-archive",
        template=TEMPLATE_TOO_OLD,
        version="4.13.1.0",
        forwards=(873,),
    ),
    DemoRouter(
        "r-9-VM",
        "711-k-M7-apanic-kvm5",
        "203.0.113.9",
        network="studio-render",
        template="4.19.0",
        version="4.19.0.0",
        base_image=BASE_IMAGE_BEFORE,
        balances=(443,),
    ),
    DemoRouter(
        "r-10-VM",
        "711-k-M7-apanic-kvm3",
        "203.0.113.10",
        vpc="warehouse-vpc",
        forwards=(22,),
        balances=(443,),
    ),
    DemoRouter(
        "b-11-VM",
        "711-k-M7-apanic-kvm6",
        "10.3.2.250",
        network="warehouse-db",
        vpc="warehouse-vpc",
        type=SystemVmType.INTERNAL_LB,
        balances=(5432,),
    ),
    DemoRouter(
        "r-12-VM",
        "714-k-M7-apanic-kvm2",
        "198.51.100.12",
        network="clinic-core",
        redundant_state="PRIMARY",
        template=TEMPLATE_BEFORE,
        version="4.20.1.0",
        forwards=(22, 104),
        balances=(443,),
    ),
    DemoRouter(
        "r-13-VM",
        "714-k-M7-apanic-kvm3",
        "198.51.100.12",
        network="clinic-core",
        redundant_state="BACKUP",
        template=TEMPLATE_BEFORE,
        version="4.20.1.0",
        forwards=(22, 104),
        balances=(443,),
    ),
    DemoRouter("r-14-VM", "714-k-M7-apanic-kvm2", "198.51.100.14", vpc="clinic-empty"),
    DemoRouter(
        "r-15-VM",
        "714-k-M7-apanic-kvm3",
        "198.51.100.15",
        network="studio-sleeps",
        state="Stopped",
        template="4.15.0",
        version="4.15.0.0",
        forwards=(22,),
    ),
    DemoRouter(
        "r-27-VM",
        "711-k-M7-apanic-kvm1",
        "203.0.113.27",
        network="shop-prod",
        template="4.14.0",
        version="4.20.1.0",
        forwards=(22, 2222),
        balances=(80, 443),
    ),
)
# Where a zone's secondary storage VM and console proxy run.
SYSTEM_VM_HOSTS = {
    ("zone1", SystemVmType.SECONDARY_STORAGE): "711-k-M7-apanic-kvm2",
    ("zone1", SystemVmType.CONSOLE_PROXY): "711-k-M7-apanic-kvm3",
    ("zone2", SystemVmType.SECONDARY_STORAGE): "714-k-M7-apanic-kvm2",
    ("zone2", SystemVmType.CONSOLE_PROXY): "714-k-M7-apanic-kvm3",
}
