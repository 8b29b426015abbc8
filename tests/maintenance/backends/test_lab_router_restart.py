"""Replacing routers in the lab: real folders, real processes, real traffic, through the lab's edge."""

import threading
from itertools import pairwise
from uuid import uuid4

import pytest

from maintenance.backends.base import Later, Never
from maintenance.backends.lab.models import Network, SystemVm
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.backends.system_vms import StepFailed
from maintenance.engine.patching.downtime import answers
from tests.maintenance.backends.lab_hosts import set_lab
from tests.maintenance.backends.routers_lab import (
    LONE,
    NEW,
    OLD,
    OLD_PAIR,
    VPC,
    back,
    is_gone,
    on,
    once_booted,
    restart,
    routers_of,
    row,
    says,
    scope,
    serving,
    started,
)
from tests.maintenance.backends.system_vms_lab import BACKUP, INTERNAL_LB, ROUTER, disk, vm_id
from tests.maintenance.backends.test_lab_commands import lab_command

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

# ---- one router ----


def test_a_replacement_runs_beside_the_old_router_and_has_no_traffic(lab):
    new = started(lab, vm_id(LONE), uuid4())

    made = row(new.name)
    assert (new.id, new.version, made.state) == (made.id, NEW, "Running")
    assert (made.template_version, made.base_image, made.rules) == ("4.21.0", "debian-12", row(LONE).rules)
    assert says(LONE) == f"haproxy {OLD}"
    assert says(new.name) == f"haproxy {NEW}"
    assert serving(LONE) == LONE


def test_it_says_how_long_it_boots_and_a_second_call_starts_no_second_one(lab):
    set_lab(system_vm_boot_s=30)
    ticket = uuid4()

    for _ in range(2):
        with pytest.raises(Later, match=r"r-\d+-VM boots, for \d\d\.\d s more"):
            lab.start_replacement(vm_id(LONE), ticket=ticket)

    assert sorted(state for state, _ in routers_of(scope(LONE)).values()) == ["Running", "Starting"]
    with pytest.raises(Later, match="being replaced already"):
        lab.start_replacement(vm_id(LONE), ticket=uuid4())


@pytest.mark.parametrize("name", [LONE, VPC, INTERNAL_LB])
def test_traffic_goes_to_the_new_router_and_nothing_is_left_of_the_old_one(lab, name):
    of, ticket = scope(name), uuid4()
    new = started(lab, vm_id(name), ticket)

    lab.switch_traffic(vm_id(name), ticket=ticket)
    assert serving(name) == new.name
    assert routers_of(of)[name] == ("Stopped", "")
    probe = lab.verify_replacement(vm_id(name), ticket=ticket)
    lab.destroy_old(old := vm_id(name), ticket=ticket)

    assert (probe.software_version, probe.rules_answering) == (NEW, probe.rules)
    assert probe.rules > 0
    assert routers_of(of) == {new.name: ("Running", "")}
    assert is_gone(name)
    lab.destroy_old(old, ticket=ticket)
    with pytest.raises(Never, match="there is no system VM"):
        lab.start_replacement(old, ticket=ticket)


def test_probes_find_whoever_has_the_traffic_without_asking_the_database(lab):
    points = lab.probe_points(vm_id(LONE))
    assert {point.way for point in points} == {"ingress", "egress", "load-balancer"}
    assert all(answers(point) for point in points)
    ports = [point.via() for point in points if point.via]
    ticket = uuid4()
    started(lab, vm_id(LONE), ticket)

    lab.stop_router(vm_id(LONE), ticket=ticket)
    assert not any(answers(point) for point in points)
    assert lab.probe_points(vm_id(LONE)) == points, "also of one that is stopped"
    lab.switch_traffic(vm_id(LONE), ticket=ticket)

    assert all(answers(point) for point in points)
    assert not set(ports) & {point.via() for point in points if point.via}


def test_the_gap_of_a_switch_is_seen_from_outside(lab):
    points = lab.probe_points(vm_id(LONE))
    ticket = uuid4()
    started(lab, vm_id(LONE), ticket)
    seen: list[bool] = []
    done = threading.Event()
    begun = threading.Event()

    def look() -> None:
        while not done.is_set() or not seen[-1]:
            seen.append(answers(points[0]))
            begun.set()

    prober = threading.Thread(target=look, daemon=True)
    prober.start()
    begun.wait(10)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    done.set()
    prober.join(10)

    changes = [now for before, now in pairwise(seen) if before != now]
    assert changes == [False, True], "one gap, while the old one stops"


def test_serially_nothing_serves_until_the_new_one_does(lab):
    ticket = uuid4()
    (point, *_) = lab.probe_points(vm_id(LONE))
    lab.stop_router(vm_id(LONE), ticket=ticket)
    lab.stop_router(vm_id(LONE), ticket=ticket)
    assert (row(LONE).state, disk(LONE).name in on()) == ("Stopped", False)

    new = started(lab, vm_id(LONE), ticket)
    assert not answers(point)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)

    assert answers(point)
    assert lab.verify_replacement(vm_id(LONE), ticket=ticket).software_version == new.version


def test_no_step_is_done_before_the_one_that_it_needs(lab):
    ticket = uuid4()
    with pytest.raises(StepFailed, match="no restart of this router"):
        lab.switch_traffic(vm_id(LONE), ticket=ticket)
    started(lab, vm_id(LONE), ticket)
    with pytest.raises(StepFailed, match="was not switched"):
        lab.verify_replacement(vm_id(LONE), ticket=ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    with pytest.raises(StepFailed, match="was not verified"):
        lab.destroy_old(vm_id(LONE), ticket=ticket)
    with pytest.raises(StepFailed, match="no verified router"):
        lab.add_backup(vm_id(LONE), ticket=ticket)


# ---- pairs ----


def test_the_sides_of_a_pair_hand_over_without_a_gap(lab):
    of = scope(ROUTER)
    points = lab.probe_points(vm_id(ROUTER))
    lost: list[bool] = []
    done = threading.Event()
    begun = threading.Event()

    def look() -> None:
        while not done.is_set():
            lost.extend([True] * (not answers(points[0])))
            begun.set()

    prober = threading.Thread(target=look, daemon=True)
    prober.start()
    begun.wait(10)
    first = restart(lab, vm_id(BACKUP), uuid4(), negotiated=True)
    assert routers_of(of) == {ROUTER: ("Running", "PRIMARY"), first.name: ("Running", "BACKUP")}
    assert serving(ROUTER) == ROUTER
    second = restart(lab, vm_id(ROUTER), uuid4(), negotiated=True)
    done.set()
    prober.join(10)

    assert routers_of(of) == {first.name: ("Running", "PRIMARY"), second.name: ("Running", "BACKUP")}
    assert serving(first.name) == first.name
    assert row(first.name).host_id != row(second.name).host_id
    assert row(first.name).rules == row(second.name).rules
    assert not lost


def test_a_hand_over_is_taken_back_with_its_roles(lab):
    ticket = uuid4()
    new = started(lab, vm_id(ROUTER), ticket)
    lab.probe_system_vm(vm_id(BACKUP))
    lab.switch_traffic(vm_id(ROUTER), ticket=ticket, negotiated=True)
    assert routers_of(scope(ROUTER)) == {
        ROUTER: ("Stopped", ""),
        BACKUP: ("Running", "PRIMARY"),
        new.name: ("Running", "BACKUP"),
    }
    assert serving(ROUTER) == BACKUP

    back(lab, vm_id(ROUTER), ticket)

    assert routers_of(scope(ROUTER)) == {ROUTER: ("Running", "PRIMARY"), BACKUP: ("Running", "BACKUP")}
    assert serving(ROUTER) == ROUTER


def test_a_pair_that_does_not_fit_is_replaced_side_by_side_each_in_its_role(lab):
    primary, backup = OLD_PAIR
    of = scope(primary)

    first = restart(lab, vm_id(backup), uuid4())
    assert serving(primary) == primary
    second = restart(lab, vm_id(primary), uuid4())

    assert routers_of(of) == {first.name: ("Running", "BACKUP"), second.name: ("Running", "PRIMARY")}
    assert serving(first.name) == second.name


def test_a_backup_is_replaced_though_its_primary_was_broken_before(lab):
    lab.probe_system_vm(vm_id(ROUTER))
    breaking.dead(disk(ROUTER), "haproxy")

    first = restart(lab, vm_id(BACKUP), uuid4(), negotiated=True)
    restart(lab, vm_id(ROUTER), uuid4(), negotiated=True)

    assert serving(first.name) == first.name


def test_a_backup_that_does_not_answer_is_handed_nothing(lab):
    lab.probe_system_vm(vm_id(BACKUP))
    breaking.dead(disk(BACKUP), "haproxy")
    ticket = uuid4()
    new = started(lab, vm_id(ROUTER), ticket)

    lab.switch_traffic(vm_id(ROUTER), ticket=ticket, negotiated=True)

    assert serving(ROUTER) == new.name
    assert routers_of(scope(ROUTER))[BACKUP] == ("Running", "BACKUP")


# ---- becoming a pair ----


def test_a_network_becomes_redundant(lab):
    ticket, of = uuid4(), scope(LONE)
    new = started(lab, vm_id(LONE), ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    lab.verify_replacement(vm_id(LONE), ticket=ticket)

    second = once_booted(lambda: lab.add_backup(vm_id(LONE), ticket=ticket))
    assert lab.add_backup(vm_id(LONE), ticket=ticket) == second
    lab.destroy_old(vm_id(LONE), ticket=ticket)

    assert routers_of(of) == {new.name: ("Running", "PRIMARY"), second.name: ("Running", "BACKUP")}
    assert Network.objects.get(id=of).is_redundant
    assert (serving(new.name), says(second.name)) == (new.name, f"haproxy {NEW}")
    assert row(new.name).host_id != row(second.name).host_id
    assert not [network for network in lab.snapshot().networks if not network.new_router_version]


def test_a_second_router_that_does_not_come_up_leaves_the_network_as_it_was(lab):
    ticket, of = uuid4(), scope(LONE)
    new = started(lab, vm_id(LONE), ticket)
    lab.switch_traffic(vm_id(LONE), ticket=ticket)
    lab.verify_replacement(vm_id(LONE), ticket=ticket)
    set_lab(system_vm_boot_s=30)
    with pytest.raises(Later, match="boots"):
        lab.add_backup(vm_id(LONE), ticket=ticket)
    (second,) = set(routers_of(of)) - {LONE, new.name}
    breaking.fail_start(disk(second), "dnsmasq", with_any=True)
    SystemVm.objects.filter(name=second).update(boots_at="2020-01-01T00:00Z")

    for _ in range(2):
        with pytest.raises(StepFailed, match="dnsmasq does not start"):
            lab.add_backup(vm_id(LONE), ticket=ticket)

    assert is_gone(second)
    assert routers_of(of)[new.name] == ("Running", "")
    assert not Network.objects.get(id=of).is_redundant


# ---- without replacing ----


def test_rules_are_applied_again_and_nothing_is_stopped(lab):
    lab.probe_system_vm(vm_id(LONE))
    ran = power.running(disk(LONE))
    disk(LONE).rules.write_text("")
    power.order(disk(LONE), "load-rules")

    probe = lab.reapply_network_rules(vm_id(LONE))

    assert probe.rules_answering == probe.rules == 6
    assert power.running(disk(LONE)).keys() == ran.keys()
    power.kill(disk(LONE), "haproxy")
    with pytest.raises(StepFailed, match="2 of 6 rules and public IPs"):
        lab.reapply_network_rules(vm_id(LONE))


# ---- simulated ones ----


def test_a_simulated_router_is_replaced_in_its_row(lab):
    lab_command("grow", "--system-vms", "2")
    set_lab(virtual_patch_step_s=0)
    name, ticket = "r-1000-VM", uuid4()
    old, of = vm_id(name), scope(name)
    new = started(lab, old, ticket)
    lab.switch_traffic(old, ticket=ticket)
    assert lab.verify_replacement(old, ticket=ticket).rules_answering == 2
    second = once_booted(lambda: lab.add_backup(old, ticket=ticket))
    lab.destroy_old(old, ticket=ticket)
    assert routers_of(of) == {new.name: ("Running", "PRIMARY"), second.name: ("Running", "BACKUP")}
    lab_command("grow", "--system-vms", "2")

    set_lab(virtual_failure_rate=1.0)
    with pytest.raises(StepFailed, match="does not come up"):
        started(lab, vm_id("r-1001-VM"), ticket)
    assert lab.switch_back(vm_id("r-1001-VM"), ticket=ticket).rules_answering == 2
    assert set(routers_of(scope("r-1001-VM"))) == {"r-1001-VM"}
