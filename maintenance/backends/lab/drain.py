"""How a host empties: its instances move away one after another, each to a host that has room (CloudStack §5.4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_effect, note_harm
from maintenance.backends.lab.room import RUNNING_ISH, Guest, Place, choose, fill, hardest_first
from maintenance.backends.lab.settle import Aftermath, Due, after, applies, schedule

PREPARING = frozenset({"PrepareForMaintenance", "ErrorInPrepareForMaintenance"})
RETRY_MIN_S = 0.02  # also where the settings say "at once": an instance that fits nowhere must not spin
MB_PER_GB = 1024


@dataclass(frozen=True, slots=True)
class Draining:
    """The host on its way out."""

    id: UUID
    cluster_id: UUID
    state: str
    resource_state: str
    tries: int


@applies("drain_step")
def drain_step(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """The instance that was moving has arrived; the next one leaves, or the host is in Maintenance."""
    if instance := due.details.get("instance"):
        _arrive(door, instance, due.details["job"])
    host = _still_draining(door, due)
    if host is None:
        return
    if due.details.get("first"):
        # One that was cut off with its management server has failed; the host empties all the same.
        door.run(
            "UPDATE lab_job SET state = 'succeeded', ended = %s WHERE id = %s AND state = 'pending'",
            due.at,
            due.details["job"],
        )
    guests = guests_of_cluster(door, host.cluster_id)
    here = [guest for guest in guests if guest.host_id == host.id and guest.state != "Stopped"]
    if not here:
        _set_resource_state(door, host, "Maintenance")
        note_effect(door, "maintenance", host.id)
        return
    if host.state != "Up":
        _try_again(door, config, due, host, tries=host.tries)
        return
    places = places_of_cluster(door, host.cluster_id, without=host.id)
    fill(places, guests)
    stuck: dict[UUID, str] = {g.id: f"it is {g.state}" for g in here if g.state not in RUNNING_ISH}
    for guest in hardest_first(g for g in here if g.state == "Running"):
        place, why = choose(guest, places)
        if place is not None:
            _note_stuck(door, host, stuck)
            _leave(door, config, due, guest, place)
            _set_resource_state(
                door, host, "ErrorInPrepareForMaintenance" if stuck else "PrepareForMaintenance", tries=0
            )
            return
        stuck[guest.id] = why
    _note_stuck(door, host, stuck)
    _wait_or_give_up(door, config, due, host, has_stuck=bool(stuck))


def _still_draining(door: Door, due: Due) -> Draining | None:
    """The host, unless its drain was cancelled or a newer one leads."""
    found = door.row(
        "SELECT id, cluster_id, state, resource_state, drain_tries FROM lab_host h WHERE id = %s AND drain_job = %s"
        " AND NOT EXISTS (SELECT 1 FROM lab_job j WHERE j.host_id = h.id AND j.kind = 'cancel'"
        " AND j.state = 'pending')",
        due.host_id,
        due.details["job"],
    )
    host = Draining(*found) if found else None
    return host if host is not None and host.resource_state in PREPARING else None


def _arrive(door: Door, instance: str, job: str) -> None:
    """It runs on the host it went to; if that host is away, it stayed where it was."""
    door.run(
        "UPDATE lab_instance i SET state = 'Running', goes_to_id = NULL,"
        " host_id = CASE WHEN t.state = 'Up' THEN t.id ELSE i.host_id END,"
        " drained_by = CASE WHEN t.state = 'Up' THEN %s::uuid ELSE i.drained_by END"
        " FROM lab_host t WHERE t.id = i.goes_to_id AND i.id = %s AND i.state = 'Migrating'",
        job,
        instance,
    )


def _leave(door: Door, config: LabConfig, due: Due, guest: Guest, place: Place) -> None:
    door.run(
        "UPDATE lab_instance SET state = 'Migrating', goes_to_id = %s, stuck_why = '' WHERE id = %s",
        place.id,
        guest.id,
    )
    seconds = max(config.move_min_s, config.move_s_per_gb * guest.memory_mb / MB_PER_GB)
    details = {"job": due.details["job"], "instance": str(guest.id)}
    schedule(door, "drain_step", due.cluster_id, due.host_id, after(due.at, config.scaled(seconds)), details)


def _note_stuck(door: Door, host: Draining, stuck: dict[UUID, str]) -> None:
    """Says why each stays. The first time, it is on record: the caller took out a host whose instances do not fit."""
    for instance_id, why in stuck.items():
        found = door.row(
            "UPDATE lab_instance i SET stuck_why = %s FROM lab_instance before"
            " WHERE i.id = %s AND before.id = i.id RETURNING before.stuck_why",
            why,
            instance_id,
        )
        if found and not found[0]:
            note_harm(door, "no_room", host.id, instance_id, why)


def _wait_or_give_up(door: Door, config: LabConfig, due: Due, host: Draining, *, has_stuck: bool) -> None:
    """Nothing can move now. Others' migrations end by themselves; what fits nowhere is tried again, not for ever."""
    if not has_stuck:
        _try_again(door, config, due, host, tries=host.tries)
    elif host.tries >= config.move_tries_max:
        _set_resource_state(door, host, "ErrorInMaintenance")
        note_effect(door, "error_in_maintenance", host.id)
    else:
        _set_resource_state(door, host, "ErrorInPrepareForMaintenance")
        _try_again(door, config, due, host, tries=host.tries + 1)


def _try_again(door: Door, config: LabConfig, due: Due, host: Draining, *, tries: int) -> None:
    """At the next round from now on: rounds that nobody watched are not played one by one."""
    door.run("UPDATE lab_host SET drain_tries = %s WHERE id = %s", tries, host.id)
    pause = max(RETRY_MIN_S, config.scaled(config.move_retry_s))
    at: datetime = max(after(due.at, pause), door.now())
    schedule(
        door, "drain_step", due.cluster_id, due.host_id, after(at, RETRY_MIN_S), {"job": due.details["job"]}
    )


def _set_resource_state(door: Door, host: Draining, state: str, *, tries: int | None = None) -> None:
    tries = host.tries if tries is None else tries
    if (state, tries) != (host.resource_state, host.tries):
        door.run(
            "UPDATE lab_host SET resource_state = %s, drain_tries = %s WHERE id = %s", state, tries, host.id
        )


def guests_of_cluster(door: Door, cluster_id: UUID) -> list[Guest]:
    """Every instance on the cluster's hosts."""
    rows = door.rows(
        "SELECT i.id, i.name, i.state, i.host_id, i.goes_to_id, i.memory_mb, i.cpu_cores, i.tags, i.affinity_groups"
        " FROM lab_instance i JOIN lab_host h ON h.id = i.host_id WHERE h.cluster_id = %s",
        cluster_id,
    )
    return [Guest(*[*row[:7], tuple(row[7]), tuple(row[8])]) for row in rows]


def places_of_cluster(door: Door, cluster_id: UUID, *, without: UUID) -> Sequence[Place]:
    """The other hosts that may take instances: Enabled and Up."""
    rows = door.rows(
        "SELECT id, name, memory_mb, cpu_cores, guests_max, tags FROM lab_host WHERE cluster_id = %s"
        " AND id <> %s AND resource_state = 'Enabled' AND state = 'Up' ORDER BY name",
        cluster_id,
        without,
    )
    return [Place(*[*row[:5], frozenset(row[5])]) for row in rows]
