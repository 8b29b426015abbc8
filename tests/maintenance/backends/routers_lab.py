"""Restarting routers of the demo lab under a test: the calls in order, what is left, and being killed on the way."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connections

from maintenance.backends.base import Later
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import SystemVm
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.asking import ask
from maintenance.backends.lab.system_vms.folder import all_folders, folder_of, vms_dir
from maintenance.backends.lab.system_vms.neighbours import learned
from maintenance.backends.routers import Replacement
from maintenance.backends.system_vms import Probe
from tests.maintenance.backends.system_vms_lab import machines_of
from tests.waiting import wait_until

LONE, OLD_PAIR, VPC = "r-27-VM", ("r-12-VM", "r-13-VM"), "r-10-VM"
OLD, NEW = "4.20.1.0", "4.21.0.0"


def row(name: str) -> SystemVm:
    return SystemVm.objects.get(name=name)


def scope(name: str) -> UUID:
    """Of the router's network, or its VPC."""
    found = row(name)
    of = found.network_id or found.vpc_id
    assert of is not None
    return of


def once_booted[T](ask_for: Callable[[], T]) -> T:
    """The answer, when `Later` has been said for as long as a router boots."""
    answers: list[T] = []

    def asked() -> bool:
        try:
            answers.append(ask_for())
        except Later as reason:
            if "boots" not in str(reason):
                raise
            return False
        return True

    wait_until(asked)
    return answers[0]


def started(lab: LabCloud, vm: UUID, ticket: UUID) -> Replacement:
    return once_booted(lambda: lab.start_replacement(vm, ticket=ticket))


def back(lab: LabCloud, vm: UUID, ticket: UUID) -> Probe:
    return once_booted(lambda: lab.switch_back(vm, ticket=ticket))


def restart(lab: LabCloud, vm: UUID, ticket: UUID, *, negotiated: bool = False) -> Replacement:
    """All of it, as an engine asks for it."""
    new = started(lab, vm, ticket)
    lab.switch_traffic(vm, ticket=ticket, negotiated=negotiated)
    lab.verify_replacement(vm, ticket=ticket)
    lab.destroy_old(vm, ticket=ticket)
    return new


def serving(name: str) -> str:
    """The router that the neighbours of this one's network or VPC send to."""
    return learned(scope(name))


def routers_of(scope: UUID) -> dict[str, tuple[str, str]]:
    """Name → state and role, of a network's or VPC's routers."""
    rows = [*SystemVm.objects.filter(network_id=scope), *SystemVm.objects.filter(vpc_id=scope, network=None)]
    return {row.name: (row.state, row.redundant_state) for row in rows}


def says(name: str) -> str | None:
    """What the router's load balancer answers."""
    return ask(folder_of(name), "haproxy", "/")


def is_gone(name: str) -> bool:
    """Row, folder and processes; nothing half made of it either."""
    left = list(vms_dir().glob(f"{name}*")) + list(vms_dir().glob(f".{name}*"))
    return not (SystemVm.objects.filter(name=name).exists() or left or machines_of(folder_of(name)))


def on() -> set[str]:
    """Names of the VMs that run."""
    return {vm.name for vm in all_folders() if power.is_on(vm)}


# ---- being killed ----


class Killed(BaseException):
    """Nothing of ours goes on after it, as after kill -9: locks are given back, transactions are not committed."""


class Changes:
    """Counts what this thread changes, in rows and on the disk; dies at the n-th change: before one of the disk, after
    one of rows, which is the same as before the next."""

    _at_work: "Changes | None" = None

    def __init__(self, last: int) -> None:
        self.last = last
        self.count = 0
        self.thread = threading.get_ident()

    def change(self) -> None:
        self.count += 1
        if self.count == self.last:
            raise Killed

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if not sql.startswith("SELECT") and context["cursor"].rowcount > 0:
            self.change()
        return answer

    @classmethod
    def audit(cls, event: str, arguments: tuple[Any, ...]) -> None:
        """Python tells of every change of the disk before it is made."""
        here = cls._at_work
        if here is None or here.thread != threading.get_ident():
            return
        if event in {"os.rename", "os.posix_spawn", "shutil.rmtree"}:
            here.change()


sys.addaudithook(Changes.audit)


@contextmanager
def killed_at(number: int) -> Iterator[Changes]:
    """The block is left at its n-th change, as if its process were killed there; or goes to its end before that."""
    changes = Changes(number)
    Changes._at_work = changes
    try:
        with connections[ALIAS].execute_wrapper(changes._statement):
            yield changes
    except Killed:
        pass
    finally:
        Changes._at_work = None
