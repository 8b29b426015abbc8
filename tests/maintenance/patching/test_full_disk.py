"""A disk that is full at any moment of a patch: nothing was changed, or the way back works."""

import errno
import itertools
import os
import shutil

import pytest

from maintenance.backends.system_vms import NotRestored, StepFailed
from maintenance.patching import journal, steps
from maintenance.patching.journal import Phase
from maintenance.patching.layout import PATCHES
from tests.maintenance.patching.archives import everything_below
from tests.maintenance.patching.boxes import (
    NEW,
    OLD,
    TICKET,
    Box,
    FullDisk,
    SwiftDisk,
    keys,
    make_box,
    patch,
    runs,
)
from tests.maintenance.patching.payloads import payload


def ended_with(box: Box, new) -> str:
    """Why the patch failed; empty when it did not."""
    try:
        patch(box, new)
    except StepFailed as failure:
        return str(failure)
    return ""


@pytest.mark.slow
def test_wherever_the_disk_is_full_the_old_version_runs_on_or_comes_back(swift_path):
    new, template = payload(swift_path / "files", NEW), make_box(swift_path / "template")
    before, own_keys = everything_below(template.root), keys(template)
    old_md5 = payload(swift_path / "files", OLD).scripts_md5
    ended = []

    for moment in itertools.count(1):
        root = swift_path / "vm"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(template.root, root, symlinks=True)
        box = Box(root, disk=FullDisk(moment))
        failure = ended_with(box, new)
        assert box.disk.was_full is ("No space left on device" in failure)
        assert keys(box) == own_keys
        known = journal.read(journal.folder_of(root, TICKET))
        ended.append(known.phase if known else "nothing")
        if not box.disk.was_full:
            break
        if known is None:
            after = everything_below(root)
            after.pop(str(PATCHES), None)
            assert after == before
        else:
            steps.roll_back(box, ticket=TICKET)
            assert runs(box, OLD, old_md5)
            assert keys(box) == own_keys

    assert runs(box, NEW, new.scripts_md5)
    assert [phase for phase, _ in itertools.groupby(ended)] == [
        "nothing",
        Phase.COPIED,
        Phase.BACKED_UP,
        Phase.STAGED,
        Phase.SWAPPED,
        Phase.RESTARTED,
        Phase.VERIFIED,
    ]


def test_a_disk_without_any_room_left_for_the_way_back_is_told(swift_path):
    class Full(SwiftDisk):
        def link(self, path, target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def create(self, name, mode=0o600, *, dir_fd=None):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    box, new = make_box(swift_path / "vm"), payload(swift_path / "files", NEW)
    patch(box, new, until="restart")
    box.disk = Full()

    with pytest.raises(NotRestored, match=r"No space left on device.* /var/cache/cloud/patch/"):
        steps.roll_back(box, ticket=TICKET)

    box.disk = SwiftDisk()
    steps.roll_back(box, ticket=TICKET)
    assert set(box.versions().values()) == {OLD}
