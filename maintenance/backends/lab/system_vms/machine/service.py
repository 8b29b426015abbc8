"""One service of a VM, in a process of its own: it says its name and the version that it read when it started."""

import os
import select
import time

from .files import Breaking, read, rules, version_file
from .listening import answer_one, listen

SERVES: "dict[str, frozenset[str]]" = {"haproxy": frozenset({"balance"})}
FAILS = 1


def serve(root: str, service: str, *, ready: int, life: int) -> int:
    """Runs until its machine is gone (`life` closes). One byte to `ready` once it listens. Returns: exit status."""
    breaking = Breaking(root, service)
    installed = read(f"{root}/{version_file(service)}").strip()
    version = breaking.says or installed
    if not version or breaking.fails_to_start(installed):
        return FAILS
    loaded = rules(root, SERVES.get(service, frozenset()))
    pages = {"/": f"{service} {version}"} | {f"/{rule}": behind for rule, behind in loaded.items()}
    dies_at = None if breaking.dies_after_s is None else time.monotonic() + breaking.dies_after_s
    with listen(root, service) as listener:
        os.write(ready, b"r")
        os.close(ready)
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(life, select.POLLIN)
        while True:
            left_ms = None if dies_at is None else max(0.0, dies_at - time.monotonic()) * 1000
            events = poll.poll(left_ms)
            if dies_at is not None and time.monotonic() >= dies_at:
                return FAILS
            for fd, _ in events:
                if fd == life:
                    return 0
                answer_one(listener, pages.get)
