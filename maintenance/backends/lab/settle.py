"""Time in the lab: what was due is done, in order, by whoever looks next.

Every effect is applied at the moment it was due, not at the moment somebody looked, so a lab that nobody watched for
an hour tells the same story as one that was watched all along. Cheap when nothing is due: one indexed look.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door, cluster_locked


@dataclass(frozen=True, slots=True)
class Due:
    """One effect whose time has come."""

    at: datetime
    kind: str
    cluster_id: UUID
    host_id: UUID
    details: dict[str, Any]


@dataclass(slots=True)
class Aftermath:
    """What settling leaves to be done outside the transaction: processes to end, scripts to start."""

    interrupted: set[UUID] = field(default_factory=set)  # hosts whose agent or machine went away
    late_starts: list[dict[str, Any]] = field(default_factory=list)


type Apply = Callable[[Door, LabConfig, Due, Aftermath], None]

_APPLY: dict[str, Apply] = {}


def applies(kind: str) -> Callable[[Apply], Apply]:
    """Names the function that does what is due under `kind`."""

    def keep(function: Apply) -> Apply:
        assert kind not in _APPLY
        _APPLY[kind] = function
        return function

    return keep


def schedule(
    door: Door,
    kind: str,
    cluster_id: UUID,
    host_id: UUID,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """The effect happens at `at`, when somebody looks after that."""
    assert kind in _APPLY, f"nobody applies {kind}"
    door.run(
        "INSERT INTO lab_due (cluster_id, at, kind, host_id, details) VALUES (%s, %s, %s, %s, %s::jsonb)",
        cluster_id,
        at,
        kind,
        host_id,
        json.dumps(details or {}),
    )


def after(at: datetime, seconds: float) -> datetime:
    """The moment `seconds` later."""
    return at + timedelta(seconds=seconds)


def settle_cluster(door: Door, config: LabConfig, cluster_id: UUID) -> Aftermath:
    """Everything due in the cluster has happened, each cluster by one caller at a time. Takes the cluster's lock."""
    with cluster_locked(door, cluster_id):
        return settle_locked(door, config, cluster_id)


def settle_locked(door: Door, config: LabConfig, cluster_id: UUID) -> Aftermath:
    """The same, for a caller that holds the lock."""
    aftermath = Aftermath()
    while found := door.row(
        "DELETE FROM lab_due WHERE id = (SELECT id FROM lab_due WHERE cluster_id = %s AND at <= clock_timestamp()"
        " ORDER BY at, id LIMIT 1) RETURNING at, kind, host_id, details::text",
        cluster_id,
    ):
        at, kind, host_id, details = found
        _APPLY[kind](door, config, Due(at, kind, cluster_id, host_id, json.loads(details)), aftermath)
    return aftermath


def clusters_with_something_due(door: Door) -> list[UUID]:
    """Where time has to be caught up."""
    return [
        row[0] for row in door.rows("SELECT DISTINCT cluster_id FROM lab_due WHERE at <= clock_timestamp()")
    ]
