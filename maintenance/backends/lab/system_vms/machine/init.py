"""A VM's init: boots the enabled services, starts and stops them when told, and plays the kernel of a router.

Told through the socket run/ctl, one order a connection: `status`, `start NAME`, `stop NAME`, `load-rules`, `off`.
It restarts nothing by itself. It ends when told, and when its folder is gone: nothing outlives the installation.
"""

import fcntl
import os
import select
import signal
import socket
import sys
import time

from .files import Breaking, read, rules
from .listening import answer_one, listen
from .service import FAILS, serve

LOCK_WITHIN_S = 0.3
LOCK_EVERY_S = 0.005
READY_WITHIN_S = 3.0
LOOK_EVERY_S = 1.0
ORDER_TIMEOUT_S = 1.0
ORDER_BYTES_MAX = 200
FDS_MAX = 256
KERNEL = "kernel"
CACHE = "var/cache/cloud"
KERNEL_RULES = frozenset({"ip", "forward", "firewall"})


def main(root: str) -> int:
    """Runs as the VM of this folder; returns at once when it runs already. Makes no folder that is gone."""
    lock = os.open(f"{root}/run/lock", os.O_RDWR | os.O_CREAT, 0o600)
    if not _locked(lock):
        return 0
    machine = Machine(root, lock)
    machine.boot()
    machine.work()
    return 0


def _locked(lock: int) -> bool:
    """Tried for a moment: who only looks whether a machine runs holds the lock, too."""
    deadline = time.monotonic() + LOCK_WITHIN_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOCK_EVERY_S)
        else:
            return True


class Machine:
    def __init__(self, root: str, lock: int) -> None:
        self.root = root
        self.lock = lock
        self.pids: dict[str, int] = {}
        self.is_on = True
        # Services hold the reading end: it closes when this process ends, however it does.
        self.life, self._life_of_ours = os.pipe()
        self._woken, wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.turn_off())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def boot(self) -> None:
        """Every enabled service is started, except those that are to be dead; then orders are taken."""
        os.chdir(f"{self.root}/run")  # a socket's path has to be short
        self.kernel = listen(self.root, KERNEL)
        self.load_rules()
        for service in self._enabled():
            if not Breaking(self.root, service).is_dead_at_boot:
                self.start(service)
        if os.path.lexists("ctl"):
            os.unlink("ctl")
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.control.bind("ctl")
        os.chmod("ctl", 0o600)
        self.control.listen(16)

    def work(self) -> None:
        """Until it is turned off, or its folder is gone."""
        poll = select.poll()
        for fd in (self.kernel.fileno(), self.control.fileno(), self._woken):
            poll.register(fd, select.POLLIN)
        while self.is_on and self._has_its_folder():
            for fd, _ in poll.poll(LOOK_EVERY_S * 1000):
                if fd == self.kernel.fileno():
                    answer_one(self.kernel, self.pages.get)
                elif fd == self.control.fileno():
                    self._take_order()
                else:
                    os.read(self._woken, 512)
            self._collect_ended()
        for service in tuple(self.pids):
            self.stop(service)

    def turn_off(self) -> None:
        self.is_on = False

    def load_rules(self) -> None:
        """Public IPs, port forwarding and firewall are as etc/cloudstack/rules says."""
        loaded = rules(self.root, KERNEL_RULES)
        self.pages = {"/": KERNEL, "/egress": "out"} | {f"/{rule}": behind for rule, behind in loaded.items()}

    def start(self, service: str) -> str:
        """`ok` once it listens; else how it ended. Every start is noted in the log."""
        self._collect_ended()
        if service in self.pids:
            return "ok"
        if service not in self._enabled():
            return "it is not enabled"
        answer = self._started(service)
        print(f"{service}: {answer}", file=sys.stderr, flush=True)
        return answer

    def _started(self, service: str) -> str:
        is_ready, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(service, ready)
        os.close(ready)
        found, _, _ = select.select([is_ready], [], [], READY_WITHIN_S)
        is_up = bool(found and os.read(is_ready, 1))
        os.close(is_ready)
        if is_up:
            self.pids[service] = pid
            return "ok"
        os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return f"exit status {status}" if found else f"it did not listen within {READY_WITHIN_S:g} s"

    def _enabled(self) -> list[str]:
        return read(f"{self.root}/{CACHE}/enabled_svcs").split()

    def stop(self, service: str) -> str:
        """It has ended."""
        self._collect_ended()
        pid = self.pids.pop(service, None)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
        return "ok"

    def _become(self, service: str, ready: int) -> None:
        """In the new process: only what the service needs, and never back."""
        status = FAILS
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            low, high = sorted((ready, self.life))
            for first, end in ((3, low), (low + 1, high), (high + 1, FDS_MAX)):
                os.closerange(first, end)
            status = serve(self.root, service, ready=ready, life=self.life)
        except OSError as reason:
            print(f"{service}: {reason}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)

    def _take_order(self) -> None:
        try:
            client, _ = self.control.accept()
        except OSError:  # went away again
            return
        with client:
            client.settimeout(ORDER_TIMEOUT_S)
            try:
                order = client.recv(ORDER_BYTES_MAX).decode().strip()
                client.sendall(self._obey(order).encode())
            except OSError:  # whoever asked is gone
                return

    def _obey(self, order: str) -> str:
        verb, _, service = order.partition(" ")
        match verb:
            case "status":
                self._collect_ended()
                return "\n".join(f"{name} {pid}" for name, pid in self.pids.items())
            case "start":
                return self.start(service)
            case "stop":
                return self.stop(service)
            case "load-rules":
                self.load_rules()
                return "ok"
            case "off":
                self.turn_off()
                return "ok"
            case _:
                return f"no such order: {verb}"

    def _collect_ended(self) -> None:
        """Services that died are not running any more; nobody starts them again."""
        for service, pid in tuple(self.pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                del self.pids[service]

    def _has_its_folder(self) -> bool:
        """A folder that was made anew is another VM's; one without a disk is being removed."""
        try:
            is_ours = os.path.samestat(os.stat(f"{self.root}/run/lock"), os.fstat(self.lock))
        except OSError:
            return False
        return is_ours and os.path.isdir(f"{self.root}/{CACHE}")
