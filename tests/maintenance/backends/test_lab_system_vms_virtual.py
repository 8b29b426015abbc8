"""Simulated routers by the thousand, and how a patch goes through one."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import CommandError

from maintenance.backends.base import Never, NoReply
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Host, SystemVm
from maintenance.backends.lab.system_vms.folder import all_folders
from maintenance.backends.system_vms import (
    NotRestored,
    PayloadFiles,
    PayloadRefused,
    StepFailed,
    VmUnreachable,
)
from maintenance.domain.system_vms import SystemVmType
from tests.maintenance.backends.lab_hosts import set_lab
from tests.maintenance.backends.test_lab_commands import lab_command

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NEW, OLD = "4.21.0.1", "4.21.0.0"
MD5 = "0" * 32
TICKET = uuid4()


@pytest.fixture
def grown(lab: LabCloud) -> LabCloud:
    lab_command("grow", "--system-vms", "12")
    set_lab(virtual_patch_step_s=0)
    return lab


def router() -> SystemVm:
    return SystemVm.objects.get(name="r-1000-VM")


def payload(types: frozenset[str] = frozenset({SystemVmType.ROUTER})) -> PayloadFiles:
    nowhere = Path("agent.zip")
    return PayloadFiles(NEW, types, "debian-12", nowhere, "", nowhere, "", MD5)


def copied(cloud: LabCloud):
    cloud.copy_payload(router().id, payload(), ticket=TICKET)
    return router().id


def test_growing_twice_gives_other_routers_each_with_its_network(grown):
    lab_command("grow", "--system-vms", "3")

    routers = [vm for vm in grown.snapshot().system_vms if vm.account.startswith("account-")]
    assert len({vm.name for vm in routers}) == len({vm.network_id for vm in routers}) == 15
    assert not list(all_folders())


def test_thousands_are_grown_and_listed(lab):
    lab_command("grow", "--system-vms", "5000")

    assert len(lab.snapshot().system_vms) > 5000


def test_a_grown_zone_has_its_two_system_vms(lab):
    lab_command("grow", "--hosts", "4", "--virtual")
    everything = lab.snapshot()

    (fleet,) = (zone.id for zone in everything.zones if zone.name == "fleet")
    found = {(vm.id, vm.name, vm.type) for vm in everything.system_vms if vm.zone_id == fleet}
    assert found == {
        (a.id, a.name, a.kind) for a in everything.agents if a.zone_id == fleet and a.kind != "host"
    }
    assert {lab.probe_system_vm(vm_id).software_version for vm_id, _, _ in found} == {OLD}


def test_growing_nothing_is_refused(lab):
    with pytest.raises(CommandError, match="--system-vms N"):
        lab_command("grow")


def test_a_simulated_router_is_probed(grown):
    found = grown.probe_system_vm(router().id)

    assert (found.software_version, found.rules, found.rules_answering) == (OLD, 2, 2)
    assert [service.name for service in found.services if service.is_active] == [
        "haproxy",
        "apache2",
        "dnsmasq",
    ]


def test_a_simulated_router_cannot_be_reached_without_its_host(grown):
    Host.objects.filter(id=router().host_id).update(state="Down")

    with pytest.raises(VmUnreachable):
        grown.probe_system_vm(router().id)
    with pytest.raises(VmUnreachable):
        grown.back_up(router().id, ticket=TICKET)


def test_a_patch_changes_version_and_signature_only_when_each_step_says_so(grown):
    vm = copied(grown)
    before = grown.probe_system_vm(vm).scripts_checksum

    assert grown.back_up(vm, ticket=TICKET).was_active == ("haproxy", "apache2", "dnsmasq")
    grown.apply_payload(vm, ticket=TICKET)
    assert grown.probe_system_vm(vm).software_version == OLD
    assert {s.version for s in grown.restart_services(vm, ticket=TICKET)} == {NEW}
    assert grown.probe_system_vm(vm).scripts_checksum == before
    found = grown.verify_patch(vm, ticket=TICKET)

    assert (found.software_version, found.scripts_checksum) == (NEW, MD5)
    assert grown.reapply_rules(vm, ticket=TICKET).rules_answering == 2
    grown.discard_backup(vm, ticket=TICKET)


def test_a_patch_that_is_rolled_back_leaves_what_was_there(grown):
    vm = copied(grown)
    before = grown.probe_system_vm(vm)
    grown.apply_payload(vm, ticket=TICKET)
    grown.restart_services(vm, ticket=TICKET)

    found = grown.roll_back(vm, ticket=TICKET)

    assert (found.software_version, found.scripts_checksum) == (OLD, before.scripts_checksum)
    with pytest.raises(StepFailed):
        grown.verify_patch(vm, ticket=TICKET)


def test_a_payload_for_other_types_is_refused(grown):
    with pytest.raises(PayloadRefused, match="not for a domainrouter"):
        grown.copy_payload(router().id, payload(frozenset({SystemVmType.CONSOLE_PROXY})), ticket=TICKET)


def test_a_ticket_that_never_arrived_does_nothing(grown):
    with pytest.raises(StepFailed, match="no payload"):
        grown.apply_payload(router().id, ticket=TICKET)
    with pytest.raises(NotRestored):
        grown.roll_back(router().id, ticket=TICKET)


def test_restarts_fail_at_the_rate_that_was_set(grown):
    set_lab(virtual_failure_rate=1.0)
    vm = copied(grown)

    with pytest.raises(StepFailed, match="haproxy does not start"):
        grown.restart_services(vm, ticket=TICKET)


def test_it_has_no_services_to_break(grown):
    with pytest.raises(CommandError, match="r-1000-VM is simulated"):
        lab_command("sysvm", "r-1000-VM", "break", "haproxy", "--dead")
    assert "runs 4.21.0.0" in lab_command("sysvm", "r-1000-VM", "show")


def test_a_stopped_one_is_patched_as_little(grown):
    lab_command("sysvm", "r-1000-VM", "stop")

    with pytest.raises(Never, match="is Stopped"):
        grown.copy_payload(router().id, payload(), ticket=TICKET)


@pytest.mark.parametrize("call", ["probe_system_vm", "back_up"])
def test_faults_reach_calls_about_system_vms(grown, call):
    copied(grown)
    lab_command("fault", call, "--lose-reply", "--times", "1")

    with pytest.raises(NoReply, match=call):
        getattr(grown, call)(router().id, **({"ticket": TICKET} if call == "back_up" else {}))
