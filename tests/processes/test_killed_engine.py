"""kill -9 of an engine in mid-stage: the run goes on by itself, and nothing happens twice."""

import pytest

from maintenance.domain.states import StepState
from maintenance.models import Attention, HostOut, Step
from tests.maintenance.engine.small_lab import ended, state_of, target_of
from tests.processes.engines import owner_of
from tests.processes.scenes import (
    GOES_ON_WITHIN_S,
    QUICK_LEASE,
    WHOLE_WAY,
    assert_everything_happened_once,
    in_stage,
    let_go,
    make_last,
    note_every_script,
    ran,
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
    let_go("kvm1", stage)
    ended(run)
    assert_everything_happened_once(lab, run, ["kvm1"])


def test_of_two_engines_the_other_goes_on_whichever_stage_the_first_dies_in(lab, engines):
    note_every_script(lab)
    for stage in WHOLE_WAY:
        make_last(lab, "kvm1", stage)
    run = lab.start(hosts=["kvm1"])
    crew = [engines.start(**QUICK_LEASE) for _ in range(2)]

    for stage in WHOLE_WAY:
        step = in_stage(run, "kvm1", stage)
        victim = owner_of(run, crew)
        victim.kill9()
        wait_until(lambda step=step: taken_over(step), within_s=GOES_ON_WITHIN_S)
        crew = [engine for engine in crew if engine is not victim] + [engines.start(**QUICK_LEASE)]
        let_go("kvm1", stage)

    ended(run)
    assert_everything_happened_once(lab, run, ["kvm1"])


def test_a_step_that_kills_every_engine_is_given_up_and_its_host_comes_home(lab, engines):
    note_every_script(lab)
    run = lab.start(hosts=["kvm1"])
    poison = {
        **QUICK_LEASE,
        "PITSTOP_FAILPOINTS": "1",
        "FAILPOINT": "Maintenance.started@kvm1:kill9-always",
        "PITSTOP_TAKEOVERS_MAX": "2",
    }
    for _ in range(2):
        engines.launch(**poison)
    wait_until(lambda: len(engines.dead()) == 2, within_s=30)
    engines.start(**poison)

    wait_until(lambda: state_of(run) == "Paused", within_s=20)

    step = Step.objects.get(run=run, stage="Maintenance")
    assert (step.state, step.outcome) == (StepState.ENDED, "unknown")
    assert step.detail == "given up after 2 engines died or froze while doing it"
    assert ran("kvm1").count("Maintenance") == 1
    assert target_of(run, "kvm1").state == "Failed"
    assert lab.resource_state("kvm1") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert [a.cause for a in Attention.objects.filter(run=run)] == ["stage-failed"]
