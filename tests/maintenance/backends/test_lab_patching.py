"""A live patch in the lab's VMs: real folders, real processes, real rules, through the lab's edge."""

import fcntl
import os
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import connections

from maintenance.backends.base import Later, NoReply
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Fault, SystemVm
from maintenance.backends.lab.system_vms import breaking, power, services
from maintenance.backends.system_vms import NotRestored, PayloadFiles, PayloadRefused, StepFailed
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.patching import journal
from maintenance.patching.backing_up import backup_in
from maintenance.patching.layout import CONF, RELEASES, current_release, installed
from tests.maintenance.backends.system_vms_lab import CPVM, INTERNAL_LB, ROUTER, SSVM, disk, vm_id
from tests.maintenance.patching.archives import everything_below, tar_link, tgz_of
from tests.maintenance.patching.payloads import payload
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NEW = "4.99.0.0"
STEPS = ("copy_payload", "back_up", "apply_payload", "restart_services", "verify_patch", "discard_backup")


@pytest.fixture
def new(tmp_path: Path) -> PayloadFiles:
    return payload(tmp_path / "files", NEW, base_image="")


def patch(
    lab: LabCloud, name: str, files: PayloadFiles, ticket: UUID, *, until: str = "verify_patch"
) -> None:
    """The steps as an engine asks for them, up to this one."""
    for step in STEPS[: STEPS.index(until) + 1]:
        given = (vm_id(name), files) if step == "copy_payload" else (vm_id(name),)
        getattr(lab, step)(*given, ticket=ticket)


def versions(lab: LabCloud, name: str) -> dict[str, str]:
    return {service.name: service.version for service in lab.probe_system_vm(vm_id(name)).services}


@pytest.mark.parametrize("name", [SSVM, CPVM, ROUTER, INTERNAL_LB])
def test_every_type_runs_the_new_version_with_its_own_keys(lab, new, name):
    kind = SystemVmType(SystemVm.objects.get(name=name).type)
    lab.probe_system_vm(vm_id(name))
    own = everything_below(disk(name).root / CONF)
    ticket = uuid4()

    patch(lab, name, new, ticket)
    probe = lab.reapply_rules(vm_id(name), ticket=ticket)
    lab.discard_backup(vm_id(name), ticket=ticket)

    assert (probe.software_version, probe.scripts_checksum) == (NEW, new.scripts_md5)
    assert versions(lab, name) == dict.fromkeys(SERVICES[kind], NEW)
    assert probe.rules_answering == probe.rules
    assert (probe.rules > 0) is (name in {ROUTER, INTERNAL_LB})
    assert everything_below(disk(name).root / CONF) == own


def test_services_restart_in_their_order_each_in_a_new_process(lab, new):
    lab.probe_system_vm(vm_id(SSVM))
    before = power.running(disk(SSVM))

    patch(lab, SSVM, new, uuid4())

    after = power.running(disk(SSVM))
    assert list(after) == list(SERVICES[SystemVmType.SECONDARY_STORAGE])
    assert not set(after.values()) & set(before.values())


def test_a_service_that_does_not_start_is_named_and_the_old_version_comes_back(lab, new):
    old = versions(lab, SSVM)
    breaking.fail_start(disk(SSVM), "apache2", with_any=True)
    ticket = uuid4()

    with pytest.raises(StepFailed, match="apache2 does not start: exit status 1"):
        patch(lab, SSVM, new, ticket)
    breaking.mend(disk(SSVM), "apache2")
    probe = lab.roll_back(vm_id(SSVM), ticket=ticket)

    assert {service.name: service.version for service in probe.services} == old
    assert versions(lab, SSVM) == old


def test_a_service_that_dies_after_its_restart_is_found_and_rolled_back(lab, new):
    old = versions(lab, ROUTER)
    breaking.die_after(disk(ROUTER), "dnsmasq", 0.1)
    ticket = uuid4()
    patch(lab, ROUTER, new, ticket, until="restart_services")
    wait_until(lambda: not services.is_running(disk(ROUTER), "dnsmasq"))

    with pytest.raises(StepFailed, match="dnsmasq does not run"):
        lab.verify_patch(vm_id(ROUTER), ticket=ticket)
    breaking.mend(disk(ROUTER), "dnsmasq")
    probe = lab.roll_back(vm_id(ROUTER), ticket=ticket)

    assert versions(lab, ROUTER) == old
    assert probe.rules_answering == probe.rules > 0


def test_rules_of_a_load_balancer_that_was_dead_before_are_not_missed(lab, new):
    lab.probe_system_vm(vm_id(ROUTER))
    breaking.dead(disk(ROUTER), "haproxy")
    ticket = uuid4()
    patch(lab, ROUTER, new, ticket)

    probe = lab.reapply_rules(vm_id(ROUTER), ticket=ticket)

    assert (probe.rules, probe.rules_answering) == (5, 3)


def test_a_service_that_was_dead_before_is_left_dead_and_not_blamed(lab, new):
    lab.probe_system_vm(vm_id(ROUTER))
    breaking.dead(disk(ROUTER), "apache2")
    ticket = uuid4()
    patch(lab, ROUTER, new, ticket, until="copy_payload")

    assert lab.back_up(vm_id(ROUTER), ticket=ticket).was_dead == ("apache2",)
    patch(lab, ROUTER, new, ticket)

    assert versions(lab, ROUTER) == {"haproxy": NEW, "apache2": "", "dnsmasq": NEW}


def test_a_vm_that_answers_with_the_old_version_is_found(lab, new):
    old = versions(lab, CPVM)["cloud"]
    breaking.lie(disk(CPVM), "cloud")

    with pytest.raises(StepFailed, match=f"cloud answers {old}, not {NEW}"):
        patch(lab, CPVM, new, uuid4())


def test_a_vm_that_says_new_and_has_the_old_installed_is_found(lab, new):
    lab.probe_system_vm(vm_id(CPVM))
    breaking.lie(disk(CPVM), "cloud", NEW)
    ticket = uuid4()
    patch(lab, CPVM, new, ticket, until="restart_services")
    root = disk(CPVM).root
    (root / RELEASES / current_release(root) / "agent/VERSION").write_text("4.18.0.0\n")

    with pytest.raises(StepFailed, match="not those of the payload"):
        lab.verify_patch(vm_id(CPVM), ticket=ticket)


def test_a_rollback_that_fails_says_where_the_backup_is_and_can_be_tried_again(lab, new):
    old = versions(lab, ROUTER)
    ticket = uuid4()
    patch(lab, ROUTER, new, ticket, until="restart_services")
    breaking.fail_start(disk(ROUTER), "haproxy", with_any=True)

    with pytest.raises(NotRestored) as caught:
        lab.roll_back(vm_id(ROUTER), ticket=ticket)
    assert f"/var/cache/cloud/patch/{ticket}/backup" in str(caught.value)
    assert "systemctl restart haproxy apache2 dnsmasq" in str(caught.value)

    breaking.mend(disk(ROUTER), "haproxy")
    lab.roll_back(vm_id(ROUTER), ticket=ticket)
    assert versions(lab, ROUTER) == old


def test_a_backup_and_a_release_that_are_both_damaged_are_no_way_back(lab, new):
    ticket = uuid4()
    patch(lab, ROUTER, new, ticket, until="restart_services")
    root = disk(ROUTER).root
    for tree in (backup_in(journal.folder_of(root, ticket)), root / RELEASES):
        for file in tree.rglob("common.sh"):
            file.write_text("damaged")

    with pytest.raises(NotRestored, match="damaged"):
        lab.roll_back(vm_id(ROUTER), ticket=ticket)
    assert set(versions(lab, ROUTER).values()) == {NEW}


def test_every_step_may_be_asked_for_twice(lab, new):
    lab.probe_system_vm(vm_id(SSVM))
    ticket = uuid4()
    for step in STEPS:
        patch(lab, SSVM, new, ticket, until=step)
        running = power.running(disk(SSVM))
        patch(lab, SSVM, new, ticket, until=step)
        assert power.running(disk(SSVM)) == running


@pytest.mark.parametrize("kind", ["lose-request", "lose-reply", "garble", "double", "error"])
def test_a_step_whose_reply_is_lost_is_asked_for_again(lab, new, kind):
    lab.probe_system_vm(vm_id(CPVM))
    for step in STEPS:
        Fault.objects.create(call=step, kind=kind, times_left=1)
    ticket = uuid4()

    for step in STEPS:
        given = (vm_id(CPVM), new) if step == "copy_payload" else (vm_id(CPVM),)
        try:
            getattr(lab, step)(*given, ticket=ticket)
        except (NoReply, Later):
            getattr(lab, step)(*given, ticket=ticket)

    assert versions(lab, CPVM) == {"cloud": NEW}
    assert not Fault.objects.filter(times_left__gt=0).exists()


def test_the_same_version_is_refused_unless_forced(lab, new):
    patch(lab, CPVM, new, uuid4(), until="discard_backup")
    before = power.running(disk(CPVM))

    with pytest.raises(PayloadRefused, match="installed already"):
        lab.copy_payload(vm_id(CPVM), new, ticket=uuid4())
    assert power.running(disk(CPVM)) == before

    ticket = uuid4()
    lab.copy_payload(vm_id(CPVM), new, ticket=ticket, forced=True)
    patch(lab, CPVM, new, ticket)
    assert power.running(disk(CPVM)) != before


def test_two_engines_with_one_ticket_restart_nothing_twice(lab, new):
    lab.probe_system_vm(vm_id(SSVM))
    ticket = uuid4()
    patch(lab, SSVM, new, ticket, until="apply_payload")
    seen: list[str] = []

    def engine() -> None:
        try:
            lab.restart_services(vm_id(SSVM), ticket=ticket)
            seen.append("restarted")
        except Later:
            seen.append("somebody else is at it")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=engine) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 4
    assert "restarted" in seen
    began = power.running(disk(SSVM))
    lab.restart_services(vm_id(SSVM), ticket=ticket)
    assert power.running(disk(SSVM)) == began
    lab.verify_patch(vm_id(SSVM), ticket=ticket)


def test_a_vm_that_is_being_patched_asks_the_next_to_come_later(lab, new):
    lab.probe_system_vm(vm_id(CPVM))
    held = os.open(disk(CPVM).run / "patching", os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(Later, match="another step"):
            lab.copy_payload(vm_id(CPVM), new, ticket=uuid4())
    finally:
        os.close(held)
    lab.copy_payload(vm_id(CPVM), new, ticket=uuid4())


def test_a_hostile_payload_changes_not_one_byte_of_the_vm(lab, tmp_path):
    lab.probe_system_vm(vm_id(ROUTER))
    before = everything_below(disk(ROUTER).root / "usr"), installed(disk(ROUTER).root)
    hostile = payload(tmp_path, NEW, base_image="", scripts=tgz_of("a", tar_link("l", b"2", "/etc")))

    with pytest.raises(PayloadRefused, match="'l': it is neither a file nor a folder"):
        lab.copy_payload(vm_id(ROUTER), hostile, ticket=uuid4())
    assert (everything_below(disk(ROUTER).root / "usr"), installed(disk(ROUTER).root)) == before
