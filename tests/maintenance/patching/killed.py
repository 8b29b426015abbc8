"""Kills a patch at every single change of the disk, one after another, and goes on in one way or the other.

    python -m tests.maintenance.patching.killed FOLDER again|back|rolling-back

Prints one line of JSON for each moment: how the VM was found, and how it is in the end. A process of its own, with one
thread, so that it may fork.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from maintenance.patching import journal, steps
from maintenance.patching.layout import installed, signature
from tests.maintenance.patching.boxes import NEW, OLD, TICKET, Box, KillingDisk, keys, make_box, patch
from tests.maintenance.patching.payloads import payload

MOMENTS_MAX = 2000


def main(folder: Path, way: str) -> None:
    new = payload(folder / "files", NEW)
    template = make_box(folder / "template")
    if way == "rolling-back":
        patch(template, new, until="restart")
    for moment in range(1, MOMENTS_MAX):
        root = folder / "vm"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(template.root, root, symlinks=True)
        was_killed = _killed_at(moment, root, _work(way, new))
        box = Box(root)
        found = _seen(box)
        if way == "again":
            patch(box, new, until="discard_backup")
        else:
            if way == "back":
                patch(box, new, until="back_up")
            steps.roll_back(box, ticket=TICKET)
        print(json.dumps({"moment": moment, "found": found, "end": _seen(box)}), flush=True)
        if not was_killed:
            return
    raise AssertionError(f"it did not end within {MOMENTS_MAX} changes of the disk")


def _work(way: str, new: object) -> Callable[[Box], None]:
    match way:
        case "again":
            return lambda box: patch(box, new, until="discard_backup")
        case "back":
            return lambda box: patch(box, new, until="verify")
        case "rolling-back":
            return lambda box: steps.roll_back(box, ticket=TICKET)
    raise AssertionError(way)


def _killed_at(moment: int, root: Path, work: Callable[[Box], None]) -> bool:
    """Whether it was killed; False when it came to its end before."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(Box(root, disk=KillingDisk(moment)))
            status = 0
        finally:
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}, f"at {moment} it failed by itself"
    return code != 0


def _seen(box: Box) -> dict[str, object]:
    there = installed(box.root)
    known = journal.read(journal.folder_of(box.root, TICKET))
    return {
        "files": sorted({there.agent, there.scripts}),
        "services": sorted({str(said) for said in box.versions().values() if said}),
        "running": sorted(box.running()),
        "signature": signature(box.root),
        "keys": {name: text.decode() for name, text in sorted(keys(box).items())},
        "phase": known.phase if known else "",
        "rests": sorted(_rests(box)),
    }


def _rests(box: Box) -> Iterator[str]:
    """Unfinished things that nobody may find later."""
    for path in box.root.rglob("*"):
        if path.name.endswith((".unfinished", ".new")):
            yield str(path.relative_to(box.root))


if __name__ == "__main__":
    assert OLD < NEW
    main(Path(sys.argv[1]), sys.argv[2])
