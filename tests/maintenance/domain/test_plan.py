"""What the plan says before anything moves."""

from datetime import UTC, datetime
from uuid import UUID

from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.plan import (
    Candidate,
    Choices,
    ClusterNow,
    Holder,
    Surroundings,
    Verdict,
    make_plan,
)

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
CLUSTER = UUID(int=1)
ALL_SCRIPTS = dict.fromkeys(HookStage, True)


def host(number, memory_mb=10_000, state="Up", resource_state="Enabled"):
    return GateHost(
        UUID(int=100 + number), f"kvm{number}", state, resource_state, memory_mb, 64, None, frozenset()
    )


def instance(number, on, memory_mb=1000, state="Running"):
    return GateInstance(Guest(UUID(int=500 + number), f"i-{number}", memory_mb, 1), state, on.id)


def candidate(one, cluster=CLUSTER, cluster_name="p1-c1", scripts=ALL_SCRIPTS, **values):
    return Candidate(one, "zone1", cluster, cluster_name, "KVM", True, scripts, **values)


def plan(hosts, instances, choices=None, around=None, others_limit=None, **values):
    candidates = [candidate(h, **values) for h in hosts]
    now = ClusterNow(hosts, instances, others_limit=others_limit)
    return make_plan(candidates, {CLUSTER: now}, choices or Choices(), NOON, around)


def test_hosts_come_in_the_natural_order_of_their_names():
    hosts = [host(10), host(2), host(1)]

    assert [h.name for h in plan(hosts, []).hosts] == ["kvm1", "kvm2", "kvm10"]


def test_the_operators_order_is_kept():
    hosts = [host(1), host(2), host(3)]

    planned = plan(hosts, [], Choices(order=(hosts[2].id, hosts[0].id)))

    assert [h.name for h in planned.hosts] == ["kvm3", "kvm1", "kvm2"]


def test_clusters_come_in_the_operators_order_and_stay_together():
    other = UUID(int=2)
    first, second = [host(1), host(2)], [host(3), host(4)]
    candidates = [candidate(h) for h in first] + [candidate(h, other, "p1-c2") for h in second]
    clusters = {CLUSTER: ClusterNow(first, []), other: ClusterNow(second, [])}

    def names(choices):
        return [h.name for h in make_plan(candidates, clusters, choices, NOON).hosts]

    assert names(Choices(cluster_order=(other,))) == ["kvm3", "kvm4", "kvm1", "kvm2"]
    assert names(Choices(cluster_order=(other, CLUSTER), order=(first[1].id,))) == [
        "kvm3", "kvm4", "kvm2", "kvm1",
    ]  # fmt: skip
    assert names(Choices(order=(second[1].id,))) == ["kvm4", "kvm3", "kvm1", "kvm2"]


def test_the_length_is_preflights_then_clusters_side_by_side():
    hosts = [host(n) for n in range(1, 10)]
    around = Surroundings(preflight_s=(30.0, 60.0))

    one_by_one = plan(hosts, [], usual_s=(60.0, 120.0), around=around)
    three_out = plan(hosts, [], Choices(max_unavailable=3), usual_s=(60.0, 120.0), around=around)

    assert (one_by_one.minutes_low, one_by_one.minutes_high) == (1 + 9, 2 + 18)
    assert (three_out.minutes_low, three_out.minutes_high) == (1 + 3, 2 + 6)


def test_the_length_is_not_known_until_every_host_has_a_usual_range():
    assert plan([host(1)], []).minutes_low is None


def test_each_hosts_instances_are_counted_with_every_earlier_move():
    one, two = host(1), host(2)

    first, second = plan([one, two], [instance(1, one), instance(2, one)]).hosts

    assert (first.instances, first.goes_to) == (2, (("kvm2", 2),))
    assert (second.instances, second.goes_to) == (2, (("kvm1", 2),))


def test_a_host_whose_instances_have_no_room_would_be_held_and_is_named():
    one, two = host(1), host(2, memory_mb=500)

    first = plan([one, two], [instance(1, one)]).hosts[0]

    assert first.verdict is Verdict.HELD
    assert first.why == "i-1 cannot move: kvm2: host has 500 MB left, 1000 MB needed"


def test_every_instance_that_cannot_move_is_named_with_its_reason():
    one, two = host(1), host(2, memory_mb=500)

    first = plan([one, two], [instance(1, one), instance(2, one)]).hosts[0]

    assert [stuck.name for stuck in first.stuck] == ["i-1", "i-2"]
    assert first.why.startswith("i-1 cannot move and 1 more")


def test_a_host_with_an_instance_on_its_way_somewhere_would_be_held():
    one, two = host(1), host(2)

    first = plan([one, two], [instance(1, one, state="Migrating"), instance(2, one)]).hosts[0]

    assert (first.verdict, first.why) == (Verdict.HELD, "i-1 cannot move: it is Migrating")


def test_a_host_that_is_out_already_uses_up_the_limit_and_is_named():
    hosts = [host(1), host(2), host(3, resource_state="Maintenance")]

    held = plan(hosts, [], Choices(skip_unready=True)).hosts[0]
    ready = plan(hosts, [], Choices(skip_unready=True, max_unavailable=2)).hosts[0]

    assert held.verdict is Verdict.HELD
    assert held.why == "kvm3 is out of service already, and that is the limit"
    assert ready.verdict is Verdict.READY


def test_the_smaller_limit_of_another_run_in_the_cluster_holds():
    hosts = [host(1), host(2), host(3, resource_state="Maintenance")]
    choices = Choices(skip_unready=True, max_unavailable=2)

    assert plan(hosts, [], choices, others_limit=1).hosts[0].verdict is Verdict.HELD


def test_with_two_out_at_once_the_host_before_is_planned_as_not_back_yet():
    hosts = [host(1), host(2), host(3)]
    instances = [instance(n, h, memory_mb=3000) for n, h in enumerate(hosts)]

    one_at_a_time = plan(hosts, instances)
    two_at_once = plan(hosts, instances, Choices(max_unavailable=2))

    assert round(one_at_a_time.tightest.spare_ratio, 2) == 0.55
    assert round(two_at_once.tightest.spare_ratio, 2) == 0.1
    assert two_at_once.hosts[1].goes_to == (("kvm3", 2),)


def test_the_tightest_moment_is_the_one_with_the_least_memory_left():
    hosts = [host(1), host(2, memory_mb=20_000), host(3)]

    tightest = plan(hosts, [instance(1, hosts[0], memory_mb=5000)]).tightest

    assert tightest.name == "kvm2"
    assert round(tightest.spare_ratio, 2) == 0.75


def test_a_host_of_another_run_blocks_and_names_who_has_it_since_when():
    holder = Holder(UUID(int=7), 12, "ada", NOON, "zone1")

    blocked = plan([host(1)], [], holder=holder).hosts[0]

    assert (blocked.verdict, blocked.holder) == (Verdict.BLOCKED, holder)
    assert blocked.why == "run 12 has it (started by ada, zone1)"


def test_a_host_without_a_maintenance_script_stays_in_service():
    scripts = ALL_SCRIPTS | {HookStage.MAINTENANCE: False}

    assert plan([host(1)], [], scripts=scripts).hosts[0].verdict is Verdict.STAYS


def test_the_hash_names_what_is_done_and_not_how_full_the_hosts_are():
    hosts = [host(1), host(2)]

    assert plan(hosts, []).hash == plan(hosts, [instance(1, hosts[0])]).hash
    assert plan(hosts, []).hash != plan(hosts, [], Choices(leave_out=frozenset({hosts[0].id}))).hash
    assert plan(hosts, []).hash != plan(hosts, [], Choices(order=(hosts[1].id,))).hash


def test_the_hash_tells_a_host_that_would_wait_from_one_that_is_ready():
    one, roomy, full = host(1), host(2), host(2, memory_mb=500)
    instances = [instance(1, one)]

    ready, waits = plan([one, roomy], instances), plan([one, full], instances)

    assert (ready.hosts[0].verdict, waits.hosts[0].verdict) == (Verdict.READY, Verdict.HELD)
    assert ready.hash != waits.hash


def test_the_hash_stays_when_only_where_instances_go_sizes_and_times_are_others():
    one, two, three = host(1), host(2), host(3)
    instances = [instance(1, one)]

    to_kvm2 = plan([one, two, three], instances)
    to_kvm3 = plan([one, two, three], [*instances, instance(2, two, memory_mb=4000)], usual_s=(60.0, 120.0))

    assert to_kvm2.hosts[0].goes_to != to_kvm3.hosts[0].goes_to
    assert to_kvm2.hash == to_kvm3.hash
