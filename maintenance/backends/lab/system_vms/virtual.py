"""Simulated system VMs, for fleets of thousands: no folder, no process; what one runs is in its row.

A patch is noted there with its ticket, so that each step may be asked for again. The ticket decides whether the restart
of services fails, at the rate that the lab's setting says.
"""

import json
import random
from dataclasses import asdict, dataclass, replace
from uuid import UUID

from maintenance.backends.lab.system_vms.rows import VmRow
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import (
    Backup,
    NotRestored,
    PayloadFiles,
    PayloadRefused,
    Probe,
    ServiceRead,
    StepFailed,
)
from maintenance.domain.system_vms import SERVICES, version_of

BACKUP_FILES = 412
BACKUP_BYTES = 31_000_000
COPIED, BACKED_UP, APPLIED, RESTARTED, VERIFIED, ROLLED_BACK = range(6)


@dataclass(frozen=True, slots=True)
class Patch:
    """What the row notes of a patch: which, how far, and what was installed before."""

    ticket: str
    step: int
    version: str
    checksum: str
    version_before: str
    checksum_before: str


def probe(world: World, vm: VmRow) -> Probe:
    """What it runs now: everything that is enabled."""
    found = world.door.row(
        "SELECT software_version, scripts_checksum FROM lab_system_vm WHERE id = %s", vm.id
    )
    assert found is not None
    version, checksum = found
    services = tuple(ServiceRead(name, True, True, version) for name in SERVICES[vm.type])
    return Probe(world.door.now(), version, checksum, services, len(vm.rules), len(vm.rules))


@dataclass(frozen=True, slots=True)
class VirtualSteps:
    """The steps of a patch of one simulated VM."""

    world: World
    vm: VmRow

    def copy_payload(self, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None:
        if self.vm.type not in payload.types:
            raise PayloadRefused(f"the payload is not for a {self.vm.type}")
        self._take_time()
        if self._patch(ticket) is None:
            now = probe(self.world, self.vm)
            before = (now.software_version, now.scripts_checksum)
            if before == (payload.version, payload.scripts_md5) and not forced:
                raise PayloadRefused(f"{payload.version} is installed already, with these very scripts")
            if version_of(payload.version) < version_of(now.software_version):
                words = f"is older than what is installed, {now.software_version}"
                raise PayloadRefused(f"payload {payload.version} {words}")
            self._note(Patch(str(ticket), COPIED, payload.version, payload.scripts_md5, *before))

    def back_up(self, *, ticket: UUID) -> Backup:
        self._reach(ticket, BACKED_UP)
        path = f"/var/cache/cloud/patch/{ticket}/backup"
        return Backup(path, BACKUP_FILES, BACKUP_BYTES, was_active=SERVICES[self.vm.type])

    def apply_payload(self, *, ticket: UUID) -> None:
        self._reach(ticket, APPLIED)

    def restart_services(self, *, ticket: UUID) -> tuple[ServiceRead, ...]:
        patch = self._reach(ticket, APPLIED)
        if random.Random(ticket.int).random() < self.world.config.virtual_failure_rate:
            raise StepFailed(f"{SERVICES[self.vm.type][0]} does not start: exit status 1")
        self._run(patch.version, None)
        self._reach(ticket, RESTARTED)
        return probe(self.world, self.vm).services

    def verify_patch(self, *, ticket: UUID) -> Probe:
        patch = self._reach(ticket, VERIFIED)
        self._run(patch.version, patch.checksum)
        return probe(self.world, self.vm)

    def reapply_rules(self, *, ticket: UUID) -> Probe:
        self._take_time()
        return probe(self.world, self.vm)

    def roll_back(self, *, ticket: UUID) -> Probe:
        patch = self._patch(ticket)
        if patch is None:
            raise NotRestored(f"{self.vm.name} knows no patch {ticket}")
        self._take_time()
        self._run(patch.version_before, patch.checksum_before)
        self._note(replace(patch, step=ROLLED_BACK))
        return probe(self.world, self.vm)

    def discard_backup(self, *, ticket: UUID) -> None:
        """There is nothing to discard."""

    def _reach(self, ticket: UUID, step: int) -> Patch:
        """The patch is at least so far. Raises: StepFailed (it is not known, or was rolled back)."""
        patch = self._patch(ticket)
        if patch is None or patch.step == ROLLED_BACK:
            raise StepFailed(f"{self.vm.name} has no payload for the patch {ticket}")
        if patch.step < step:
            self._take_time()
            patch = replace(patch, step=step)
            self._note(patch)
        return patch

    def _patch(self, ticket: UUID) -> Patch | None:
        found = self.world.door.row("SELECT patch::text FROM lab_system_vm WHERE id = %s", self.vm.id)
        kept = json.loads(found[0]) if found and found[0] else None
        return Patch(**kept) if kept and kept["ticket"] == str(ticket) else None

    def _note(self, patch: Patch) -> None:
        self.world.door.run(
            "UPDATE lab_system_vm SET patch = %s::jsonb WHERE id = %s", json.dumps(asdict(patch)), self.vm.id
        )

    def _run(self, version: str, checksum: str | None) -> None:
        self.world.door.run(
            "UPDATE lab_system_vm SET software_version = %s, scripts_checksum = coalesce(%s, scripts_checksum)"
            " WHERE id = %s",
            version,
            checksum,
            self.vm.id,
        )

    def _take_time(self) -> None:
        self.world.door.rest(self.world.config.scaled(self.world.config.virtual_patch_step_s))
