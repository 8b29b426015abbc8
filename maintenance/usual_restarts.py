"""What restarting routers has cost so far, in each way: measured from outside, never asserted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from maintenance.clock import database_now
from maintenance.domain.states import RunKind
from maintenance.usual import LEARN_FOR

# Of networks whose routers were all restarted well, and probed all the while: what each lost in and out, summed over
# its routers. A live patch stands beside them, under its run's kind.
_MEASURED = """
SELECT way, direction, count(*), avg(ms), min(ms) FROM (
    SELECT CASE WHEN run.kind = %(patch)s THEN %(patch)s ELSE run.way END AS way, downtime.way AS direction,
           sum(downtime.down_ms) AS ms
    FROM maintenance_downtime AS downtime
    JOIN maintenance_run AS run ON run.id = downtime.run_id
    JOIN maintenance_target AS target ON target.run_id = run.id AND target.system_vm_id = downtime.system_vm_id
    WHERE run.kind IN (%(patch)s, %(restart)s) AND run.finished_at > %(since)s AND target."group" IS NOT NULL
    GROUP BY run.id, target."group", downtime.way
    HAVING bool_and(target.result IN ('patched', 'replaced', 'reapplied')) AND min(downtime.probes) > 0
       AND NOT bool_or(downtime.was_down_before) AND max(downtime.interrupted) = 0
) AS of_network
GROUP BY way, direction ORDER BY way, direction
"""


@dataclass(frozen=True, slots=True)
class MeasuredWay:
    """`direction`: ingress, egress or load-balancer. `times`: so many networks were measured."""

    direction: str
    times: int
    average_ms: float
    lowest_ms: float


def usual_restarts() -> Mapping[str, tuple[MeasuredWay, ...]]:
    """By way of restarting, and under `live-patch` for that. What was never measured is not in it. One query."""
    found: dict[str, list[MeasuredWay]] = {}
    asked: dict[str, str | datetime] = {
        "patch": str(RunKind.LIVE_PATCH),
        "restart": str(RunKind.ROUTER_RESTART),
        "since": database_now() - LEARN_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEASURED, asked)
        for way, direction, times, average_ms, lowest_ms in cursor.fetchall():
            found.setdefault(way, []).append(
                MeasuredWay(direction, times, float(average_ms), float(lowest_ms))
            )
    return {way: tuple(sorted(rows, key=_place)) for way, rows in found.items()}


def _place(row: MeasuredWay) -> tuple[bool, bool, str]:
    """In, out, then the rest."""
    return (row.direction != "ingress", row.direction != "egress", row.direction)
