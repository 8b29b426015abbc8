"""A lab of thousands of virtual hosts: made by the database, their scripts simulated, their drains as real as any."""

from collections import Counter
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from maintenance.backends.lab import steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.grow import grow
from maintenance.backends.lab.models import Host
from maintenance.backends.lab.outside import lab_door
from maintenance.backends.lab.record import effects, harms
from maintenance.backends.lab.world import lab_world
from maintenance.domain.hook_stages import HookStage
from tests.maintenance.backends.lab_hosts import (
    let_agent_come_back,
    set_lab,
    soon,
    until_agent_is,
    until_resource_state,
    until_stage_is,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def add_fleet(hosts: int = 6, *, is_virtual: bool = True, clusters: int = 2) -> UUID:
    """One of the new hosts."""
    with lab_door() as door:
        grow(door, hosts=hosts, is_virtual=is_virtual, clusters=clusters)
    host: UUID = (
        Host.objects.filter(name__startswith="fleet").order_by("-name").values_list("id", flat=True)[0]
    )
    return host


def start(lab: LabCloud, host: UUID, stage: HookStage = HookStage.PREFLIGHT) -> UUID:
    ticket = uuid4()
    assert lab.start_stage(host, stage, ticket=ticket, payload=None, timeout_s=10)
    return ticket


def test_a_fleet_grows_evenly_and_again(lab: LabCloud):
    add_fleet(6)
    add_fleet(4)

    listing = lab.snapshot()
    clusters = {c.id: c.name for c in listing.clusters if c.name.startswith("fleet")}
    fleet = [host for host in listing.hosts if host.cluster_id in clusters]
    assert Counter(clusters[host.cluster_id] for host in fleet) == {
        "fleet-c0001": 3,
        "fleet-c0002": 3,
        "fleet-c0003": 2,
        "fleet-c0004": 2,
    }
    assert len(listing.instances) == 45 + 10 * 5
    assert all(host.management_server_id for host in fleet)


def test_a_simulated_script_takes_its_time_and_ends(lab: LabCloud):
    set_lab(virtual_script_s=3)
    host = add_fleet()

    assert lab.look_at_hooks(host).scripts[HookStage.MAINTENANCE].present
    ticket = start(lab, host)

    assert lab.look_at_stage(host, ticket).state == "running"
    assert lab.wait_for_stage(host, ticket, timeout_s=30)
    look = until_stage_is(lab, host, ticket, "finished")
    assert (look.end, look.exit_status) == ("exited", 0)
    assert b"PreFlight: simulated" in lab.read_output(host, ticket, 0).data
    assert start_again(lab, host, ticket)
    assert effects(host, "script_PreFlight") == 1


def start_again(lab: LabCloud, host: UUID, ticket: UUID) -> bool:
    return lab.start_stage(host, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)


def test_simulated_maintenance_fails_as_often_as_set(lab: LabCloud):
    set_lab(virtual_script_s=0, virtual_failure_rate=1)
    host = add_fleet()
    Host.objects.filter(id=host).update(resource_state="Maintenance")

    failing = start(lab, host, HookStage.MAINTENANCE)
    passing = start(lab, host, HookStage.POST_MAINTENANCE)

    assert until_stage_is(lab, host, failing, "finished").exit_status == 1
    assert until_stage_is(lab, host, passing, "finished").exit_status == 0


def test_a_simulated_script_can_be_stopped_before_and_after_it_begins(lab: LabCloud):
    set_lab(virtual_script_s=60)
    host = add_fleet()
    running, unborn = start(lab, host), uuid4()

    lab.stop_stage(host, running)
    lab.stop_stage(host, unborn)
    start_again(lab, host, unborn)

    assert until_stage_is(lab, host, running, "finished").end == "stopped"
    assert until_stage_is(lab, host, unborn, "finished").end == "stopped"


def test_a_reboot_loses_a_simulated_script(lab: LabCloud):
    set_lab(virtual_script_s=60)
    host = add_fleet()
    Host.objects.filter(id=host).update(resource_state="Maintenance")
    ticket = start(lab, host)

    with lab_world() as world:
        steering.reboot_host(world, host, 600)
    until_agent_is(lab, host, "Disconnected")
    let_agent_come_back(lab, host)

    assert lab.look_at_stage(host, ticket).state == "lost"


def test_a_virtual_host_drains_like_any_other(lab: LabCloud):
    host = add_fleet()

    lab.prepare_for_maintenance(host, expires_at=soon())

    until_resource_state(lab, host, "Maintenance")
    assert lab.look_at_drain(host).moved == 5
    assert harms() == []


def test_a_virtual_host_has_no_folder_to_put_a_script_into(lab: LabCloud):
    host = add_fleet()

    with pytest.raises(CommandError, match="has no folder"):
        call_command("lab", "fail", Host.objects.get(id=host).name, "PreFlight")


def test_hosts_with_real_folders_run_real_scripts(lab: LabCloud):
    host = add_fleet(2, is_virtual=False, clusters=1)
    ticket = start(lab, host)

    assert until_stage_is(lab, host, ticket, "finished").exit_status == 0
    assert b"room on the disk" in lab.read_output(host, ticket, 0).data


def test_thousands_of_real_folders_are_refused(lab: LabCloud):
    with pytest.raises(CommandError, match="--virtual"):
        call_command("lab", "grow", "--hosts", "10000")


@pytest.mark.slow
def test_ten_thousand_hosts_are_listed_within_seconds(lab: LabCloud):
    call_command("lab", "grow", "--hosts", "10000", "--virtual")

    listing = lab.snapshot()

    assert len(listing.hosts) == 10_010
    assert len(listing.instances) == 50_045
    took = (lab.snapshot().as_of - listing.as_of).total_seconds()
    assert took < 10, f"a listing took {took:.1f} s"
