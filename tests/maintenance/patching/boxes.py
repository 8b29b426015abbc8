"""A system VM for tests of the steps: a real folder, and services whose processes are files in it, so that they
outlive whoever started them, as a VM's do."""

import errno
import itertools
import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.patching import steps
from maintenance.patching.box import Running, ServiceDown
from maintenance.patching.disk import Disk
from maintenance.patching.layout import CONF, installed, signature
from tests.maintenance.patching.payloads import BASE_IMAGE, install

TICKET = UUID("11111111-2222-4333-8444-555555555555")
OLD, NEW = "4.19.0.0", "4.19.1.0"


class SwiftDisk(Disk):
    """Without the waiting: a killed process loses nothing that the system has. Power cuts are not tested here."""

    def settle(self, fd: int) -> None:
        pass


@dataclass
class Box:
    """`root/break/SERVICE` says how it misbehaves: fail-start, mute, lie VERSION, keep (survives a restart)."""

    root: Path
    type: SystemVmType = SystemVmType.SECONDARY_STORAGE
    base_image: str = BASE_IMAGE
    disk: Disk = field(default_factory=SwiftDisk)

    def running(self) -> dict[str, Running]:
        return {
            path.stem: Running(kept["pid"], kept["began"], "boot")
            for path in sorted((self.root / "run").glob("*.json"))
            for kept in [json.loads(path.read_text())]
        }

    def start(self, service: str) -> None:
        self._moment("start")
        path = self.root / "run" / f"{service}.json"
        if path.exists():
            return
        if "fail-start" in self._breaks(service):
            raise ServiceDown(f"{service} does not start: exit status 1")
        there, now = installed(self.root), self.clock()[0]
        version = there.agent if service == "cloud" else there.scripts
        path.write_text(json.dumps({"pid": now, "began": now, "version": version}))

    def stop(self, service: str) -> None:
        self._moment("stop")
        if "keep" not in self._breaks(service):
            (self.root / "run" / f"{service}.json").unlink(missing_ok=True)

    def ask(self, service: str) -> str | None:
        path = self.root / "run" / f"{service}.json"
        words = self._breaks(service)
        if not path.exists() or "mute" in words:
            return None
        return (
            words.removeprefix("lie ")
            if words.startswith("lie ")
            else json.loads(path.read_text())["version"]
        )

    def clock(self) -> tuple[int, str]:
        """Counts on with every look."""
        path = self.root / "run" / "clock"
        now = int(path.read_text()) + 1
        path.write_text(str(now))
        return now, "boot"

    def _moment(self, operation: str) -> None:
        """A counting disk counts what is done with services too."""
        if isinstance(self.disk, CountedDisk):
            self.disk.moment(operation)

    def break_(self, service: str, words: str) -> None:
        (self.root / "break" / service).write_text(words)

    def _breaks(self, service: str) -> str:
        path = self.root / "break" / service
        return path.read_text() if path.exists() else ""

    def versions(self) -> dict[str, str | None]:
        """What each service of its type answers."""
        return {service: self.ask(service) for service in SERVICES[self.type]}


def make_box(root: Path, version: str = OLD, kind: SystemVmType = SystemVmType.SECONDARY_STORAGE) -> Box:
    """A VM that runs this version, all its services up."""
    install(root, version, SERVICES[kind])
    (root / "run").mkdir()
    (root / "break").mkdir()
    (root / "run" / "clock").write_text("1000")
    box = Box(root, kind)
    for service in SERVICES[kind]:
        box.start(service)
    return box


def patch(box: Box, payload, ticket: UUID = TICKET, *, until: str = "verify") -> None:
    """The steps, one after another, up to this one."""
    names = ["copy", "back_up", "apply", "restart", "verify", "discard_backup"]
    for name in names[: names.index(until) + 1]:
        step = getattr(steps, name)
        step(box, payload, ticket=ticket) if name == "copy" else step(box, ticket=ticket)


def runs(box: Box, version: str, scripts_md5: str) -> bool:
    """Files, services and signature: everything is this version."""
    return (
        installed(box.root).version == version
        and set(box.versions().values()) == {version}
        and signature(box.root) == scripts_md5
    )


def keys(box: Box) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (box.root / CONF).iterdir()}


class CountedDisk(SwiftDisk):
    """Calls `at(n, operation)` before each change of the disk."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def at(self, number: int, operation: str, argument: tuple) -> None:
        raise NotImplementedError

    def moment(self, operation: str) -> None:
        self.at(next(self._count), operation, ())


def _counted(operation: str):
    def call(self, *args, **values):
        self.at(next(self._count), operation, args)
        return getattr(SwiftDisk, operation)(self, *args, **values)

    return call


for _name in ("make_folder", "create", "write", "settle", "rename", "link", "unlink", "remove_folder"):
    setattr(CountedDisk, _name, _counted(_name))


class KillingDisk(CountedDisk):
    """The process is killed at the n-th change: before it, and, of what is being written, after one half."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.last = at

    def at(self, number: int, operation: str, argument: tuple) -> None:
        if number < self.last:
            return
        if operation == "write":
            descriptor, text = argument
            os.write(descriptor, text[: len(text) // 2])
        os.kill(os.getpid(), signal.SIGKILL)


class FullDisk(CountedDisk):
    """Full from the n-th change on; there is room again once a file has been removed."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.last = at
        self.was_full = False

    def at(self, number: int, operation: str, argument: tuple) -> None:
        if operation == "unlink" and self.was_full:
            self.last = 1 << 30
        if number >= self.last and operation in {"make_folder", "create", "write", "link"}:
            self.was_full = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
