"""System VMs as their rows stand, and moving those whose host is taken out of service."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.backends.base import Gone
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.system_vms import demo
from maintenance.backends.lab.system_vms.folder import VmFolder, folder_of
from maintenance.backends.system_vms import NetworkRead, SystemVmRead, VpcRead
from maintenance.domain.system_vms import ROUTERS, SystemVmType

COLUMNS = (
    "id, name, type, state, zone_id, host_id, template_version, base_image, network_id, vpc_id, account, domain,"
    " redundant_state, public_ips, rules"
)
COLUMNS_OF_ONE = (
    "id, name, type, state, host_id, host_boot, rules, is_virtual, software_version, zone_id, network_id, vpc_id,"
    " redundant_state, boots_at, loads_payload"
)
RULES_COUNTED = ("firewall", "forward", "balance")

# As a drain does with them: running ones live on elsewhere, without a break. At most a few hosts are in maintenance.
MOVE = (
    "WITH going AS (SELECT v.id, (SELECT n.id FROM lab_host n WHERE n.cluster_id = h.cluster_id AND n.state = 'Up'"
    "   AND n.resource_state = 'Enabled' ORDER BY (SELECT count(*) FROM lab_system_vm o WHERE o.host_id = n.id),"
    "   n.name LIMIT 1) AS host_id"
    "  FROM lab_host h JOIN lab_system_vm v ON v.host_id = h.id WHERE h.resource_state = 'Maintenance')"
    " UPDATE lab_system_vm v SET host_id = n.id, host_boot = CASE WHEN v.host_boot IS NULL THEN NULL"
    "   ELSE n.boot_id END FROM going g JOIN lab_host n ON n.id = g.host_id WHERE v.id = g.id"
)


@dataclass(frozen=True, slots=True)
class VmRow:
    """What a call needs of one VM."""

    id: UUID
    name: str
    type: SystemVmType
    state: str
    host_id: UUID | None
    host_boot: UUID | None
    rules: tuple[str, ...]
    is_virtual: bool
    version: str  # that it was made with; of a virtual one, that it runs
    zone_id: UUID
    network_id: UUID | None
    vpc_id: UUID | None
    redundant_state: str
    boots_at: datetime | None
    loads_payload: bool

    @property
    def folder(self) -> VmFolder:
        return folder_of(self.name)

    @property
    def is_router(self) -> bool:
        return self.type in ROUTERS

    @property
    def scope(self) -> UUID | None:
        """Whose traffic it carries: its network's, or its VPC's."""
        return self.network_id or self.vpc_id


def find_vm(door: Door, vm_id: UUID) -> VmRow:
    """Raises: Gone."""
    row = door.row(
        f"SELECT {COLUMNS_OF_ONE} FROM lab_system_vm WHERE id = %s",
        vm_id,
    )
    if row is None:
        raise Gone(f"there is no system VM {vm_id}")
    return _vm_row(row)


def routers_beside(door: Door, vm: VmRow) -> tuple[VmRow, ...]:
    """All routers of its kind that its network or VPC has, itself among them; PRIMARY first, then running ones."""
    rows = door.rows(
        f"SELECT {COLUMNS_OF_ONE} FROM lab_system_vm WHERE coalesce(network_id, vpc_id) = %s AND type = %s"
        " ORDER BY redundant_state = 'PRIMARY' DESC, state = 'Running' DESC, name",
        vm.scope,
        vm.type,
    )
    return tuple(_vm_row(row) for row in rows)


def _vm_row(row: tuple[Any, ...]) -> VmRow:
    return VmRow(*[*row[:2], SystemVmType(row[2]), *row[3:6], tuple(row[6]), *row[7:]])


def replacements(door: Door) -> dict[UUID, str]:
    """What is being replaced by what, in words, by router."""
    words: dict[UUID, str] = {}
    for old_id, old, phase, new_id, new, second_id in door.rows(
        "SELECT r.old_id, r.old_name, r.phase, r.new_id, n.name, r.second_id FROM lab_router_restart r"
        " JOIN lab_system_vm n ON n.id = r.new_id"
    ):
        words |= {old_id: f"being replaced by {new} ({phase})", new_id: f"replaces {old} ({phase})"}
        words |= {second_id: f"is the other side of {new}"} if second_id else {}
    return words


def end_due_boots(door: Door) -> int:
    """Who was Starting long enough is Running. Returns how many."""
    return door.run(
        "UPDATE lab_system_vm SET state = 'Running', boots_at = NULL"
        " WHERE boots_at <= clock_timestamp() AND state = 'Starting'"
    )


def move_from_drained_hosts(door: Door) -> int:
    """None runs on a host in maintenance, where another of the cluster takes it. Returns how many moved."""
    if not door.row("SELECT 1 FROM lab_host WHERE resource_state = 'Maintenance' LIMIT 1"):
        return 0
    return door.run(MOVE)


def vpcs(door: Door) -> tuple[VpcRead, ...]:
    rows = door.rows("SELECT id, zone_id, name, account, domain FROM lab_vpc ORDER BY name")
    return tuple(VpcRead(*[*row, demo.TEMPLATE]) for row in rows)


def networks(door: Door) -> tuple[NetworkRead, ...]:
    rows = door.rows(
        "SELECT id, zone_id, name, account, domain, state, vpc_id, is_redundant FROM lab_network ORDER BY name"
    )
    return tuple(NetworkRead(*[*row, demo.TEMPLATE]) for row in rows)


def system_vms(door: Door) -> tuple[SystemVmRead, ...]:
    """All of them as the cloud lists them."""
    return tuple(_read(row) for row in door.rows(f"SELECT {COLUMNS} FROM lab_system_vm ORDER BY name"))


def _read(row: tuple[Any, ...]) -> SystemVmRead:
    rules = [line.partition(" ")[0] for line in row[14]]
    counts = [rules.count(kind) for kind in RULES_COUNTED]
    return SystemVmRead(*[*row[:13], tuple(row[13]), *counts])
