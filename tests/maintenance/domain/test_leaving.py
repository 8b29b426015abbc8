"""A cluster ahead of time says what the gate would say, turn after turn."""

from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from maintenance.domain.capacity import Guest, Room
from maintenance.domain.gate import GateHost, GateInstance, packing_without
from maintenance.domain.leaving import ClusterAhead


def a_cluster(random: Random, hosts: int):
    """Rather full, with tags, affinity groups, limits of instances and too few cores here and there."""
    members = [
        GateHost(
            UUID(int=n), f"kvm{n}", "Up", "Enabled", random.choice([32, 64]) * 1024, random.choice([16, 32]),
            random.choice([None, 12]), frozenset(random.sample(["ssd", "gpu"], random.randint(0, 2))),
        )
        for n in range(1, hosts + 1)
    ]  # fmt: skip
    instances = []
    for n in range(hosts * random.randint(2, 7)):
        on = random.choice(members)
        guest = Guest(
            UUID(int=1000 + n), f"i-{n}", random.choice([1, 2, 4, 12]) * 1024, random.randint(1, 4),
            frozenset(random.sample(sorted(on.tags), min(len(on.tags), random.choice([0, 0, 0, 1])))),
            frozenset(random.choice([[], [], [], ["a"], ["b"]])),
        )  # fmt: skip
        instances.append(GateInstance(guest, "Running", on.id))
    return members, instances


@pytest.mark.parametrize("seed", range(60))
def test_a_host_can_leave_exactly_when_the_gate_would_find_room(seed):
    members, instances = a_cluster(Random(seed), hosts=6)
    ahead = ClusterAhead(members, instances, limit=1, out=frozenset())

    for host in members:
        packing = packing_without({host.id}, members, instances)
        turn = ahead.turn(host.id)

        assert (not turn.stuck) == packing.fits, host.name
        if packing.fits:
            staying_mb = sum(h.memory_mb for h in members) - host.memory_mb
            assert turn.spare_ratio == pytest.approx(
                max(0, sum(r.memory_mb for r in packing.rooms)) / staying_mb
            )
            places = {guest.id: to for guest, to in packing.places}
            names = [next(m.name for m in members if m.id == to) for to in places.values()]
            assert dict(turn.goes_to) == {name: names.count(name) for name in names}
            instances = [replace(i, host_id=places.get(i.guest.id, i.host_id)) for i in instances]


def test_many_full_hosts_are_told_without_searching_for_ever():
    """Three guests of 5 on each of forty hosts of 17: room by the sums, and none in truth."""
    members = [
        GateHost(UUID(int=n), f"kvm{n}", "Up", "Enabled", 17, 99, None, frozenset()) for n in range(1, 41)
    ]
    instances = [
        GateInstance(Guest(UUID(int=1000 + 3 * h + g), f"i-{h}-{g}", 5, 1), "Running", UUID(int=h))
        for h in range(1, 41)
        for g in range(3)
    ]
    ahead = ClusterAhead(members, instances, limit=1, out=frozenset())

    turns = [ahead.turn(host.id) for host in members]

    assert all(turn.stuck for turn in turns)
    assert turns[-1].stuck[0].why == "no host of the cluster has room for it"


def test_a_cluster_of_three_thousand_hosts_is_planned_without_comparing_each_with_each():
    hosts = 3000
    members = [
        GateHost(UUID(int=n), f"kvm{n}", "Up", "Enabled", 65536, 64, None, frozenset())
        for n in range(1, hosts + 1)
    ]
    instances = [
        GateInstance(Guest(UUID(int=10_000 + n), f"i-{n}", 1024, 1), "Running", UUID(int=n % hosts + 1))
        for n in range(hosts * 10)
    ]
    ahead = ClusterAhead(members, instances, limit=2, out=frozenset())
    looked_at = 0
    plain = Room.refusal

    def counted(room, guest):
        nonlocal looked_at
        looked_at += 1
        return plain(room, guest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maintenance.domain.capacity.Room.refusal", counted)
        for host in members:
            assert not ahead.turn(host.id).stuck

    assert looked_at < 20 * hosts * 10
