"""Room of a place: whether its hosts can leave service, which cannot, and what stays for others."""

import pytest

from dashboard.screens.places.room import room_left
from maintenance.actions import StartRequest
from maintenance.actions.planning import plan_of, scope_of
from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.plan import Verdict
from maintenance.domain.states import RunState, TargetState
from maintenance.models import Host, Instance
from tests.dashboard.console.places import go_out, section, urls
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import an_id


def room(page: str) -> str:
    return section(page, "place-room")


def test_room_is_told_for_the_fullest_hosts(viewer, inventory):
    Instance.objects.update(memory_mb=20_000)

    shown = room(viewer.get(urls(inventory)["cluster"]).text)

    assert "Room for 2 hosts out." in shown
    assert "31 % of the memory in service is in use" in shown


def test_a_full_cluster_names_the_instance_that_finds_no_place(viewer, inventory):
    Instance.objects.update(memory_mb=40_000)

    shown = room(viewer.get(urls(inventory)["cluster"]).text)

    assert "No room for kvm1, the fullest host, to leave." in shown
    assert "i-kvm1 of kvm1 finds no place" in shown
    assert "40000 MB needed" in shown
    assert "Nor is there room for any other host to leave." in shown


def test_when_only_the_fullest_host_cannot_leave_those_that_can_are_named_as_the_plan_has_them(
    viewer, inventory
):
    sizes = {"kvm1": 65_000, "kvm2": 1_000, "kvm3": 5_000}
    for name, memory_mb in sizes.items():
        Instance.objects.filter(name=f"i-{name}").update(memory_mb=memory_mb)

    shown = room(viewer.get(urls(inventory)["cluster"]).text)
    request = StartRequest(scope_kind="clusters", scope_ids=(inventory.clusters["c1"].id,))
    plan = plan_of(request, scope_of(request))

    assert "No room for kvm1, the fullest host, to leave." in shown
    assert "Other hosts have room to leave, one of them at a time: kvm2 and kvm3." in shown
    assert [host.name for host in plan.of(Verdict.HELD)] == ["kvm1"]
    assert [host.name for host in plan.of(Verdict.READY)] == ["kvm2", "kvm3"]


def test_of_the_only_host_in_service_it_is_said_that_it_is_the_only_one(viewer, inventory):
    Host.objects.filter(id__in=inventory.ids("kvm2", "kvm3")).update(resource_state="Maintenance")

    shown = room(viewer.get(urls(inventory)["cluster"]).text)

    assert "No room for kvm1 to leave: it is the only host in service." in shown
    assert "i-kvm1 of kvm1 finds no place" in shown


def test_beside_many_others_emptier_hosts_are_left_to_the_plan():
    hosts = [GateHost(an_id(), f"kvm{at}", "Up", "Enabled", 10, 99, None, frozenset()) for at in range(22)]
    instances = [GateInstance(Guest(an_id(), f"i{host.name}", 10, 1), "Running", host.id) for host in hosts]

    assert room_left(hosts, instances, set()).others is None
    assert room_left(hosts[:21], instances[:21], set()).others == ()


def test_a_host_that_is_out_already_takes_its_share_of_the_room(viewer, inventory):
    Instance.objects.update(memory_mb=20_000)
    Instance.objects.filter(name="i-kvm1").update(host=inventory.hosts["kvm2"])
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    go_out(put_host(run, "kvm1", TargetState.WORKING))

    assert "Room for 1 more host out." in room(viewer.get(urls(inventory)["cluster"]).text)


def test_a_zone_tells_the_room_of_its_tightest_cluster_first(viewer, inventory):
    Instance.objects.filter(host__cluster=inventory.clusters["c2"]).update(memory_mb=40_000)

    shown = room(viewer.get(urls(inventory)["zone"]).text)

    assert shown.index("c2") < shown.index("c1")
    assert "No room for kvm4, the fullest host, to leave." in shown


def test_a_cluster_of_which_no_host_serves_has_no_room(viewer, inventory):
    Host.objects.filter(cluster=inventory.clusters["c1"]).update(state="Down")

    assert "No host is in service." in room(viewer.get(urls(inventory)["cluster"]).text)


@pytest.mark.parametrize(
    ("loads", "capacity", "hosts_out"),
    [
        ((0, 0, 0), 10, 3),  # nothing to move: all of them
        ((4, 4, 4), 12, 2),
        ((4, 4, 4), 8, 1),
        ((8, 8, 8), 10, 0),
        ((9, 1, 1), 10, 1),
        ((9, 9, 1), 10, 1),
        ((1,) * 9, 100, 5),  # more than OUT_MAX is not looked for
    ],
)
def test_so_many_hosts_can_leave_at_once(loads, capacity, hosts_out):
    hosts = [
        GateHost(an_id(), f"kvm{at}", "Up", "Enabled", capacity, 99, None, frozenset())
        for at in range(len(loads))
    ]
    instances = [
        GateInstance(Guest(an_id(), f"i{host.name}-{n}", 1, 1), "Running", host.id)
        for host, load in zip(hosts, loads, strict=True)
        for n in range(load)
    ]

    assert room_left(hosts, instances, set()).hosts == hosts_out
