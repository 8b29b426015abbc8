"""kill -9 of an engine with hosts in mid-stage: the work goes on by itself, and nothing happens twice."""

import pytest

from maintenance import actions
from maintenance.domain.states import StepState
from maintenance.hooks.processes import with_tickets
from maintenance.models import Attention, HostOut, Step
from tests.maintenance.engine.small_lab import ended, hurry, make_small_lab, stages_of, state_of, target_of
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


@pytest.fixture
def lab(empty_lab):
    """As many clusters as a host has stages, two hosts each; instances only where a drain shall last."""
    lab = make_small_lab(clusters=len(WHOLE_WAY), hosts_each=2, instances_each=0)
    lab.add_instance(list(lab.hosts)[2 * WHOLE_WAY.index("Drain")])
    return lab


def a_host_in_every_stage(lab):
    """A run for each stage, over the first host of a cluster, which will stay in that stage until it is let go."""
    note_every_script(lab)
    places = dict(zip(WHOLE_WAY, list(lab.hosts)[::2], strict=True))
    for stage, host in places.items():
        make_last(lab, host, stage)
    return {stage: (host, lab.start(hosts=[host])) for stage, host in places.items()}


def all_in_stage(runs):
    host, run = runs["PostMaintenance"]
    in_stage(run, host, "Return")
    hurry(host)
    return [in_stage(run, host, stage) for stage, (host, run) in runs.items()]


def let_all_go(lab, runs):
    for stage in reversed(WHOLE_WAY):
        let_go(lab, runs[stage][0], stage)
    for host, run in runs.values():
        ended(run)
        assert_everything_happened_once(lab, run, [host])


def test_a_restarted_engine_goes_on_in_every_stage(lab, engines):
    runs = a_host_in_every_stage(lab)
    engine = engines.start()
    steps = all_in_stage(runs)

    engine.kill9()
    engines.start()

    wait_until(lambda: all(taken_over(step) for step in steps), within_s=GOES_ON_WITHIN_S)
    let_all_go(lab, runs)


def test_of_two_engines_the_other_goes_on_in_every_stage(lab, engines):
    runs = a_host_in_every_stage(lab)
    engine = engines.start()
    steps = all_in_stage(runs)
    engines.start()

    engine.kill9()

    wait_until(lambda: all(taken_over(step) for step in steps), within_s=GOES_ON_WITHIN_S)
    let_all_go(lab, runs)


def test_a_step_that_kills_every_engine_is_given_up_and_its_host_comes_home(lab, engines, var):
    note_every_script(lab)
    make_last(lab, "kvm1", "Maintenance")
    run = lab.start(hosts=["kvm1"])
    poison = {
        **QUICK_LEASE,
        "PITSTOP_FAILPOINTS": "1",
        "FAILPOINT": "Maintenance.started@kvm1:kill9-always",
        "PITSTOP_TAKEOVERS_MAX": "2",
    }
    for _ in range(2):
        engines.launch(**poison)
    wait_until(lambda: len(engines.dead()) == 2, within_s=60)
    engines.start(**poison)

    wait_until(lambda: state_of(run) == "Paused", within_s=40)

    step = Step.objects.get(run=run, stage="Maintenance")
    assert (step.state, step.outcome) == (StepState.ENDED, "unknown")
    assert step.detail == "given up after 2 engines died, froze or failed while doing it"
    assert ran("kvm1").count("Maintenance") == 1
    assert with_tickets(var / "hooks", str(step.ticket)) == [], "its script still runs on a host in service"
    assert target_of(run, "kvm1").state == "Failed"
    assert lab.resource_state("kvm1") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert [a.cause for a in Attention.objects.filter(run=run)] == ["stage-failed"]


def test_a_script_that_had_not_begun_when_its_run_was_stopped_never_begins(lab, engines):
    note_every_script(lab)
    run = lab.start(hosts=["kvm1"])
    engines.launch(**QUICK_LEASE, PITSTOP_FAILPOINTS="1", FAILPOINT="Maintenance.taken@kvm1:kill9")
    wait_until(engines.dead, within_s=40)

    actions.cancel_run(run.id, actor="operator")
    engines.start(**QUICK_LEASE)

    assert ended(run).state == "Cancelled"
    assert "Maintenance" not in ran("kvm1")
    assert stages_of(run, "kvm1")[-2:] == [("Maintenance", "stopped"), ("Return", "ok")]
    assert lab.resource_state("kvm1") == "Enabled"
