"""The demo's system VMs: listed, booted by whoever looks first, probed, broken, and gone with their installation."""

import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from maintenance.backends.base import Never
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent, SystemVm
from maintenance.backends.lab.seed import reset_lab, seed_lab
from maintenance.backends.lab.system_vms import power, services
from maintenance.backends.lab.system_vms.folder import all_folders
from maintenance.backends.system_vms import Probe, SystemVmRead, VmUnreachable
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.hooks.detached.children import all_processes
from tests.maintenance.backends.system_vms_lab import (
    CPVM,
    INTERNAL_LB,
    ROUTER,
    SSVM,
    disk,
    machines_of,
    vm_id,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def listed(lab: LabCloud) -> dict[str, SystemVmRead]:
    return {vm.name: vm for vm in lab.snapshot().system_vms}


def probe(lab: LabCloud, name: str) -> Probe:
    return lab.probe_system_vm(vm_id(name))


def versions(found: Probe) -> dict[str, str]:
    return {service.name: service.version for service in found.services if service.is_active}


def test_each_zone_has_the_two_system_vms_that_have_agents(lab):
    agents = set(Agent.objects.exclude(kind="host").values_list("id", "name", "kind", "zone_id"))

    assert {(v.id, v.name, v.type, v.zone_id) for v in listed(lab).values() if v.name[0] in "sv"} == agents


def test_routers_belong_to_the_account_of_their_network(lab):
    everything = lab.snapshot()
    owners = {n.id: (n.account, n.domain) for n in (*everything.networks, *everything.vpcs)}

    for vm in everything.system_vms:
        if vm.name[0] in "rb":
            assert (vm.account, vm.domain) == owners[vm.vpc_id or vm.network_id]
    assert {n.account for n in everything.networks} > {"tenant", "shop", "clinic"}


def test_a_redundant_network_has_two_sides_on_two_hosts(lab):
    everything = lab.snapshot()

    for network in (n for n in everything.networks if n.is_redundant):
        pair = [vm for vm in everything.system_vms if vm.network_id == network.id]
        assert sorted(vm.redundant_state for vm in pair) == ["BACKUP", "PRIMARY"]
        assert len({vm.host_id for vm in pair}) == 2


def test_one_vpc_has_tiers_and_one_has_none(lab):
    everything = lab.snapshot()
    tiers = [network.vpc_id for network in everything.networks if network.vpc_id]

    assert {vpc.name: tiers.count(vpc.id) for vpc in everything.vpcs} == {
        "warehouse-vpc": 2,
        "clinic-empty": 0,
    }


def test_listing_starts_nothing(lab):
    lab.snapshot()

    assert not list(all_folders()), "a disk is made at the first boot"


@pytest.mark.parametrize("name", [SSVM, CPVM, ROUTER, INTERNAL_LB])
def test_a_probe_boots_the_vm_and_reads_each_service(lab, name):
    found = probe(lab, name)

    services_of_type = SERVICES[SystemVmType(listed(lab)[name].type)]
    assert versions(found) == dict.fromkeys(services_of_type, "4.21.0.0")
    assert found.software_version == "4.21.0.0"
    assert (
        found.scripts_checksum
        == (disk(name).root / "var/cache/cloud/cloud-scripts-signature").read_text().strip()
    )
    assert found.rules == found.rules_answering


def test_every_service_is_a_process_of_its_own(lab):
    probe(lab, ROUTER)

    pids = power.running(disk(ROUTER))
    assert list(pids) == ["haproxy", "apache2", "dnsmasq"]
    assert len(set(pids.values())) == 3
    assert set(pids.values()) < machines_of(disk(ROUTER))


def test_a_service_says_what_was_installed_when_it_started(lab):
    probe(lab, ROUTER)
    disk(ROUTER).scripts_version.write_text("4.21.0.1\n")
    assert services.probe(disk(ROUTER), "haproxy") == "4.21.0.0"

    services.stop(disk(ROUTER), "haproxy")
    services.start(disk(ROUTER), "haproxy")

    assert services.probe(disk(ROUTER), "haproxy") == "4.21.0.1"
    assert probe(lab, ROUTER).software_version == "4.21.0.0", "the oldest that still runs"


def test_a_killed_service_stays_dead_until_it_is_started(lab):
    probe(lab, ROUTER)
    power.kill(disk(ROUTER), "dnsmasq")

    for _ in range(2):
        dnsmasq = probe(lab, ROUTER).services[2]
        assert (dnsmasq.name, dnsmasq.is_enabled, dnsmasq.is_active, dnsmasq.version) == (
            "dnsmasq",
            True,
            False,
            "",
        )
    services.start(disk(ROUTER), "dnsmasq")

    assert versions(probe(lab, ROUTER))["dnsmasq"] == "4.21.0.0"


def test_a_service_keeps_its_port(lab):
    probe(lab, ROUTER)
    port = (disk(ROUTER).run / "haproxy.port").read_text()

    power.turn_off(disk(ROUTER))
    probe(lab, ROUTER)

    assert (disk(ROUTER).run / "haproxy.port").read_text() == port


def test_a_stopped_vm_cannot_be_probed(lab):
    with pytest.raises(Never, match="r-15-VM is Stopped"):
        probe(lab, "r-15-VM")


def test_a_vm_that_nobody_has_is_none(lab):
    with pytest.raises(Never, match="there is no system VM"):
        lab.probe_system_vm(uuid4())


def test_reset_ends_the_machines_and_boots_them_anew(lab):
    probe(lab, ROUTER)
    services.stop(disk(ROUTER), "haproxy")
    before = machines_of(disk(ROUTER))

    reset_lab()

    assert power.is_on(disk(CPVM)), "some ran: now all do"
    assert list(power.running(disk(ROUTER))) == ["haproxy", "apache2", "dnsmasq"]
    assert not before & machines_of(disk(ROUTER))


def test_reset_boots_none_where_none_ran(lab):
    reset_lab()

    assert not any(power.is_on(vm) for vm in all_folders())


def test_a_disk_that_was_removed_takes_its_machine_with_it(lab):
    probe(lab, ROUTER)
    ran = machines_of(disk(ROUTER))
    assert len(ran) == 4

    shutil.rmtree(disk(ROUTER).root)

    wait_until(lambda: not ran & {process.pid for process in all_processes() if not process.is_ended})


def test_a_killed_machine_takes_its_services_with_it_and_is_booted_by_the_next_look(lab):
    probe(lab, ROUTER)
    before = machines_of(disk(ROUTER))
    (init,) = before - set(power.running(disk(ROUTER)).values())

    os.kill(init, signal.SIGKILL)

    wait_until(lambda: not machines_of(disk(ROUTER)))
    assert len(versions(probe(lab, ROUTER))) == 3


def test_many_who_look_at_once_boot_one_machine(lab):
    probe(lab, ROUTER)
    power.turn_off(disk(ROUTER))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: power.boot(disk(ROUTER)), range(8)))

    wait_until(lambda: len(machines_of(disk(ROUTER))) == 4)
    assert set(power.running(disk(ROUTER)).values()) < machines_of(disk(ROUTER))


def test_a_disk_half_removed_takes_its_machine_with_it(lab):
    probe(lab, ROUTER)

    shutil.rmtree(disk(ROUTER).root / "var")

    wait_until(lambda: not machines_of(disk(ROUTER)))


def test_an_installation_that_is_gone_is_not_made_again(lab, var_folder):
    shutil.rmtree(var_folder)

    with pytest.raises(VmUnreachable, match="the disk of r-5-VM cannot be made"):
        probe(lab, ROUTER)

    assert not var_folder.exists()
    var_folder.mkdir()


def test_seeding_again_changes_no_disk(lab):
    probe(lab, ROUTER)
    disk(ROUTER).scripts_version.write_text("4.21.0.9\n")
    SystemVm.objects.filter(name=SSVM).update(state="Stopped")

    seed_lab()

    assert disk(ROUTER).scripts_version.read_text() == "4.21.0.9\n"
    assert SystemVm.objects.get(name=SSVM).state == "Stopped"
