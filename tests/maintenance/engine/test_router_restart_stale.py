"""Restarts of routers after a restart, while the inventory is not read anew: what is gone is passed by."""

from pathlib import Path

import pytest

from maintenance.backends.lab import models as lab
from maintenance.models import Attention, Run, Step, SystemVm, Target
from tests.maintenance.engine.patch_lab import looked_at, patch_lab
from tests.maintenance.engine.restart_lab import LONE, is_served, of_network, restart, result, shown, steps
from tests.maintenance.engine.small_lab import ended, engine_running, state_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

ALONE = "r-7-VM"  # the router of LONE


@pytest.fixture(autouse=True)
def cloud(db, settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    with patch_lab() as cloud:
        world = lab.World.objects.get()
        world.settings |= {"system_vm_boot_s": 0.1}
        world.save()
        yield cloud


@pytest.mark.parametrize("how", [{}, {"serial": True}, {"cleanup": False}])
def test_a_router_that_is_gone_and_still_listed_is_passed_by_and_needs_nobody(how):
    looked_at(ALONE)
    first = restart(LONE)
    with engine_running():
        ended(first)
    assert shown(LONE) == of_network(LONE) != [ALONE]  # already when it is told to be done
    SystemVm.objects.filter(name=ALONE).update(gone_at=None, state="Running")  # a listing from before
    [second] = shown_but(ALONE)
    again = restart(LONE, **how)
    with engine_running():
        ended(again)

    assert state_of(again) == "Succeeded"
    assert result(again, ALONE) == ("Skipped", "")
    assert "no such router" in Target.objects.get(run=again, name=ALONE).detail
    assert [outcome for _stage, outcome in steps(again, ALONE)] == ["not_needed"]
    assert result(again, second)[0] == "Done"
    assert len(of_network(LONE)) == 1
    assert is_served(*of_network(LONE))
    assert not Attention.objects.exists()


def shown_but(name):
    return [router for router in shown(LONE) if router != name]


def test_a_router_that_goes_once_its_restart_has_begun_is_no_skip():
    looked_at(ALONE)
    lab.Fault.objects.create(call="start_replacement", kind="error", text="busy", times_left=100_000)
    run = restart(LONE)
    starts = Step.objects.filter(run=run, stage="StartReplacement")
    with engine_running():
        wait_until(starts.exclude(note="").exists, within_s=30)
        lab.SystemVm.objects.filter(name=ALONE).delete()
        lab.Fault.objects.all().delete()
        wait_until(lambda: Run.objects.get(id=run.id).state == "Paused", within_s=30)

    assert result(run, ALONE) == ("NeedsPerson", "failed_not_restored")
