"""Turning system VMs on and off, and giving orders to their init.

A VM that is on is one detached process that holds the lock in its folder; any process of the installation finds it
there. Nobody watches it: what has died stays so until somebody boots it.
"""

import fcntl
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from maintenance.backends.lab.system_vms.folder import VmFolder, all_folders, vms_dir
from maintenance.backends.system_vms import VmUnreachable

BOOT = Path(__file__).resolve().parent / "boot.py"
ROOT_VARIABLE = "PITSTOP_LAB_VMS"  # tooling/strays.py finds our machines by it
BOOT_TIMEOUT_S = 10.0
ORDER_TIMEOUT_S = 5.0
OFF_TIMEOUT_S = 5.0
LOOK_EVERY_S = 0.005

_children: set[int] = set()


def is_on(vm: VmFolder) -> bool:
    """Whether its machine runs: somebody holds its lock."""
    try:
        lock = os.open(vm.run / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(
            lock, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared: whoever looks at the same time sees no machine
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def boot(vm: VmFolder) -> None:
    """It is on, and its init answers; nothing happens when it was. Raises: VmUnreachable."""
    collect_ended()
    if not vm.enabled_services.exists():
        raise VmUnreachable(f"{vm.name} has no disk")
    try:
        if not is_on(vm):
            vm.run.mkdir(exist_ok=True)
            _spawn(vm)
    except OSError as problem:
        raise VmUnreachable(f"{vm.name} cannot be booted: {problem}") from problem
    order(vm, "status", timeout_s=BOOT_TIMEOUT_S, patience_s=BOOT_TIMEOUT_S)


def turn_off(vm: VmFolder) -> None:
    """It is off, and none of its services runs; nothing happens when it was."""
    if not is_on(vm):
        return
    with suppress(VmUnreachable):
        order(vm, "off")
    deadline = time.monotonic() + OFF_TIMEOUT_S
    while is_on(vm) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    collect_ended()


def turn_all_off() -> int:
    """Every VM of this installation is off. Returns how many were on."""
    were_on = [vm for vm in all_folders() if is_on(vm)]
    for vm in were_on:
        with suppress(VmUnreachable):
            order(vm, "off")
    for vm in were_on:
        turn_off(vm)
    return len(were_on)


def running(vm: VmFolder) -> dict[str, int]:
    """Service → process number, of those that run; empty when the VM is off."""
    try:
        answer = order(vm, "status")
    except VmUnreachable:
        return {}
    return {name: int(pid) for name, _, pid in (line.partition(" ") for line in answer.splitlines())}


def kill(vm: VmFolder, service: str) -> bool:
    """Its process is killed as by `kill -9`; False when it did not run."""
    pid = running(vm).get(service)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + ORDER_TIMEOUT_S
    while running(vm).get(service) == pid and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return True


def order(vm: VmFolder, words: str, *, timeout_s: float = ORDER_TIMEOUT_S, patience_s: float = 0.0) -> str:
    """What the VM's init answers. `patience_s`: how long to wait for it to listen. Raises: VmUnreachable."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return _order(vm, words, timeout_s)
        except (FileNotFoundError, ConnectionRefusedError) as reason:
            if time.monotonic() >= deadline:
                raise VmUnreachable(f"{vm.name} is off") from reason
            time.sleep(LOOK_EVERY_S)
        except OSError as reason:
            raise VmUnreachable(f"{vm.name} does not answer: {reason}") from reason


def _order(vm: VmFolder, words: str, timeout_s: float) -> str:
    """The socket is reached through its folder's descriptor: its own path may be too long for a socket."""
    folder = os.open(vm.run, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(f"/proc/self/fd/{folder}/ctl")
            connection.sendall(f"{words}\n".encode())
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
            return answer.decode()
    finally:
        os.close(folder)


def _spawn(vm: VmFolder) -> None:
    """A session of its own, nothing of our environment. Two at once: the second finds the lock taken and ends."""
    log = (os.POSIX_SPAWN_OPEN, 1, str(vm.run / "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    _children.add(
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", str(BOOT), str(vm.root)],
            {ROOT_VARIABLE: str(vms_dir()), "PATH": os.defpath},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                log,
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
        )
    )


def collect_ended() -> None:
    """Take the exit of machines that this process started, so that none stays as a zombie."""
    for pid in tuple(_children):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            ended = True  # collected by somebody else, or started before this process was forked
        if ended:
            _children.discard(pid)
