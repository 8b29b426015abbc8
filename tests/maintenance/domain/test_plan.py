"""What the plan says before anything moves."""

from datetime import UTC, datetime
from uuid import UUID

from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.plan import Candidate, Choices, Verdict, make_plan

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
CLUSTER = UUID(int=1)
ALL_SCRIPTS = dict.fromkeys(HookStage, True)


def host(number, memory_mb=10_000, state="Up"):
    return GateHost(
        UUID(int=100 + number), f"kvm{number}", state, "Enabled", memory_mb, 64, None, frozenset()
    )


def instance(number, on, memory_mb=1000):
    return GateInstance(Guest(UUID(int=500 + number), f"i-{number}", memory_mb, 1), "Running", on.id)


def plan(hosts, instances, choices=None, **values):
    candidates = [
        Candidate(h, "zone1", CLUSTER, "p1-c1", "KVM", True, values.get("scripts", ALL_SCRIPTS))
        for h in hosts
    ]
    return make_plan(candidates, {CLUSTER: (hosts, instances)}, choices or Choices(), NOON)


def test_hosts_come_in_the_natural_order_of_their_names():
    hosts = [host(10), host(2), host(1)]

    assert [h.name for h in plan(hosts, []).hosts] == ["kvm1", "kvm2", "kvm10"]


def test_the_operators_order_is_kept():
    hosts = [host(1), host(2), host(3)]

    planned = plan(hosts, [], Choices(order=(hosts[2].id, hosts[0].id)))

    assert [h.name for h in planned.hosts] == ["kvm3", "kvm1", "kvm2"]


def test_each_hosts_instances_are_counted_with_every_earlier_move():
    one, two = host(1), host(2)

    first, second = plan([one, two], [instance(1, one), instance(2, one)]).hosts

    assert (first.instances, first.goes_to) == (2, (("kvm2", 2),))
    assert (second.instances, second.goes_to) == (2, (("kvm1", 2),))


def test_a_host_whose_instances_have_no_room_would_be_held_and_is_named():
    one, two = host(1), host(2, memory_mb=500)

    first = plan([one, two], [instance(1, one)]).hosts[0]

    assert first.verdict is Verdict.HELD
    assert first.why == "no room for i-1 (kvm2: host has 500 MB left, 1000 MB needed)"


def test_a_host_without_a_maintenance_script_stays_in_service():
    scripts = ALL_SCRIPTS | {HookStage.MAINTENANCE: False}

    assert plan([host(1)], [], scripts=scripts).hosts[0].verdict is Verdict.STAYS


def test_the_hash_names_what_is_done_and_not_how_full_the_hosts_are():
    hosts = [host(1), host(2)]

    assert plan(hosts, []).hash == plan(hosts, [instance(1, hosts[0])]).hash
    assert plan(hosts, []).hash != plan(hosts, [], Choices(leave_out=frozenset({hosts[0].id}))).hash
    assert plan(hosts, []).hash != plan(hosts, [], Choices(order=(hosts[1].id,))).hash
