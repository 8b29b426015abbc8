"""Requests that the network delivers seconds after their caller has given up waiting."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from maintenance.backends.base import CloudError
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_effect
from maintenance.backends.lab.requests import Via, accept_cancel, accept_prepare
from maintenance.backends.lab.settle import Aftermath, Due, after, applies, schedule
from maintenance.backends.lab.started import Start

if TYPE_CHECKING:
    from maintenance.backends.lab.world import World

type DeliverLater = Callable[["World", float], None]

_ACCEPT = {"prepare": accept_prepare, "cancel": accept_cancel}


def request(kind: str, host_id: UUID, *, request: UUID, expires_at: datetime, via: Via) -> DeliverLater:
    """How a prepare or cancel is put on its slow way: it keeps its expiry and its management server."""
    details = {
        "kind": kind,
        "request": str(request),
        "expires_at": expires_at.isoformat(),
        "via": None if via.server_id is None else str(via.server_id),
    }
    return lambda world, seconds: _put_on_its_way(world, host_id, "late_request", details, seconds)


def start(start: Start) -> DeliverLater:
    """How the start of a script is put on its slow way."""
    return lambda world, seconds: _put_on_its_way(
        world, start.host_id, "late_start", start.to_json(), seconds
    )


def _put_on_its_way(
    world: "World", host_id: UUID, kind: str, details: Mapping[str, object], seconds: float
) -> None:
    found = world.door.row("SELECT cluster_id, clock_timestamp() FROM lab_host WHERE id = %s", host_id)
    if found is not None:
        schedule(world.door, kind, found[0], host_id, after(found[1], seconds), details)


@applies("late_request")
def late_request(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """It arrives now. Nobody hears the answer; a refusal is noted."""
    expires_at = datetime.fromisoformat(due.details["expires_at"])
    request = UUID(due.details["request"])
    try:
        _ACCEPT[due.details["kind"]](door, config, due.host_id, request, expires_at, _via(door, due))
    except CloudError as refusal:
        note_effect(
            door, f"late_{due.details['kind']}_refused", due.host_id, f"{type(refusal).__name__}: {refusal}"
        )


def _via(door: Door, due: Due) -> Via:
    """The server as it is when the request arrives."""
    row = door.row("SELECT id, name, state FROM lab_management_server WHERE id = %s", due.details.get("via"))
    return Via(*row) if row else Via()


@applies("late_start")
def late_start(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """The script starts once the transaction is over."""
    aftermath.late_starts.append(due.details)
