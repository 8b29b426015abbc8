"""Routers restarted by an engine in the lab: real machines, real traffic, and always one that serves."""

from pathlib import Path

import pytest
from django.conf import settings

from maintenance import actions
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.system_vm_models import SystemVm as LabVm
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.models import Attention, Downtime, Run, Step, SystemVm
from tests.maintenance.backends.system_vms_lab import BACKUP, ROUTER, disk, vm_id
from tests.maintenance.engine.patch_lab import looked_at, patch_lab
from tests.maintenance.engine.restart_lab import (
    LONE,
    PAIR,
    is_served,
    of_network,
    restart,
    result,
    shown,
    steps,
)
from tests.maintenance.engine.small_lab import ended, engine_running, state_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

ALONE = "r-7-VM"  # the router of LONE
BOOT_S = 0.3
FOR_EVER_S = 600
REPLACED = [("StartReplacement", "ok"), ("SwitchTraffic", "ok"), ("VerifyReplacement", "ok")]


@pytest.fixture(autouse=True)
def cloud(db, settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    with patch_lab() as cloud:
        configure(system_vm_boot_s=BOOT_S)
        yield cloud


def configure(**changes):
    world = lab.World.objects.get()
    world.settings |= changes
    world.save()


def measured(run, router):
    """Way → what was measured while this router was restarted."""
    return {row.way: row for row in Downtime.objects.filter(run=run, system_vm=vm_id_of(run, router))}


def vm_id_of(run, router):
    return run.targets.get(name=router).system_vm_id


def the_new_one(run, router):
    """What took its place, as the step says."""
    return Step.objects.get(run=run, target__name=router, stage="StartReplacement").movement


def test_a_new_router_serves_before_the_old_one_goes_and_lost_time_was_measured_throughout():
    looked_at(ALONE)
    run = restart(LONE)
    with engine_running():
        ended(run)
        new = the_new_one(run, ALONE)
        wait_until(lambda: shown(LONE) == [new["router"]])
        wait_until(SystemVm.objects.filter(id=new["router_id"], probed_at__isnull=False).exists)

    assert (state_of(run), result(run, ALONE)) == ("Succeeded", ("Done", "replaced"))
    assert steps(run, ALONE) == REPLACED
    assert of_network(LONE) == [new["router"]]
    assert is_served(new["router"])
    rows = measured(run, ALONE)
    assert {"ingress", "egress"} <= rows.keys()
    for row in rows.values():
        assert row.probes > 5
        assert row.ended_at is not None
        assert not row.was_down_before
        assert row.open_ms == 0
        assert row.down_ms < BOOT_S * 1000
    assert not Attention.objects.exists()


def test_serially_it_is_down_as_long_as_a_router_boots_and_that_is_counted_whole():
    looked_at(ALONE)
    run = restart(LONE, serial=True)
    with engine_running():
        ended(run)

    assert steps(run, ALONE) == [("StopRouter", "ok"), *REPLACED]
    assert is_served(*of_network(LONE))
    assert all(row.down_ms >= BOOT_S * 1000 for row in measured(run, ALONE).values())


def test_a_router_that_does_not_come_up_leaves_the_old_one_serving_and_the_next_restart_settles_it():
    looked_at(ALONE)
    breaking.fail_start(disk(ALONE), "haproxy", with_any=True, of_next=True)
    run = restart(LONE)
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=60)

        assert result(run, ALONE) == ("Failed", "failed_restored")
        assert steps(run, ALONE) == [("StartReplacement", "failed"), ("SwitchBack", "ok")]
        assert of_network(LONE) == [ALONE]
        assert is_served(ALONE)
        assert all(row.down_ms == 0 for row in measured(run, ALONE).values())
        need = Attention.objects.get(resolved_at=None)
        assert (need.cause, need.title) == ("router-failed", f"The restart of {ALONE} failed")
        breaking.mend(disk(ALONE), "haproxy", of_next=True)
        actions.skip_host(run.id, vm_id(ALONE), actor="operator")
        actions.resume_run(run.id, actor="operator")
        ended(run)
        ended(restart(LONE))

    assert of_network(LONE) != [ALONE]
    assert not Attention.objects.filter(resolved_at=None).exists()


def test_one_whose_service_dies_within_the_soak_is_not_kept():
    looked_at(ALONE)
    run = restart(LONE, soak_s=FOR_EVER_S, on_failure="skip")
    with engine_running():
        soaks = Step.objects.filter(run=run, stage="VerifyReplacement", movement__has_key="answered_at")
        wait_until(soaks.exists, within_s=60)
        Run.objects.filter(id=run.id).update(soak_s=0)  # the way back need not soak
        power.kill(disk(the_new_one(run, ALONE)["router"]), "haproxy")
        assert ended(run, within_s=60).details == "1 router failed"

    assert result(run, ALONE) == ("Failed", "failed_restored")
    assert steps(run, ALONE)[-2:] == [("VerifyReplacement", "failed"), ("SwitchBack", "ok")]
    assert of_network(LONE) == [ALONE]
    assert is_served(ALONE)


def test_cancelled_while_the_new_one_boots_the_old_one_serves_on_alone():
    looked_at(ALONE)
    configure(system_vm_boot_s=FOR_EVER_S)
    run = restart(LONE)
    with engine_running():
        boots = Step.objects.filter(run=run, stage="StartReplacement", state="Running").exclude(note="")
        wait_until(boots.exists, within_s=30)
        assert len(of_network(LONE)) == 2
        actions.cancel_run(run.id, actor="operator")
        ended(run)

    assert (state_of(run), result(run, ALONE)) == ("Cancelled", ("Cancelled", ""))
    assert of_network(LONE) == [ALONE]
    assert is_served(ALONE)


def test_a_pair_is_done_one_side_after_the_other_the_backup_side_first():
    looked_at(ROUTER, BACKUP)
    run = restart(PAIR, per_zone=5)
    with engine_running():
        ended(run, within_s=60)

    assert (state_of(run), run.way) == ("Succeeded", "redundant")
    assert steps(run, ROUTER) == steps(run, BACKUP) == REPLACED
    first_over = Step.objects.filter(run=run, target__name=BACKUP).latest("finished").finished
    assert Step.objects.filter(run=run, target__name=ROUTER).earliest("started").started >= first_over
    left = LabVm.objects.filter(network__name=PAIR)
    assert sorted(left.values_list("redundant_state", flat=True)) == ["BACKUP", "PRIMARY"]
    assert not {ROUTER, BACKUP} & set(of_network(PAIR))
    assert all(is_served(name) for name in of_network(PAIR))


def test_a_network_becomes_redundant():
    looked_at(ALONE)
    run = restart(LONE, makes_redundant=True)
    with engine_running():
        ended(run)

    assert steps(run, ALONE) == [*REPLACED, ("AddBackup", "ok")]
    left = LabVm.objects.filter(network__name=LONE).exclude(name=ALONE)
    assert sorted(left.values_list("redundant_state", flat=True)) == ["BACKUP", "PRIMARY"]
    assert ALONE not in of_network(LONE)


def test_a_new_router_that_falls_while_the_second_one_boots_is_not_kept():
    looked_at(ALONE)
    fault = lab.Fault.objects.create(call="add_backup", kind="error", text="busy", times_left=100_000)
    run = restart(LONE, makes_redundant=True)
    with engine_running():
        wait_until(Step.objects.filter(run=run, stage="AddBackup").exclude(note="").exists, within_s=60)
        power.kill(disk(the_new_one(run, ALONE)["router"]), "haproxy")
        fault.delete()
        wait_until(lambda: state_of(run) == "Paused", within_s=60)

    assert result(run, ALONE) == ("Failed", "failed_restored")
    assert steps(run, ALONE)[-2:] == [("AddBackup", "failed"), ("SwitchBack", "ok")]
    assert of_network(LONE) == [ALONE]
    assert is_served(ALONE)


def test_without_cleanup_its_rules_are_applied_again_and_nothing_is_replaced():
    looked_at(ALONE)
    run = restart(LONE, cleanup=False)
    with engine_running():
        ended(run)

    assert (steps(run, ALONE), result(run, ALONE)) == ([("ReapplyNetworkRules", "ok")], ("Done", "reapplied"))
    assert of_network(LONE) == [ALONE]
    assert measured(run, ALONE)["ingress"].down_ms == 0


def test_a_lost_answer_to_every_request_replaces_it_once_all_the_same():
    looked_at(ALONE)
    for call in ("start_replacement", "switch_traffic", "verify_replacement", "destroy_old"):
        lab.Fault.objects.create(call=call, kind="lose-reply", times_left=1)
    run = restart(LONE)
    with engine_running():
        ended(run, within_s=60)

    assert (steps(run, ALONE), result(run, ALONE)) == (REPLACED, ("Done", "replaced"))
    assert of_network(LONE) == [the_new_one(run, ALONE)["router"]]
    assert not lab.Fault.objects.exclude(times_left=0).exists()


def test_once_the_new_one_was_verified_nothing_leads_back_and_an_old_one_that_is_left_is_told():
    looked_at(ALONE)
    lab.Fault.objects.create(call="destroy_old", kind="error", text="the storage is busy")
    run = restart(LONE)
    decided = Step.objects.filter(run=run, stage="VerifyReplacement", movement__has_key="decided")
    with engine_running():
        wait_until(decided.exclude(note="").exists, within_s=60)
    decided.update(takeovers=settings.TAKEOVERS_MAX)  # as after so many engines that died over it
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused")

    assert (steps(run, ALONE), result(run, ALONE)) == (REPLACED, ("Failed", "replaced"))
    assert is_served(the_new_one(run, ALONE)["router"])
    need = Attention.objects.get(resolved_at=None)
    assert need.cause == "router-failed"
    assert f"the old router {ALONE} may still be there" in need.message


def test_one_that_fell_while_no_engine_lived_to_do_away_with_the_old_one_is_not_kept():
    looked_at(ALONE)
    busy = lab.Fault.objects.create(call="destroy_old", kind="error", text="the storage is busy")
    run = restart(LONE, on_failure="skip")
    decided = Step.objects.filter(run=run, stage="VerifyReplacement", movement__has_key="decided")
    with engine_running():
        wait_until(decided.exclude(note="").exists, within_s=60)
    power.kill(disk(the_new_one(run, ALONE)["router"]), "haproxy")
    busy.delete()
    with engine_running():
        ended(run, within_s=60)

    assert result(run, ALONE) == ("Failed", "failed_restored")
    assert steps(run, ALONE)[-2:] == [("VerifyReplacement", "failed"), ("SwitchBack", "ok")]
    assert of_network(LONE) == [ALONE]
    assert is_served(ALONE)
