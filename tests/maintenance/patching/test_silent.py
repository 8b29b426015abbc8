"""A VM in which nothing ran before the patch: files alone say nothing of what runs."""

import pytest

from maintenance.backends.system_vms import StepFailed, Unconfirmed
from maintenance.domain.system_vms import SystemVmType
from maintenance.patching import steps
from maintenance.patching.layout import signature
from tests.maintenance.patching.boxes import NEW, OLD, TICKET, make_box, patch
from tests.maintenance.patching.payloads import payload


@pytest.fixture
def box(tmp_path):
    """Its only service is dead."""
    box = make_box(tmp_path / "vm", kind=SystemVmType.CONSOLE_PROXY)
    box.stop("cloud")
    return box


@pytest.fixture
def new(tmp_path):
    return payload(tmp_path / "files", NEW)


def test_what_answers_nothing_is_not_verified_until_somebody_has_started_it(box, new):
    before = signature(box.root)
    patch(box, new, until="restart")

    with pytest.raises(Unconfirmed, match=f"{NEW} is installed, but nothing in it answers: cloud was dead"):
        steps.verify(box, ticket=TICKET)
    assert signature(box.root) == before

    box.start("cloud")
    steps.verify(box, ticket=TICKET)
    assert signature(box.root) == new.scripts_md5


def test_what_was_started_meanwhile_and_answers_another_version_is_not_verified(box, new):
    patch(box, new, until="restart")
    box.start("cloud")
    box.break_("cloud", f"lie {OLD}")

    with pytest.raises(StepFailed, match=f"cloud answers {OLD}, not {NEW}"):
        steps.verify(box, ticket=TICKET)
