"""kill -9 of an engine in mid-stage: the run goes on by itself, and nothing happens twice."""

import pytest

from tests.maintenance.engine.small_lab import ended
from tests.processes.scenes import (
    GOES_ON_WITHIN_S,
    WHOLE_WAY,
    assert_everything_happened_once,
    in_stage,
    let_go,
    make_last,
    note_every_script,
    taken_over,
)
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]


@pytest.mark.parametrize("stage", WHOLE_WAY)
def test_after_a_kill_in_mid_stage_a_restarted_engine_goes_on(lab, engines, stage):
    note_every_script(lab)
    make_last(lab, "kvm1", stage)
    run = lab.start(hosts=["kvm1"])
    engine = engines.start()
    step = in_stage(run, "kvm1", stage)

    engine.kill9()
    engines.start()

    wait_until(lambda: taken_over(step), within_s=GOES_ON_WITHIN_S)
    let_go("kvm1")
    ended(run)
    assert_everything_happened_once(lab, run, ["kvm1"])
