"""Processes of ours that left their group: hook scripts and the lab's system VMs outlive a killed engine on purpose."""

import signal
import time
from pathlib import Path

from tooling import processes

TERM_PATIENCE_S = 1.0
KILL_PATIENCE_S = 3.0


class Strays:
    """A member of the supervisor that never dies; its part is to leave nothing behind at a clean stop."""

    name = "hook scripts and system VMs"

    def __init__(self, var: Path) -> None:
        # The launcher marks its children with the first, maintenance.hooks its runners with the second, the lab its
        # system VMs with the third.
        self.launcher_mark = f"PITSTOP_LAUNCHER={var}"
        self.hook_mark = f"PITSTOP_HOOK_ROOT={var / 'hooks'}"
        self.system_vm_mark = f"PITSTOP_LAB_VMS={var / 'lab' / 'system-vms'}"

    def start(self) -> None:
        """What a killed launcher's children left running is ended. Hook scripts go on, tickets know them; so do system
        VMs, customers are behind them."""
        processes.send(processes.with_environment(self.launcher_mark), signal.SIGKILL)

    def is_alive(self) -> bool:
        return True

    def cause_of_death(self) -> str:
        return "it cannot die"

    def stop(self) -> None:
        """None is left: TERM, then KILL, and again while new ones appear, for a bounded time."""
        end = time.monotonic() + TERM_PATIENCE_S + KILL_PATIENCE_S
        kill_at = time.monotonic() + TERM_PATIENCE_S
        while (found := self._found()) and time.monotonic() < end:
            processes.send(found, signal.SIGTERM if time.monotonic() < kill_at else signal.SIGKILL)
            time.sleep(0.1)

    def hurry(self) -> None:
        processes.send(self._found(), signal.SIGKILL)

    def _found(self) -> set[int]:
        return processes.with_descendants(self._marked())

    def _marked(self) -> set[int]:
        return processes.with_environment(self.launcher_mark, self.hook_mark, self.system_vm_mark)
