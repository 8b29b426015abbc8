"""A host's system-VM payload: what a VM runs that is started there, or boots anew with its host."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Host, SystemVm
from maintenance.backends.lab.system_vms import power
from maintenance.backends.system_vms import Probe, StepFailed, VmUnreachable
from maintenance.patching.layout import CONF, current_release
from tests.maintenance.backends.lab_hosts import set_lab
from tests.maintenance.backends.routers_lab import killed_at, restart
from tests.maintenance.backends.system_vms_lab import CPVM, ROUTER, disk, vm_id
from tests.maintenance.backends.test_lab_commands import lab_command
from tests.maintenance.backends.test_lab_patching import patch
from tests.maintenance.patching.archives import everything_below
from tests.maintenance.patching.payloads import payload
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

HOSTS, PATCHED, NEWER = "4.21.0.0", "4.21.0.7", "4.22.0.0"


def host_of(name: str) -> str:
    return Host.objects.get(systemvm__name=name).name


def probe(lab: LabCloud, name: str) -> Probe:
    return lab.probe_system_vm(vm_id(name))


def live_patch(lab: LabCloud, name: str, tmp_path: Path, *, until: str = "discard_backup"):
    ticket = uuid4()
    patch(lab, name, payload(tmp_path, PATCHED, base_image=""), ticket, until=until)
    return ticket


def stopped_and_started(name: str) -> None:
    lab_command("sysvm", name, "stop")
    lab_command("sysvm", name, "start")


@pytest.mark.parametrize("name", [ROUTER, CPVM])
def test_a_vm_that_was_patched_falls_back_to_its_hosts_payload_and_says_so(lab, tmp_path, name):
    before = probe(lab, name)
    keys = everything_below(disk(name).root / CONF)
    live_patch(lab, name, tmp_path)
    assert probe(lab, name).software_version == PATCHED

    stopped_and_started(name)

    found = probe(lab, name)
    assert {service.version for service in found.services if service.version} == {HOSTS}
    assert (found.scripts_checksum, found.rules_answering) == (before.scripts_checksum, found.rules)
    assert everything_below(disk(name).root / CONF) == keys


def test_a_vm_loads_what_its_host_was_given_and_can_be_patched_on(lab, tmp_path):
    probe(lab, ROUTER)
    assert f"run {NEWER}" in lab_command("host", host_of(ROUTER), "--payload", NEWER)
    assert f"payload of its system VMs {NEWER}" in lab_command("show", host_of(ROUTER))
    assert probe(lab, ROUTER).software_version == HOSTS, "only when it is started"

    stopped_and_started(ROUTER)
    assert probe(lab, ROUTER).software_version == NEWER

    patch(lab, ROUTER, payload(tmp_path, "4.22.0.1", base_image=""), uuid4(), until="discard_backup")
    assert probe(lab, ROUTER).software_version == "4.22.0.1"


def test_a_vm_that_boots_anew_with_its_host_loads_its_payload(lab, tmp_path):
    live_patch(lab, ROUTER, tmp_path)
    Host.objects.exclude(name=host_of(ROUTER)).update(resource_state="Disabled")

    lab_command("host", host_of(ROUTER), "--reboot", "--back-after", "0.1")

    wait_until(lambda: _version(lab) == HOSTS)


def test_a_vm_that_was_never_off_keeps_its_version_wherever_it_is_moved(lab, tmp_path):
    live_patch(lab, ROUTER, tmp_path)

    lab_command("host", host_of(ROUTER), "--resource-state", "Maintenance")

    assert probe(lab, ROUTER).software_version == PATCHED


def test_of_the_same_version_nothing_is_laid_out_anew(lab):
    probe(lab, ROUTER)
    root = disk(ROUTER).root
    there, files = current_release(root), everything_below(root / "usr")

    stopped_and_started(ROUTER)

    assert (current_release(root), everything_below(root / "usr")) == (there, files)


def test_killed_at_any_change_the_vm_has_all_of_one_version_and_at_last_its_hosts(lab):
    probe(lab, ROUTER)
    keys = everything_below(disk(ROUTER).root / CONF)
    checksums = {HOSTS: probe(lab, ROUTER).scripts_checksum}
    number, is_over = 1, False
    while not is_over:
        version = HOSTS if number % 2 == 0 else NEWER
        lab_command("host", host_of(ROUTER), "--payload", version)
        lab_command("sysvm", ROUTER, "stop")
        with killed_at(number) as changes:
            lab_command("sysvm", ROUTER, "start")
        is_over = changes.count < number

        lab_command("sysvm", ROUTER, "start")

        found = probe(lab, ROUTER)
        assert {service.version for service in found.services} == {version}, number
        assert found.scripts_checksum == checksums.setdefault(version, found.scripts_checksum)
        number += 1
    assert number > 6
    assert checksums[HOSTS] != checksums[NEWER]
    assert everything_below(disk(ROUTER).root / CONF) == keys


def test_a_patch_that_is_cut_off_by_a_stop_is_found_and_can_be_rolled_back(lab, tmp_path):
    ticket = live_patch(lab, ROUTER, tmp_path, until="restart_services")

    stopped_and_started(ROUTER)

    with pytest.raises(StepFailed, match="the installed release is"):
        lab.verify_patch(vm_id(ROUTER), ticket=ticket)
    assert lab.roll_back(vm_id(ROUTER), ticket=ticket).software_version == HOSTS


def test_a_new_router_has_its_hosts_payload(lab):
    for host in Host.objects.filter(hypervisor="KVM"):
        lab_command("host", host.name, "--payload", NEWER)
    set_lab(system_vm_boot_s=0)

    new = restart(lab, vm_id("r-27-VM"), uuid4())

    assert new.version == probe(lab, new.name).software_version == NEWER


def test_a_started_vm_takes_its_time_to_boot(lab):
    lab_command("config", "set", "sysvm.boot.seconds", "30")
    lab_command("sysvm", ROUTER, "stop")
    SystemVm.objects.filter(name=ROUTER).update(state="Starting", boots_at="2120-01-01T00:00Z")

    with pytest.raises(VmUnreachable, match="r-5-VM boots, for"):
        probe(lab, ROUTER)
    assert "Starting" in lab_command("sysvm", ROUTER, "show")
    SystemVm.objects.filter(name=ROUTER).update(boots_at="2020-01-01T00:00Z")

    assert probe(lab, ROUTER).rules_answering == 5
    assert lab_command("config", "get", "sysvm.boot.seconds").strip() == "30"


def test_a_simulated_one_has_it_in_its_row(lab):
    lab_command("grow", "--system-vms", "1")
    set_lab(virtual_patch_step_s=0)
    checksum = probe(lab, "r-1000-VM").scripts_checksum
    lab_command("host", host_of("r-1000-VM"), "--payload", NEWER)

    stopped_and_started("r-1000-VM")

    found = probe(lab, "r-1000-VM")
    assert found.software_version == NEWER
    assert found.scripts_checksum != checksum
    assert not power.is_on(disk("r-1000-VM"))


def test_what_is_no_payload_is_refused(lab):
    with pytest.raises(CommandError, match="'new' is no version"):
        lab_command("host", host_of(ROUTER), "--payload", "new")
    with pytest.raises(CommandError, match="has no folder"):
        lab_command("host", Host.objects.exclude(hypervisor="KVM").first().name, "--payload", NEWER)


def _version(lab: LabCloud) -> str:
    try:
        return probe(lab, ROUTER).software_version
    except VmUnreachable:
        return ""
