"""Services that misbehave, VMs that cannot be reached, and `manage.py lab sysvm`."""

import pytest
from django.core.management import CommandError

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Host, SystemVm
from maintenance.backends.lab.system_vms import breaking, power, services
from maintenance.backends.lab.system_vms.asking import KERNEL, ask
from maintenance.backends.lab.system_vms.install import write_rules
from maintenance.backends.lab.system_vms.rules import apply_rules
from maintenance.backends.system_vms import Probe, VmUnreachable
from tests.maintenance.backends.system_vms_lab import ROUTER, SSVM, disk, machines_of, vm_id
from tests.maintenance.backends.test_lab_commands import lab_command
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def probe(lab: LabCloud, name: str = ROUTER) -> Probe:
    return lab.probe_system_vm(vm_id(name))


def active(found: Probe) -> list[str]:
    return [service.name for service in found.services if service.is_active]


def host_of(name: str) -> Host:
    return Host.objects.get(systemvm__name=name)


# ---- services ----


def test_a_service_that_is_to_fail_does_not_start(lab):
    probe(lab)
    breaking.fail_start(disk(ROUTER), "haproxy", with_any=True)
    services.stop(disk(ROUTER), "haproxy")

    with pytest.raises(services.ServiceFailed, match="haproxy does not start: exit status 1"):
        services.start(disk(ROUTER), "haproxy")

    assert active(probe(lab)) == ["apache2", "dnsmasq"]


def test_a_service_dies_so_long_after_its_start(lab):
    probe(lab)
    breaking.die_after(disk(ROUTER), "dnsmasq", 0.1)
    assert services.is_running(disk(ROUTER), "dnsmasq"), "only from its next start on"
    services.stop(disk(ROUTER), "dnsmasq")

    services.start(disk(ROUTER), "dnsmasq")

    wait_until(lambda: not services.is_running(disk(ROUTER), "dnsmasq"))
    assert services.probe(disk(ROUTER), "dnsmasq") is None


def test_a_dead_service_is_dead_after_a_boot_too_and_starts_by_hand(lab):
    probe(lab)
    breaking.dead(disk(ROUTER), "apache2")
    power.turn_off(disk(ROUTER))
    assert active(probe(lab)) == ["haproxy", "dnsmasq"]

    services.start(disk(ROUTER), "apache2")

    assert active(probe(lab)) == ["haproxy", "apache2", "dnsmasq"]


def test_a_liar_says_its_old_version_whatever_is_installed(lab):
    probe(lab)
    breaking.lie(disk(ROUTER), "haproxy")
    disk(ROUTER).scripts_version.write_text("4.21.0.1\n")
    for service in services.enabled(disk(ROUTER)):
        services.stop(disk(ROUTER), service)
        services.start(disk(ROUTER), service)

    assert {s.name: s.version for s in probe(lab).services} == {
        "haproxy": "4.21.0.0",
        "apache2": "4.21.0.1",
        "dnsmasq": "4.21.0.1",
    }


def test_a_mended_service_starts_again(lab):
    probe(lab)
    breaking.fail_start(disk(ROUTER), "haproxy", with_any=True)
    breaking.mend(disk(ROUTER), "haproxy")
    services.stop(disk(ROUTER), "haproxy")

    services.start(disk(ROUTER), "haproxy")

    assert services.is_running(disk(ROUTER), "haproxy")


def test_a_service_without_its_version_file_does_not_start(lab):
    probe(lab, SSVM)
    disk(SSVM).agent_version.unlink()
    services.stop(disk(SSVM), "cloud")

    with pytest.raises(services.ServiceFailed):
        services.start(disk(SSVM), "cloud")


def test_what_is_no_service_of_the_vm_is_not_started(lab):
    probe(lab)

    with pytest.raises(services.ServiceFailed, match="not enabled"):
        services.start(disk(ROUTER), "cloud")


def test_a_vm_that_is_off_takes_no_orders(lab):
    probe(lab)
    power.turn_off(disk(ROUTER))

    assert services.is_running(disk(ROUTER), "haproxy") is False
    with pytest.raises(VmUnreachable, match="r-5-VM is off"):
        services.start(disk(ROUTER), "haproxy")


# ---- rules ----


def test_a_dead_load_balancer_takes_its_rules_along_and_no_others(lab):
    assert (found := probe(lab)).rules == found.rules_answering == 5
    power.kill(disk(ROUTER), "haproxy")

    assert probe(lab).rules_answering == 3
    assert ask(disk(ROUTER), KERNEL, "/forward/203.0.113.5:22") == "10.1.1.10:22"


def test_rules_that_are_lost_are_served_again_once_applied(lab):
    probe(lab)
    rules = tuple(SystemVm.objects.get(name=ROUTER).rules)
    write_rules(disk(ROUTER), ())
    power.turn_off(disk(ROUTER))
    assert probe(lab).rules_answering == 0

    apply_rules(disk(ROUTER), rules)

    assert probe(lab).rules_answering == len(rules)


# ---- hosts ----


@pytest.mark.parametrize("state", ["Down", "Disconnected", "Alert"])
def test_a_vm_whose_host_is_away_cannot_be_reached(lab, state):
    Host.objects.filter(id=host_of(ROUTER).id).update(state=state)

    with pytest.raises(VmUnreachable, match=f"its host .* is {state}"):
        probe(lab)


def test_a_vm_goes_down_with_its_host_and_comes_back_with_it(lab):
    probe(lab)
    services.stop(disk(ROUTER), "haproxy")
    before = machines_of(disk(ROUTER))
    lab_command("host", host_of(ROUTER).name, "--resource-state", "Maintenance")
    Host.objects.exclude(id=host_of(ROUTER).id).update(resource_state="Disabled")

    lab_command("host", host_of(ROUTER).name, "--reboot", "--back-after", "0.1")

    wait_until(lambda: _answers(lab))
    assert active(probe(lab)) == ["haproxy", "apache2", "dnsmasq"]
    assert not before & machines_of(disk(ROUTER))


def test_a_vm_lives_on_elsewhere_when_its_host_is_taken_out(lab):
    probe(lab)
    before, was_on = machines_of(disk(ROUTER)), host_of(ROUTER)

    lab_command("host", was_on.name, "--resource-state", "Maintenance")
    listed = {vm.name: vm.host_id for vm in lab.snapshot().system_vms}

    assert listed[ROUTER] not in {was_on.id, None}
    assert host_of(ROUTER).cluster_id == was_on.cluster_id
    assert active(probe(lab)) == ["haproxy", "apache2", "dnsmasq"]
    assert machines_of(disk(ROUTER)) == before, "moved, not restarted"


def _answers(lab: LabCloud) -> bool:
    try:
        probe(lab)
    except VmUnreachable:
        return False
    return True


# ---- the command line ----


def test_sysvm_show_says_what_the_vm_runs(lab):
    shown = lab_command("sysvm", ROUTER, "show")

    assert "runs 4.21.0.0" in shown
    assert f"process {power.running(disk(ROUTER))['haproxy']}" in shown
    assert "5 of 5 rules and public IPs answer" in shown


def test_sysvm_breaks_kills_starts_and_stops(lab):
    assert "is dead" in lab_command("sysvm", ROUTER, "break", "dnsmasq", "--dead")
    probe(lab, SSVM)
    assert "is killed" in lab_command("sysvm", SSVM, "kill", "portmap")
    assert "did not run" in lab_command("sysvm", SSVM, "kill", "portmap")
    assert active(probe(lab)) == ["haproxy", "apache2"]
    lab_command("sysvm", ROUTER, "start", "dnsmasq")
    assert active(probe(lab)) == ["haproxy", "apache2", "dnsmasq"]
    lab_command("sysvm", ROUTER, "break", "haproxy", "--lie", "9.9.9.9")
    assert services.probe(disk(ROUTER), "haproxy") == "9.9.9.9"
    lab_command("sysvm", ROUTER, "stop", "haproxy")
    assert active(probe(lab)) == ["apache2", "dnsmasq"]
    assert "to lie 9.9.9.9" in lab_command("sysvm", ROUTER, "show")


def test_a_vm_that_is_stopped_runs_nothing_until_it_is_started(lab):
    probe(lab)

    lab_command("sysvm", ROUTER, "stop")
    assert not machines_of(disk(ROUTER))
    assert "cannot be probed: r-5-VM is Stopped" in lab_command("sysvm", ROUTER, "show")
    lab_command("sysvm", ROUTER, "start")

    assert active(probe(lab)) == ["haproxy", "apache2", "dnsmasq"]


def test_a_vm_that_ran_nowhere_is_started_in_its_zone(lab):
    lab_command("sysvm", "r-15-VM", "start")

    assert active(probe(lab, "r-15-VM")) == ["haproxy", "apache2", "dnsmasq"]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("r-77-VM", "show"), "no system VM of the lab is called 'r-77-VM'"),
        ((ROUTER, "break", "cloud", "--dead"), "r-5-VM has no service 'cloud'; it has haproxy"),
        ((ROUTER, "break", "haproxy", "--lie", "new"), "'new' is no version"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(lab, words, refusal):
    with pytest.raises(CommandError, match=refusal):
        lab_command("sysvm", *words)


def test_show_names_every_system_vm(lab):
    shown = lab_command("show")

    assert all(name in shown for name in SystemVm.objects.values_list("name", flat=True))
