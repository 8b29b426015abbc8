"""What a patch needs of the VM it works in, besides its files: its services, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from maintenance.domain.system_vms import SystemVmType
from maintenance.patching.disk import Disk


class ServiceDown(Exception):
    """A service did not start; the text says how it ended."""


@dataclass(frozen=True, slots=True)
class Running:
    """One process. `began`: hundredths of a second since the boot `boot`; a number may come again, with another
    beginning."""

    pid: int
    began: int
    boot: str

    def words(self) -> str:
        return f"{self.pid} {self.began} {self.boot}"

    def is_since(self, began: int, boot: str) -> bool:
        """Whether it began at that moment or later."""
        return self.boot != boot or self.began >= began


class VmBox(Protocol):
    """One VM, reached. Every call may raise VmUnreachable."""

    @property
    def root(self) -> Path: ...

    @property
    def type(self) -> SystemVmType: ...

    @property
    def base_image(self) -> str: ...

    @property
    def disk(self) -> Disk: ...

    def running(self) -> Mapping[str, Running]:
        """The processes of the services that run."""

    def start(self, service: str) -> None:
        """It runs and listens; nothing happens when it did. Raises: ServiceDown."""

    def stop(self, service: str) -> None:
        """It does not run; nothing happens when it did not."""

    def ask(self, service: str) -> str | None:
        """The version that the service itself answers; None when it does not answer."""

    def clock(self) -> tuple[int, str]:
        """Now, as `Running.began` and `Running.boot` count."""
