"""Instances come, go, start, stop and move by a person's hand, as tenants would have it."""

from uuid import UUID, uuid4

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.drain import guests_of_cluster
from maintenance.backends.lab.names import NoSuchThing
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.room import Guest, Place, fill
from maintenance.backends.lab.settle import Aftermath, Due, after, applies, schedule
from maintenance.backends.lab.world import World

STATES = ("Running", "Stopped", "Starting", "Stopping", "Migrating", "Error", "Unknown")


class NoRoom(Exception):
    """The instance does not fit on the host; the text says why."""


class NameTaken(Exception):
    """There is an instance of that name."""


def add_instance(
    world: World,
    name: str,
    host_id: UUID,
    *,
    memory_mb: int,
    cpu_cores: int,
    account: str,
    domain: str,
    tags: tuple[str, ...] = (),
    affinity_groups: tuple[str, ...] = (),
    uses_local_storage: bool = False,
) -> UUID:
    """A new instance runs on the host. Raises: NoRoom, NameTaken."""
    if world.door.row("SELECT 1 FROM lab_instance WHERE name = %s", name):
        raise NameTaken(f"there is an instance {name} already")
    guest = Guest(uuid4(), name, "Running", None, None, memory_mb, cpu_cores, tags, affinity_groups)
    with world.locked(host_id):
        _check_room(world.door, host_id, guest)
        world.door.run(
            "INSERT INTO lab_instance (id, name, state, host_id, account, domain, cpu_cores, memory_mb, tags,"
            " affinity_groups, uses_local_storage, stuck_why)"
            " VALUES (%s, %s, 'Running', %s, %s, %s, %s, %s, %s, %s, %s, '')",
            guest.id,
            name,
            host_id,
            account,
            domain,
            cpu_cores,
            memory_mb,
            list(tags),
            list(affinity_groups),
            uses_local_storage,
        )
    return guest.id


def remove_instance(world: World, name: str) -> None:
    """It is gone. Raises: NoSuchThing."""
    guest = find_instance(world.door, name)
    world.door.run("DELETE FROM lab_harm WHERE instance_id = %s", guest.id)
    world.door.run("DELETE FROM lab_instance WHERE id = %s", guest.id)


def start_instance(world: World, name: str, host_id: UUID) -> None:
    """Starting on the host, Running a moment later. Raises: NoSuchThing, NoRoom."""
    with world.locked(host_id):
        guest = find_instance(world.door, name)
        _check_room(world.door, host_id, guest)
        _turn(world, host_id, guest, "Starting", "Running")


def stop_instance(world: World, name: str) -> None:
    """Stopping, Stopped a moment later. Raises: NoSuchThing."""
    guest = find_instance(world.door, name)
    if guest.host_id is None:
        return
    with world.locked(guest.host_id):
        _turn(world, guest.host_id, guest, "Stopping", "Stopped")


def move_instance(world: World, name: str, host_id: UUID) -> None:
    """It runs on the host now, as after a migration that nobody watched. Raises: NoSuchThing, NoRoom."""
    with world.locked(host_id):
        guest = find_instance(world.door, name)
        _check_room(world.door, host_id, guest)
        _set(world.door, guest.id, "Running", host_id)


def set_instance_state(world: World, name: str, state: str) -> None:
    """The cloud shows this state from now on, for whatever reason. Raises: NoSuchThing."""
    guest = find_instance(world.door, name)
    _set(world.door, guest.id, state, None if state == "Stopped" else guest.host_id)


@applies("instance_turns")
def instance_turns(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """An instance that was starting runs; one that was stopping is stopped."""
    is_up = due.details["to"] == "Running"
    door.run(
        "UPDATE lab_instance SET state = %s, host_id = CASE WHEN %s THEN host_id END WHERE id = %s AND state = %s",
        due.details["to"],
        is_up,
        due.details["instance"],
        due.details["from"],
    )


def find_instance(door: Door, name: str) -> Guest:
    """The instance by its name. Raises: NoSuchThing."""
    row = door.row(
        "SELECT id, name, state, host_id, goes_to_id, memory_mb, cpu_cores, tags, affinity_groups"
        " FROM lab_instance WHERE name = %s",
        name,
    )
    if row is None:
        raise NoSuchThing(f"no lab instance is called {name!r}")
    return Guest(*[*row[:7], tuple(row[7]), tuple(row[8])])


def _turn(world: World, host_id: UUID, guest: Guest, now: str, then: str) -> None:
    _set(world.door, guest.id, now, host_id)
    row = world.door.row("SELECT cluster_id, clock_timestamp() FROM lab_host WHERE id = %s", host_id)
    assert row is not None
    details = {"instance": str(guest.id), "from": now, "to": then}
    schedule(
        world.door,
        "instance_turns",
        row[0],
        host_id,
        after(row[1], world.config.scaled(world.config.start_s)),
        details,
    )


def _set(door: Door, instance_id: UUID, state: str, host_id: UUID | None) -> None:
    door.run(
        "UPDATE lab_instance SET state = %s, host_id = %s, goes_to_id = NULL, stuck_why = '' WHERE id = %s",
        state,
        host_id,
        instance_id,
    )


def _check_room(door: Door, host_id: UUID, guest: Guest) -> None:
    row = door.row(
        "SELECT cluster_id, id, name, memory_mb, cpu_cores, guests_max, tags FROM lab_host WHERE id = %s",
        host_id,
    )
    assert row is not None
    place = Place(*[*row[1:6], frozenset(row[6])])
    fill([place], [other for other in guests_of_cluster(door, row[0]) if other.id != guest.id])
    if why := place.why_not(guest):
        raise NoRoom(why)
