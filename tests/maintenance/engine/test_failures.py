"""What a run does when a stage fails: the table of one host's way, seen from outside."""

import pytest
from django.db.models import Q

from maintenance import actions
from maintenance.backends.lab.record import effects
from maintenance.models import Attention, HostOut, Run
from maintenance.report import run_result
from tests.maintenance.engine.small_lab import ended, engine_running, stages_of, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

FAILS = "#!/bin/sh\necho broken; exit 1\n"


def paused(run):
    return wait_until(lambda: Run.objects.filter(id=run.id, state="Paused").first(), within_s=20)


def test_a_failed_preflight_ends_the_run_and_touches_no_host(lab):
    lab.script("kvm2", "PreFlight", FAILS)

    run = lab.start(on_failure="skip")
    with engine_running():
        run = ended(run)

    assert run.state == "Failed"
    assert run.details == "kvm2 failed, PreFlight: exit status 1; nothing was touched"
    assert {effects(host, "prepare") for host in lab.hosts.values()} == {0}
    assert all(
        stages_of(run, host) in ([("PreFlight", "ok")], [("PreFlight", "failed")]) for host in lab.hosts
    )
    result = run_result(run)
    assert [h["hostname"] for h in result["hostsfailed"]] == ["kvm2"]
    assert [h["hostname"] for h in result["hostsskipped"]] == ["kvm1", "kvm3"]


def test_every_host_whose_preflight_failed_is_named(lab):
    lab.script("kvm1", "PreFlight", FAILS)
    lab.script("kvm3", "PreFlight", "#!/bin/sh\nexit 2\n")

    run = lab.start()
    with engine_running():
        run = ended(run)

    assert run.details == (
        "kvm1 failed, PreFlight: exit status 1; kvm3 failed, PreFlight: exit status 2; nothing was touched"
    )
    assert Attention.objects.filter(cause="preflight-failed").count() == 2


def test_a_failed_premaintenance_fails_the_host_which_never_left_service(lab):
    lab.script("kvm1", "PreMaintenance", FAILS)

    run = lab.start()
    with engine_running():
        run = paused(run)

    assert target_of(run, "kvm1").state == "Failed"
    assert effects(lab.hosts["kvm1"], "prepare") == 0
    assert run.paused_reason["message"] == "kvm1: PreMaintenance: exit status 1"
    assert target_of(run, "kvm2").state == "Ready"


def test_a_failed_maintenance_brings_the_host_back_before_the_run_pauses(lab):
    lab.script("kvm1", "Maintenance", FAILS)

    run = lab.start()
    with engine_running():
        run = paused(run)

    assert stages_of(run, "kvm1")[-2:] == [("Maintenance", "failed"), ("Return", "ok")]
    assert lab.resource_state("kvm1") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()
    attention = Attention.objects.get(resolved_at=None)
    assert (attention.cause, attention.title) == ("stage-failed", "kvm1 failed")


def test_a_failed_postmaintenance_fails_a_host_that_is_in_service(lab):
    lab.script("kvm1", "PostMaintenance", FAILS)

    run = lab.start()
    with engine_running():
        run = paused(run)

    assert target_of(run, "kvm1").state == "Failed"
    assert lab.resource_state("kvm1") == "Enabled"


@pytest.mark.parametrize("stage", ["Maintenance", "PostMaintenance"])
def test_exit_status_70_after_the_drain_is_a_failure(lab, stage):
    lab.script("kvm1", stage, "#!/bin/sh\nexit 70\n")

    run = lab.start()
    with engine_running():
        run = paused(run)

    assert target_of(run, "kvm1").state == "Failed"


def test_exit_status_70_in_preflight_skips_the_host_after_its_premaintenance(lab):
    lab.script("kvm1", "PreFlight", "#!/bin/sh\nexit 70\n")

    run = lab.start()
    with engine_running():
        run = ended(run)

    assert run.state == "Succeeded"
    assert stages_of(run, "kvm1") == [("PreFlight", "not_needed"), ("PreMaintenance", "ok")]
    skipped = run_result(run)["hostsskipped"]
    assert [(h["hostname"], h["reason"]) for h in skipped] == [
        ("kvm1", "PreFlight: the script says: not needed (exit status 70)")
    ]


def test_a_host_without_a_maintenance_script_is_skipped_with_where_was_looked(lab):
    lab.no_script("kvm1", "Maintenance")

    run = lab.start()
    with engine_running():
        run = ended(run)

    assert run.state == "Succeeded"
    assert target_of(run, "kvm1").state == "Skipped"
    assert (
        "no Maintenance script (looked for Maintenance, Maintenance.sh, Maintenance.py in"
        in target_of(run, "kvm1").detail
    )
    assert stages_of(run, "kvm1") == [("PreFlight", "ok"), ("PreMaintenance", "ok")]


def test_a_stage_without_a_script_passes_and_says_so(lab):
    lab.no_script("kvm1", "PreMaintenance")

    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run)

    step = run.steps.get(stage="PreMaintenance")
    assert (run.state, step.outcome, step.detail) == ("Succeeded", "ok", "no script")


def test_on_failure_stop_touches_no_further_host(lab):
    lab.script("kvm1", "Maintenance", FAILS)

    run = lab.start(on_failure="stop")
    with engine_running():
        run = ended(run)

    assert run.state == "Failed"
    assert [target_of(run, h).state for h in lab.hosts] == ["Failed", "Skipped", "Skipped"]
    assert effects(lab.hosts["kvm2"], "prepare") == 0


def test_on_failure_skip_goes_on_and_the_run_is_still_failed(lab):
    lab.script("kvm1", "Maintenance", FAILS)

    run = lab.start(on_failure="skip")
    with engine_running():
        run = ended(run)

    assert (run.state, run.details) == ("Failed", "1 host failed")
    assert [target_of(run, h).state for h in lab.hosts] == ["Failed", "Done", "Done"]


def test_a_script_that_runs_out_of_time_is_ended_and_the_host_brought_back(lab):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\ntrap '' TERM\necho waiting\nsleep 60\n")
    for stage in ("PreFlight", "PreMaintenance", "PostMaintenance"):
        lab.no_script("kvm1", stage)  # on a busy machine one that does nothing may take a second, too

    run = lab.start(hosts=["kvm1"], timeout_s=1)
    with engine_running():
        run = paused(run)

    assert run.steps.get(stage="Maintenance").outcome == "timed_out"
    assert lab.resource_state("kvm1") == "Enabled"


def test_a_script_that_may_not_run_is_refused_with_the_reason(lab):
    lab.script("kvm1", "PreFlight", "#!/no/such/shell\n")

    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run)

    step = run.steps.get()
    assert (run.state, step.outcome) == ("Failed", "refused")
    assert "/no/such/shell" in step.detail


def test_the_payload_reaches_the_script_as_one_argument(lab):
    payload = "kernel=6.1 $(touch /tmp/never) 'quoted' --flag\nsecond line"
    lab.script("kvm1", "Maintenance", '#!/bin/sh\nprintf "%s|%s" "$#" "$1"\n')

    run = lab.start(hosts=["kvm1"], payload=payload)
    with engine_running():
        run = ended(run)

    assert run_result(run)["hostsupdated"][0]["output"] == f"1|{payload}"


def test_a_host_that_reboots_in_its_maintenance_is_waited_for_and_judged_by_its_ticket(lab):
    lab.script("kvm1", "Maintenance", '#!/bin/sh\necho "rebooting"\n"$LAB_REBOOT" 1\n')

    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run)

    assert run.state == "Succeeded"
    assert stages_of(run, "kvm1")[3] == ("Maintenance", "ok")


def test_a_host_that_never_comes_back_is_flagged_and_stays_in_the_ledger(lab, settings):
    settings.HOST_RETURN_TIMEOUT_S = 1
    lab.script("kvm1", "Maintenance", '#!/bin/sh\n"$LAB_REBOOT" never\nsleep 30\n')

    run = lab.start()
    with engine_running():
        run = paused(run)

        assert target_of(run, "kvm1").state == "NeedsPerson"
        assert HostOut.objects.filter(closed_at=None).count() == 1
        assert Attention.objects.filter(Q(cause="host-not-back"), resolved_at=None).count() == 1
        assert effects(lab.hosts["kvm2"], "prepare") == 0


def test_retry_starts_a_new_attempt_and_the_run_goes_on(lab):
    lab.script("kvm1", "Maintenance", FAILS)
    run = lab.start()
    with engine_running():
        paused(run)
        lab.script("kvm1", "Maintenance", "#!/bin/sh\n")
        actions.retry_host(run.id, lab.hosts["kvm1"], actor="operator")
        run = ended(run)

    assert run.state == "Succeeded"
    assert target_of(run, "kvm1").attempt == 2
    assert stages_of(run, "kvm1")[4:] == [("Return", "ok")] + [
        (s, "ok") for s in ("PreMaintenance", "Drain", "Maintenance", "Return", "PostMaintenance")
    ]
    assert not Attention.objects.filter(resolved_at=None).exists()


def test_skip_leaves_the_failed_host_behind_and_the_rest_goes_on(lab):
    lab.script("kvm1", "Maintenance", FAILS)
    run = lab.start()
    with engine_running():
        paused(run)
        actions.skip_host(run.id, lab.hosts["kvm1"], actor="operator")
        actions.resume_run(run.id, actor="operator")
        run = ended(run)

    assert run.state == "Succeeded"
    assert target_of(run, "kvm1").detail == "skipped by operator after it failed: Maintenance: exit status 1"
    assert state_of(run) == "Succeeded"
