"""kill -9 of the process that runs a hook script: what the script did is unknown, and it never runs again."""

import os
import signal

import pytest

from maintenance.backends.lab.record import effects
from maintenance.backends.lab.started import tickets
from maintenance.hooks.processes import with_tickets
from maintenance.models import Attention, HostOut, Run
from tests.maintenance.engine.small_lab import stages_of, state_of, target_of
from tests.processes.scenes import NOTES, in_stage, note_every_script, ran
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

# The child that waits outlives the script when nobody looks after it.
WITH_A_CHILD = NOTES.format(stage="Maintenance") + "sleep 600 &\necho begun\nwait\n"


def test_a_stage_whose_runner_was_killed_is_unknown_and_its_host_comes_home(lab, engines, var):
    note_every_script(lab)
    lab.script("kvm1", "Maintenance", WITH_A_CHILD)
    run = lab.start()
    engines.start()
    step = in_stage(run, "kvm1", "Maintenance")

    os.kill(tickets().look(str(step.ticket)).pid, signal.SIGKILL)

    wait_until(lambda: state_of(run) == "Paused", within_s=40)
    assert stages_of(run, "kvm1")[2:] == [("Drain", "ok"), ("Maintenance", "unknown"), ("Return", "ok")]
    assert ran("kvm1") == ["PreFlight", "PreMaintenance", "Maintenance"]
    assert with_tickets(var / "hooks", str(step.ticket)) == [], "something of the script still runs"
    target = target_of(run, "kvm1")
    assert (target.state, target.detail) == ("Failed", "Maintenance: The runner ended without a result")
    assert lab.resource_state("kvm1") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert [a.cause for a in Attention.objects.filter(run=run)] == ["stage-failed"]
    assert (
        Run.objects.get(id=run.id).paused_reason["message"]
        == "kvm1: Maintenance: The runner ended without a result"
    )
    assert effects(lab.hosts["kvm2"], "prepare") == 0
