"""What Pitstop asks of a cloud about system VMs, routers and their networks: reading, probing, patching step by step.

A patch is done by ticket: the same ticket goes on where it was, after any crash, and never does a step twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from maintenance.backends.errors import Later, Never


class VmUnreachable(Later):
    """The VM does not answer: whatever it was asked is unknown, not "no"."""


class PayloadRefused(Never):
    """The payload is not for this VM, or cannot be read: nothing was changed. The text says why."""


class StepFailed(Never):
    """The step was not done, and will not be: the text says what failed. What was changed so far is rolled back by
    `roll_back`."""


class Unconfirmed(Never):
    """The step was done, and nothing in the VM answers that could tell how it went."""


class NotRestored(Never):
    """The rollback failed: the text names where the backup is, and the commands for a person."""


@dataclass(frozen=True, slots=True)
class VpcRead:
    id: UUID
    zone_id: UUID
    name: str
    account: str
    domain: str
    new_router_version: str = ""  # of the image that a new router gets there


@dataclass(frozen=True, slots=True)
class NetworkRead:
    """A customer's network; with `vpc_id` it is a tier."""

    id: UUID
    zone_id: UUID
    name: str
    account: str
    domain: str
    state: str  # Implemented, Allocated, …
    vpc_id: UUID | None = None
    is_redundant: bool = False
    new_router_version: str = ""  # of the image that a new router gets there


@dataclass(frozen=True, slots=True)
class ServiceRead:
    """One service of a VM, as probed: `version` is what it answered, empty when it did not."""

    name: str
    is_enabled: bool
    is_active: bool
    version: str = ""


@dataclass(frozen=True, slots=True)
class SystemVmRead:
    """A system VM or router as the cloud lists it; `type` is CloudStack's systemvmtype."""

    id: UUID
    name: str
    type: str
    state: str
    zone_id: UUID
    host_id: UUID | None
    template_version: str
    base_image: str
    network_id: UUID | None = None
    vpc_id: UUID | None = None
    account: str = ""
    domain: str = ""
    redundant_state: str = ""  # PRIMARY | BACKUP; empty: no pair
    public_ips: tuple[str, ...] = ()
    firewall_rules: int = 0
    port_forwarding_rules: int = 0
    load_balancing_rules: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """What a VM itself says, asked now. `scripts_checksum`: md5 of the cloud-scripts it was patched with last.
    `rules_answering` of `rules`: rules and public IPs that were tried from outside, of routers."""

    at: datetime
    software_version: str
    scripts_checksum: str
    services: tuple[ServiceRead, ...]
    rules: int = 0
    rules_answering: int = 0


@dataclass(frozen=True, slots=True)
class PayloadFiles:
    """A payload as it lies on this machine. Checksums were checked against the signed manifest when it was published,
    and are checked again on the bytes that are sent."""

    version: str
    types: frozenset[str]
    base_image: str
    agent: Path
    agent_sha256: str
    scripts: Path
    scripts_sha256: str
    scripts_md5: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What was saved before anything is changed, and read back. `path`: in the VM, as a person types it."""

    path: str
    files: int
    bytes: int
    was_active: tuple[str, ...] = field(default=())  # services that ran, and so are restarted
    was_dead: tuple[str, ...] = field(
        default=()
    )  # enabled ones that were dead before; not blamed on the patch


@dataclass(frozen=True, slots=True)
class ProbePoint:
    """Where a router answers to the outside. `way`: ingress | egress | load-balancer. With a path it is asked by HTTP
    and must answer 200; without one a connection is enough.

    `via`: how the address is reached at this moment, asked before every probe, as a neighbour asks its ARP cache; None
    when nobody has it. Without one it is reached at `address` and `port`.
    """

    way: str
    address: str
    port: int
    path: str = ""
    via: Callable[[], tuple[str, int] | None] | None = field(default=None, compare=False)


class SystemVmPatching(Protocol):
    """Live patch, step by step. Every call ends within seconds, is made outside our transactions, and may be made
    again with the same ticket."""

    def probe_system_vm(self, vm_id: UUID) -> Probe:
        """What it runs now. Raises: VmUnreachable, Later, NoReply, Never (no such VM, or not Running)."""

    def probe_points(self, vm_id: UUID) -> tuple[ProbePoint, ...]:
        """One point for each way that customers' traffic takes through it; empty for a VM that serves no traffic. Of a
        router that is being replaced they lead to whichever serves its network: asked also while it is stopped itself.
        Raises: Gone, VmUnreachable, Later, NoReply, Never."""

    def copy_payload(self, vm_id: UUID, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None:
        """Payload and script are in the VM, their checksums equal on both ends; nothing else was changed. What it runs
        just so already is refused unless `forced`.
        Raises: PayloadRefused, StepFailed, VmUnreachable, Later, NoReply."""

    def back_up(self, vm_id: UUID, *, ticket: UUID) -> Backup:
        """Packages, certificates, keystore and signature are saved, read back and verified; nothing else was changed.
        Raises: StepFailed, VmUnreachable, Later, NoReply."""

    def apply_payload(self, vm_id: UUID, *, ticket: UUID) -> None:
        """The payload is unpacked over the installed files; keystore and certificates are as before. The signature is
        not yet written. Raises: StepFailed, VmUnreachable, Later, NoReply."""

    def restart_services(self, vm_id: UUID, *, ticket: UUID) -> tuple[ServiceRead, ...]:
        """Enabled services that were active before are restarted, in order. Raises: StepFailed naming the service,
        VmUnreachable, Later, NoReply."""

    def verify_patch(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        """Every restarted service answers with the new version; only now is the signature written.
        Raises: StepFailed, Unconfirmed (nothing ran before, and nothing answers now), VmUnreachable, Later, NoReply."""

    def reapply_rules(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        """Of routers: firewall, port forwarding, load balancing and public IPs are applied again, and answer.
        Raises: StepFailed, VmUnreachable, Later, NoReply."""

    def roll_back(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        """The saved version is installed again, its services run and answer with the old version. The backup is kept.
        A second call looks again and starts nothing anew: so that a caller may soak in between.
        Raises: NotRestored, VmUnreachable, Later, NoReply."""

    def discard_backup(self, vm_id: UUID, *, ticket: UUID) -> None:
        """After a verified success: what was saved and copied for this ticket is gone. Raises: Later, NoReply."""
