"""SIGTERM of an engine: it ends soon, what it did goes on under another one."""

import pytest

from maintenance.engine.worker import STOP_GRACE_S
from maintenance.models import EngineProcess, Step
from tests.maintenance.engine.small_lab import ended
from tests.processes.scenes import (
    assert_everything_happened_once,
    in_stage,
    let_go,
    make_last,
    note_every_script,
)
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

STOPS_WITHIN_S = 8


def test_an_engine_that_is_told_to_stop_leaves_its_script_running_for_the_next_one(lab, engines):
    note_every_script(lab)
    make_last(lab, "kvm1", "Maintenance")
    run = lab.start(hosts=["kvm1"])
    first = engines.start()
    step = in_stage(run, "kvm1", "Maintenance")

    assert first.stop(within_s=STOPS_WITHIN_S) == 0

    handed_on = Step.objects.get(id=step.id)
    assert (handed_on.state, handed_on.owner) == ("Pending", None)
    assert EngineProcess.objects.get(id=first.id).stopped_at is not None
    second = engines.start()
    wait_until(Step.objects.filter(id=step.id, owner=second.id, takeovers=0).exists, within_s=20)
    let_go(lab, "kvm1", "Maintenance")
    ended(run)
    assert_everything_happened_once(lab, run, ["kvm1"])


def test_an_idle_engine_stops_at_once(engines):
    # Sooner than the grace that work in progress is given.
    assert engines.start().stop(within_s=STOP_GRACE_S - 0.5) == 0
