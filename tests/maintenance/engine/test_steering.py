"""Pause, resume, cancel, skip – at any moment."""

import pytest

from maintenance import actions
from maintenance.backends.lab import folders
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects
from maintenance.models import HostOut, Run, Step
from tests.maintenance.engine.small_lab import ended, engine_running, stages_of, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

LONG = "#!/bin/sh\necho begun\nsleep 30\n"
# Goes on as soon as the test lets it: a file in the host's folder.
UNTIL_LET_GO = '#!/bin/sh\necho begun\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n'


def in_stage(run, host, stage):
    """The script of the stage has printed its first line."""
    step = Step.objects.filter(run=run, target__name=host, stage=stage, output_bytes__gt=0)
    return wait_until(step.first, within_s=20)


def let_go(lab, host):
    (folders.host_dir(host) / "go").touch()


def test_pause_lets_the_begun_host_come_home_and_starts_no_other(lab):
    lab.script("kvm1", "Maintenance", UNTIL_LET_GO)
    run = lab.start()
    with engine_running():
        in_stage(run, "kvm1", "Maintenance")
        assert actions.pause_run(run.id, actor="operator").pausing
        assert state_of(run) == "Running"
        let_go(lab, "kvm1")
        wait_until(lambda: state_of(run) == "Paused", within_s=20)

        assert [target_of(run, h).state for h in lab.hosts] == ["Done", "Ready", "Ready"]
        assert Run.objects.get(id=run.id).paused_reason["by"] == "operator"

        actions.resume_run(run.id, actor="operator")
        assert ended(run).state == "Succeeded"


@pytest.mark.parametrize("stage", ["PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance"])
def test_cancel_ends_the_running_script_and_brings_the_host_home(lab, stage):
    lab.script("kvm1", stage, LONG)
    run = lab.start()
    with engine_running():
        in_stage(run, "kvm1", stage)
        actions.cancel_run(run.id, actor="operator")
        run = ended(run)

    assert (run.state, run.details) == ("Cancelled", "stopped by operator")
    assert {lab.resource_state(h) for h in lab.hosts} == {"Enabled"}
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert effects(lab.hosts["kvm2"], "prepare") == 0
    assert (stage, "stopped") in stages_of(run, "kvm1")


def test_cancel_during_a_drain_returns_the_host(lab):
    lab.configure(move_min_s=20.0)
    run = lab.start()
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").state == "Draining", within_s=20)
        actions.cancel_run(run.id, actor="operator")
        lab.configure(move_min_s=0.0)
        run = ended(run)

    assert run.state == "Cancelled"
    assert lab.resource_state("kvm1") == "Enabled"
    assert target_of(run, "kvm1").state == "Cancelled"


def test_a_queued_run_is_cancelled_without_an_engine(lab):
    run = lab.start()

    assert actions.cancel_run(run.id, actor="operator").state == "Cancelled"
    assert {target_of(run, h).state for h in lab.hosts} == {"Cancelled"}


def test_a_waiting_host_is_skipped(lab):
    lab.script("kvm1", "Maintenance", UNTIL_LET_GO)
    run = lab.start()
    with engine_running():
        in_stage(run, "kvm1", "Maintenance")
        actions.skip_host(run.id, lab.hosts["kvm2"], actor="operator")
        let_go(lab, "kvm1")
        run = ended(run)

    assert run.state == "Succeeded"
    assert [target_of(run, h).state for h in lab.hosts] == ["Done", "Skipped", "Done"]


def test_illegal_moves_name_the_legal_ones_and_change_nothing(lab):
    run = lab.start()

    with pytest.raises(actions.IllegalMove) as refused:
        actions.resume_run(run.id, actor="operator")

    assert refused.value.legal == ["cancel"]
    assert state_of(run) == "Queued"
    with pytest.raises(actions.IllegalMove):
        actions.retry_host(run.id, lab.hosts["kvm1"], actor="operator")


def test_one_host_by_hand_goes_out_is_held_and_comes_back(lab):
    run = actions.prepare_host(lab.hosts["kvm2"], actor="operator", reason="new memory")
    with engine_running():
        wait_until(lambda: target_of(run, "kvm2").state == "InMaintenance", within_s=20)
        assert lab.resource_state("kvm2") == "Maintenance"
        assert HostOut.objects.filter(closed_at=None).count() == 1

        actions.return_host(lab.hosts["kvm2"], actor="operator")
        run = ended(run)

    assert run.state == "Succeeded"
    assert lab.resource_state("kvm2") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()


def test_a_host_held_by_hand_has_nothing_to_pause(lab):
    run = actions.prepare_host(lab.hosts["kvm2"], actor="operator")

    with pytest.raises(actions.IllegalMove) as refused:
        actions.pause_run(run.id, actor="operator")

    assert refused.value.legal == ["cancel"]


def test_runs_are_numbered_without_gaps(lab):
    numbers = []
    for _ in range(3):
        run = lab.start()
        numbers.append(run.number)
        actions.cancel_run(run.id, actor="operator")

    assert numbers == [1, 2, 3]


def test_a_host_that_a_run_has_cannot_be_taken_by_hand(lab):
    run = lab.start()

    with pytest.raises(actions.Conflict) as refused:
        actions.prepare_host(lab.hosts["kvm1"], actor="operator")

    assert refused.value.owner["run"] == str(run.id)


def test_a_host_that_others_took_is_never_touched(lab):
    lab_models.Host.objects.filter(name="kvm1").update(resource_state="Maintenance")
    lab.read()

    with pytest.raises(actions.Conflict, match="others took it"):
        actions.return_host(lab.hosts["kvm1"], actor="operator")
    with pytest.raises(
        actions.Conflict, match="others took it out of service; it is never touched"
    ) as refused:
        actions.prepare_host(lab.hosts["kvm1"], actor="operator")
    assert refused.value.owner is None
    assert lab.resource_state("kvm1") == "Maintenance"


def test_a_second_run_over_the_same_hosts_names_the_first(lab):
    first = lab.start()

    with pytest.raises(actions.Conflict) as refused:
        lab.start(hosts=["kvm3"])

    assert refused.value.owner["number"] == first.number
    assert [i["hostname"] for i in refused.value.items] == ["kvm3"]


def test_hosts_that_are_not_ready_are_all_named_and_nothing_starts(lab):
    lab_models.Host.objects.filter(name__in=["kvm1", "kvm3"]).update(state="Down")

    with pytest.raises(actions.Conflict) as refused:
        lab.start()

    assert [i["hostname"] for i in refused.value.items] == ["kvm1", "kvm3"]
    assert not Run.objects.exists()


def test_with_skip_unready_such_hosts_are_skipped(lab):
    lab_models.Host.objects.filter(name="kvm1").update(state="Down")
    run = lab.start(skip_unready=True, max_unavailable=2)
    with engine_running():
        run = ended(run)

    assert run.state == "Succeeded"
    assert [target_of(run, h).state for h in lab.hosts] == ["Skipped", "Done", "Done"]
