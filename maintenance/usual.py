"""How long things usually take here, learned from what ended well. None until enough was learned."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection

from maintenance.clock import database_now

LEARN_FROM_MIN = 3
LEARN_FOR = timedelta(days=30)
LAST_N = 100

_TIMES_OUT = """
SELECT cluster_id, count(*),
       percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM (
    SELECT target.cluster_id, extract(epoch FROM target.finished_at - min(step.started)) AS s,
           row_number() OVER (PARTITION BY target.cluster_id ORDER BY target.finished_at DESC) AS place
    FROM maintenance_target AS target JOIN maintenance_step AS step ON step.target_id = target.id
    WHERE target.state = 'Done' AND step.stage <> 'PreFlight' AND target.finished_at > %s
    GROUP BY target.id
) AS durations WHERE place <= %s GROUP BY GROUPING SETS ((cluster_id), ())
"""
_STAGES = """
SELECT stage, count(*), percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM (
    SELECT stage, extract(epoch FROM finished - started) AS s,
           row_number() OVER (PARTITION BY stage ORDER BY finished DESC) AS place
    FROM maintenance_step
    WHERE outcome = 'ok' AND detail <> 'no script' AND started IS NOT NULL AND finished > %s
) AS durations WHERE place <= %s GROUP BY stage
"""


@dataclass(frozen=True, slots=True)
class UsualTimes:
    """From a host's turn to its end, in seconds (10 % to 90 %): by cluster where enough was learned there, else by
    what was learned everywhere."""

    by_cluster: dict[UUID, tuple[float, float]]
    anywhere: tuple[float, float] | None

    def of(self, cluster_id: UUID) -> tuple[float, float] | None:
        return self.by_cluster.get(cluster_id, self.anywhere)


def usual_times_out() -> UsualTimes:
    """What the last LAST_N hosts of each cluster took."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES_OUT, [database_now() - LEARN_FOR, LAST_N])
        found = {
            cluster: (float(low), float(high))
            for cluster, hosts, low, high in cursor.fetchall()
            if hosts >= LEARN_FROM_MIN
        }
    return UsualTimes({key: usual for key, usual in found.items() if key}, found.get(None))


def usual_stage_times() -> dict[str, tuple[float, float]]:
    """The usual range (10 % to 90 %) in seconds per stage; stages with too little history are missing."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, [database_now() - LEARN_FOR, LAST_N])
        return {
            stage: (float(low), float(high))
            for stage, n, low, high in cursor.fetchall()
            if n >= LEARN_FROM_MIN
        }
