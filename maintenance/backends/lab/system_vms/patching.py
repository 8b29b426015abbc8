"""A live patch of a VM that has a disk and services: the steps of maintenance/patching, done in its folder."""

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import structlog

from maintenance.backends.base import Later
from maintenance.backends.lab.system_vms import power, services
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.machines import reach
from maintenance.backends.lab.system_vms.probing import probe
from maintenance.backends.lab.system_vms.rows import VmRow
from maintenance.backends.lab.system_vms.rules import answering, apply_rules, served_by
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Backup, NotRestored, PayloadFiles, Probe, ServiceRead, StepFailed
from maintenance.domain.system_vms import SystemVmType
from maintenance.hooks.detached.children import read_process
from maintenance.hooks.ticket_folder import boot_id
from maintenance.patching import journal, steps
from maintenance.patching.box import Running, ServiceDown
from maintenance.patching.disk import Disk
from maintenance.patching.journal import Phase

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
log = structlog.get_logger(__name__)

LOCK = "patching"  # below the VM's run folder


@dataclass(frozen=True, slots=True)
class Box:
    """What the steps need of the VM (maintenance/patching/box.py)."""

    folder: VmFolder
    type: SystemVmType
    base_image: str
    disk: Disk = field(default_factory=Disk)

    @property
    def root(self) -> Path:
        return self.folder.root

    def running(self) -> Mapping[str, Running]:
        found = {name: (pid, read_process(pid)) for name, pid in power.running(self.folder).items()}
        return {
            name: Running(pid, process.started_ticks, boot_id())
            for name, (pid, process) in found.items()
            if process is not None and not process.is_ended
        }

    def start(self, service: str) -> None:
        try:
            services.start(self.folder, service)
        except services.ServiceFailed as failed:
            raise ServiceDown(str(failed)) from failed

    def stop(self, service: str) -> None:
        services.stop(self.folder, service)

    def ask(self, service: str) -> str | None:
        return services.probe(self.folder, service)

    def clock(self) -> tuple[int, str]:
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS_PER_S), boot_id()


@dataclass(frozen=True, slots=True)
class DiskSteps:
    """The steps of a patch of one VM. Each first reaches the VM, and has it alone meanwhile."""

    world: World
    vm: VmRow

    def copy_payload(self, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None:
        with self._alone() as box:
            steps.copy(box, payload, ticket=ticket, forced=forced)

    def back_up(self, *, ticket: UUID) -> Backup:
        with self._alone() as box:
            return steps.back_up(box, ticket=ticket)

    def apply_payload(self, *, ticket: UUID) -> None:
        with self._alone() as box:
            steps.apply(box, ticket=ticket)

    def restart_services(self, *, ticket: UUID) -> tuple[ServiceRead, ...]:
        with self._alone() as box:
            steps.restart(box, ticket=ticket)
            return self._probe(box).services

    def verify_patch(self, *, ticket: UUID) -> Probe:
        with self._alone() as box:
            steps.verify(box, ticket=ticket)
            return self._probe(box)

    def reapply_rules(self, *, ticket: UUID) -> Probe:
        """What a service that was dead before would serve is not asked for. A patch whose backup was discarded is not
        judged again: there would be no way back."""
        with self._alone() as box:
            known = journal.read(journal.folder_of(box.root, ticket))
            try:
                apply_rules(box.folder, self.vm.rules)
            except services.ServiceFailed as failed:
                raise StepFailed(f"the rules could not be applied: {failed}") from failed
            was_dead = known.was_dead if known else ()
            due = tuple(line for line in self.vm.rules if served_by(line) not in was_dead)
            missing = len(due) - answering(box.folder, due)
            if missing and not (known and known.phase is Phase.DISCARDED):
                raise StepFailed(f"{missing} of {len(due)} rules and public IPs do not answer")
            return self._probe(box)

    def roll_back(self, *, ticket: UUID) -> Probe:
        with self._alone() as box:
            try:
                steps.roll_back(box, ticket=ticket)
                if self.vm.is_router:
                    apply_rules(box.folder, self.vm.rules)
            except services.ServiceFailed as failed:
                raise NotRestored(f"the previous version is back, its rules are not: {failed}") from failed
            except OSError as problem:
                raise NotRestored(f"the previous version is not back: {problem}") from problem
            return self._probe(box)

    def discard_backup(self, *, ticket: UUID) -> None:
        with self._alone() as box:
            left = steps.discard_backup(box, ticket=ticket)
        if left:
            log.warning("something of a patch is left", vm=self.vm.name, ticket=str(ticket), reason=left)

    def _probe(self, box: Box) -> Probe:
        return probe(self.world, self.vm, box.folder)

    @contextmanager
    def _alone(self) -> Iterator[Box]:
        """Nobody else patches this VM meanwhile. Raises: Later (somebody does), VmUnreachable, Never."""
        folder = reach(self.world, self.vm)
        row = self.world.door.row("SELECT base_image FROM lab_system_vm WHERE id = %s", self.vm.id)
        assert row is not None
        try:
            with alone_in(folder):
                yield Box(folder, self.vm.type, row[0])
        except OSError as problem:
            raise StepFailed(f"{self.vm.name}: {problem}") from problem


@contextmanager
def alone_in(folder: VmFolder) -> Iterator[None]:
    """No step of a patch is at work in this VM, and none begins meanwhile. Raises: Later, OSError."""
    lock = os.open(folder.run / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Later(f"{folder.name}: another step of a patch is at work in it") from None
        yield
    finally:
        os.close(lock)
