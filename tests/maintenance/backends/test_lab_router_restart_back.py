"""Routers that do not come up, die, or are on hosts that are away; and the way back to the old one."""

from uuid import uuid4

import pytest

from maintenance.backends.base import Later
from maintenance.backends.lab.models import Host, SystemVm
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.backends.system_vms import NotRestored, StepFailed, VmUnreachable
from tests.maintenance.backends.lab_hosts import set_lab
from tests.maintenance.backends.routers_lab import (
    LONE,
    NEW,
    OLD,
    back,
    is_gone,
    restart,
    routers_of,
    row,
    says,
    scope,
    serving,
    started,
)
from tests.maintenance.backends.system_vms_lab import disk, vm_id
from tests.maintenance.backends.test_lab_commands import lab_command

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def test_a_router_that_does_not_come_up_leaves_the_old_one_and_nothing_else(lab):
    lab_command("sysvm", LONE, "break", "haproxy", "--never-start", "--next")
    ticket = uuid4()

    with pytest.raises(StepFailed, match=r"does not come up: haproxy does not start: exit status 1"):
        started(lab, vm_id(LONE), ticket)
    (new,) = set(routers_of(scope(LONE))) - {LONE}
    assert f"replaces {LONE}" in lab_command("show")
    probe = back(lab, vm_id(LONE), ticket)

    assert (probe.software_version, probe.rules_answering) == (OLD, probe.rules)
    assert is_gone(new)
    assert serving(LONE) == LONE
    with pytest.raises(StepFailed, match="was taken back"):
        lab.start_replacement(vm_id(LONE), ticket=ticket)
    lab_command("sysvm", LONE, "break", "haproxy", "--mend", "--next")
    assert restart(lab, vm_id(LONE), uuid4()).version == NEW


def test_a_replacement_that_has_died_gets_no_traffic(lab):
    ticket = uuid4()
    new = started(lab, vm_id(LONE), ticket)
    power.turn_off(disk(new.name))

    with pytest.raises(StepFailed, match="it has died"):
        lab.switch_traffic(vm_id(LONE), ticket=ticket)

    assert serving(LONE) == LONE
    assert says(LONE) == f"haproxy {OLD}"


def test_a_service_that_dies_after_the_switch_is_found_and_the_old_router_serves_again(lab):
    ticket = uuid4()
    new = started(lab, vm_id(LONE), ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    power.kill(disk(new.name), "haproxy")

    with pytest.raises(StepFailed, match="haproxy does not answer; 2 of"):
        lab.verify_replacement(vm_id(LONE), ticket=ticket)
    set_lab(system_vm_boot_s=30)
    with pytest.raises(Later, match="r-27-VM boots"):
        lab.switch_back(vm_id(LONE), ticket=ticket)
    assert serving(LONE) == new.name, "who still answers something keeps the traffic meanwhile"
    SystemVm.objects.filter(name=LONE).update(boots_at="2020-01-01T00:00Z")
    probe = lab.switch_back(vm_id(LONE), ticket=ticket)

    assert probe.rules_answering == probe.rules
    assert probe.software_version == NEW, "it was off: it has its host's payload"
    assert (serving(LONE), is_gone(new.name)) == (LONE, True)
    assert lab.switch_back(vm_id(LONE), ticket=ticket).rules_answering == probe.rules


def test_an_old_router_that_does_not_serve_again_needs_a_person(lab):
    ticket = uuid4()
    new = started(lab, vm_id(LONE), ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    breaking.fail_start(disk(LONE), "haproxy", with_any=True)

    with pytest.raises(NotRestored) as caught:
        back(lab, vm_id(LONE), ticket)
    assert "r-27-VM runs, but haproxy does not answer; 2 of 6 rules and public IPs" in str(caught.value)
    assert f"Traffic goes to {new.name}. By hand:" in str(caught.value)
    assert "systemctl restart haproxy" in str(caught.value)
    assert f"cmk restart network id={scope(LONE)}" in str(caught.value)
    breaking.mend(disk(LONE), "haproxy")
    lab_command("sysvm", LONE, "start", "haproxy")

    assert back(lab, vm_id(LONE), ticket).rules_answering == 6
    assert is_gone(new.name)


def test_a_later_restart_first_ends_the_way_back_that_was_given_up(lab):
    given_up, later, network = uuid4(), uuid4(), scope(LONE)
    new = started(lab, vm_id(LONE), given_up)
    lab.switch_traffic(vm_id(LONE), ticket=given_up)
    breaking.fail_start(disk(LONE), "haproxy", with_any=True)
    with pytest.raises(NotRestored):
        back(lab, vm_id(LONE), given_up)

    for ask in (lab.start_replacement, lab.switch_back):
        with pytest.raises(NotRestored, match=f"haproxy does not answer.* Traffic goes to {new.name}"):
            ask(vm_id(LONE), ticket=later)
    breaking.mend(disk(LONE), "haproxy")
    lab_command("sysvm", LONE, "start", "haproxy")
    newest = restart(lab, vm_id(LONE), later)

    assert list(routers_of(network)) == [serving(newest.name)] == [newest.name]
    assert is_gone(new.name)


def test_an_old_router_that_falls_again_after_the_way_back_is_told_when_asked_again(lab):
    ticket = uuid4()
    started(lab, vm_id(LONE), ticket)
    back(lab, vm_id(LONE), ticket)
    power.kill(disk(LONE), "haproxy")

    with pytest.raises(NotRestored, match=f"{LONE} runs, but haproxy does not answer"):
        lab.switch_back(vm_id(LONE), ticket=ticket)
    lab_command("sysvm", LONE, "start", "haproxy")
    assert lab.switch_back(vm_id(LONE), ticket=ticket).rules_answering == 6


def test_what_was_dead_before_is_not_asked_of_the_way_back(lab):
    lab.probe_system_vm(vm_id(LONE))
    breaking.dead(disk(LONE), "haproxy")
    ticket = uuid4()
    started(lab, vm_id(LONE), ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)

    assert back(lab, vm_id(LONE), ticket).rules_answering == 4


@pytest.mark.parametrize("whose", ["old", "new"])
def test_a_host_that_is_away_makes_it_unknown(lab, whose):
    ticket = uuid4()
    new = started(lab, vm_id(LONE), ticket)
    host = row(LONE if whose == "old" else new.name).host_id
    Host.objects.filter(id=host).update(state="Disconnected")

    with pytest.raises(VmUnreachable, match="Disconnected"):
        lab.switch_traffic(vm_id(LONE), ticket=ticket)
    with pytest.raises(VmUnreachable, match="Disconnected"):
        lab.switch_back(vm_id(LONE), ticket=ticket)
    Host.objects.filter(id=host).update(state="Up")
    lab.switch_back(vm_id(LONE), ticket=ticket)

    assert (serving(LONE), is_gone(new.name)) == (LONE, True)


def test_a_zone_without_a_free_host_gets_no_new_router(lab):
    lab.probe_system_vm(vm_id(LONE))
    Host.objects.exclude(id=row(LONE).host_id).update(resource_state="Disabled")
    Host.objects.filter(id=row(LONE).host_id).update(resource_state="Disabled")

    with pytest.raises(StepFailed, match="no host of the zone"):
        lab.start_replacement(vm_id(LONE), ticket=uuid4())


def test_switching_back_what_was_never_begun_finds_the_router_as_it_is(lab):
    assert lab.switch_back(vm_id(LONE), ticket=uuid4()).software_version == OLD
    lab_command("sysvm", LONE, "stop")
    with pytest.raises(NotRestored, match="is Stopped, but not by this restart"):
        lab.switch_back(vm_id(LONE), ticket=uuid4())
