"""Whether instances fit: counted together, by every rule, never a yes without a placement."""

import itertools
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from maintenance.domain.capacity import Guest, Room, pack


def guest(number, memory_mb=1024, cores=1, tags=(), groups=()):
    return Guest(UUID(int=number), f"vm-{number}", memory_mb, cores, frozenset(tags), frozenset(groups))


def room(number, memory_mb=4096, cores=8, guests_max=None, tags=(), groups=()):
    host = UUID(int=100 + number)
    return Room(host, f"kvm{number}", memory_mb, cores, guests_max, frozenset(tags), frozenset(groups))


def test_instances_that_fit_one_by_one_but_not_together_do_not_fit():
    packing = pack([guest(1, 3000), guest(2, 3000)], [room(1, 4096)])

    assert not packing.fits
    assert [(g.name, why) for g, why in packing.homeless] == [
        ("vm-2", "kvm1: host has 1096 MB left, 3000 MB needed")
    ]


def test_a_tagged_instance_needs_a_host_with_its_tag():
    assert not pack([guest(1, tags=["gpu"])], [room(1)]).fits
    assert pack([guest(1, tags=["gpu"])], [room(1), room(2, tags=["gpu"])]).fits


def test_members_of_an_affinity_group_never_share_a_host():
    two = [guest(1, groups=["db"]), guest(2, groups=["db"])]

    assert not pack(two, [room(1)]).fits
    assert pack(two, [room(1), room(2)]).fits
    assert not pack(two, [room(1), room(2, groups=["db"])]).fits


def test_a_hosts_limit_of_guests_counts():
    assert not pack([guest(1), guest(2)], [room(1, guests_max=1)]).fits


def test_a_packing_that_the_greedy_way_misses_is_found():
    # Spreading puts 6 and 5 apart, and then 5 + 4 no longer fit beside them.
    guests = [guest(n, size) for n, size in enumerate([6, 5, 5, 4, 4, 4])]

    assert pack(guests, [room(1, 14), room(2, 14)]).fits


def test_without_another_host_the_reason_says_so():
    assert pack([guest(1)], []).homeless[0][1] == "no other host of the cluster is in service"


sizes = st.integers(1, 9)
some_groups = st.sets(st.sampled_from(["a", "b"]), max_size=1)
some_guests = st.lists(st.tuples(sizes, st.integers(1, 4), some_groups), max_size=6)
some_rooms = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 10), st.none() | st.integers(0, 4)), max_size=3
)


def made(guests, rooms):
    return (
        [guest(n, memory, cores, groups=groups) for n, (memory, cores, groups) in enumerate(guests)],
        [room(n, memory, cores, most) for n, (memory, cores, most) in enumerate(rooms)],
    )


def fits_by_brute_force(guests, rooms):
    for choice in itertools.product(range(len(rooms)), repeat=len(guests)):
        left = list(rooms)
        for one, place in zip(guests, choice, strict=True):
            if left[place].refusal(one):
                break
            left[place] = left[place].with_guest(one)
        else:
            return True
    return False


@settings(max_examples=150, deadline=None)
@given(some_guests, some_rooms)
def test_the_answer_is_that_of_trying_everything(guests, rooms):
    guests, rooms = made(guests, rooms)

    assert pack(guests, rooms).fits == fits_by_brute_force(guests, rooms)


@settings(max_examples=150, deadline=None)
@given(some_guests, some_rooms, st.tuples(st.integers(0, 20), st.integers(0, 10), st.none()))
def test_one_host_more_never_turns_a_yes_into_a_no(guests, rooms, another):
    guests, rooms = made(guests, rooms)
    memory, cores, most = another

    if pack(guests, rooms).fits:
        assert pack(guests, [*rooms, room(99, memory, cores, most)]).fits


@settings(max_examples=100, deadline=None)
@given(some_guests, some_rooms)
def test_a_yes_comes_with_a_placement_that_holds(guests, rooms):
    guests, rooms = made(guests, rooms)
    packing = pack(guests, rooms)

    left = {r.host_id: r for r in rooms}
    for one, host_id in packing.places:
        assert not left[host_id].refusal(one)
        left[host_id] = left[host_id].with_guest(one)
    assert len(packing.places) + len(packing.homeless) == len(guests)
