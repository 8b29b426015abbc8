"""Where customers' traffic goes: what the neighbours of a network or VPC have in their ARP cache.

var/lab/neighbours/ID     the name of the router that has their public IPs. Missing: whichever the rows say serves.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from maintenance.backends.lab.folders import lab_dir
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.system_vms.folder import vms_dir
from maintenance.backends.lab.system_vms.rows import VmRow, routers_beside


def neighbours_dir() -> Path:
    return lab_dir() / "neighbours"


def learned(scope: UUID) -> str:
    """The router that the neighbours send to; empty when they have not been told of any."""
    return _read(neighbours_dir() / str(scope))


def tell(scope: UUID, name: str) -> None:
    """They send to this one from now on, all at once. Raises: OSError."""
    neighbours_dir().mkdir(exist_ok=True)
    unfinished = neighbours_dir() / f".{scope}.{uuid4().hex}"
    unfinished.write_text(f"{name}\n")
    unfinished.replace(neighbours_dir() / str(scope))


def serving(door: Door, vm: VmRow) -> str:
    """The router that has the traffic of this one's network or VPC now."""
    assert vm.scope is not None, vm.name
    told = "" if vm.is_virtual else learned(vm.scope)
    if told:
        return told
    coming = {
        vm_id
        for pair in door.rows(
            "SELECT CASE WHEN phase NOT IN ('switched', 'verified') THEN new_id END, second_id FROM lab_router_restart"
        )
        for vm_id in pair
    }
    return next((router.name for router in routers_beside(door, vm) if router.id not in coming), vm.name)


@dataclass(frozen=True, slots=True)
class Route:
    """How a service behind the public IPs is reached at this moment: looked up anew at every call, on the disk."""

    cache: Path
    vms: Path
    otherwise: str
    service: str

    def __call__(self) -> tuple[str, int] | None:
        name = _read(self.cache) or self.otherwise
        port = _read(self.vms / name / "run" / f"{self.service}.port")
        return ("127.0.0.1", int(port)) if port.isdecimal() else None


def route(scope: UUID, service: str, *, otherwise: str) -> Route:
    """`otherwise`: the router that serves while the neighbours have not been told of any."""
    return Route(neighbours_dir() / str(scope), vms_dir(), otherwise, service)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""
