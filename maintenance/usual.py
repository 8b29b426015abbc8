"""How long things usually take here, learned from what ended well. None until enough was learned."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection

from maintenance.clock import database_now

LEARN_FROM_MIN = 3
LEARN_FOR = timedelta(days=30)
LAST_N = 100

# Of hosts that went well at the first attempt, every stage of them: what was tried again, or waited for a person, says
# nothing of how long a host usually takes.
_WENT_WELL = """
SELECT target.id, target.cluster_id, target.finished_at,
       -- A stage's own time. What a drain was held before its host left service is no part of it.
       sum(extract(epoch FROM step.finished - CASE WHEN step.stage = 'Drain'
           THEN greatest(step.started, target.out_at) ELSE step.started END)) FILTER (WHERE step.stage = ANY(%s)) AS s
FROM maintenance_target AS target
JOIN maintenance_run AS run ON run.id = target.run_id
JOIN maintenance_step AS step ON step.target_id = target.id
WHERE run.kind = 'rolling' AND target.state = 'Done' AND target.attempt = 1 AND target.finished_at > %s
GROUP BY target.id HAVING bool_and(step.outcome IN ('ok', 'not_needed'))
"""
_TIMES = f"""
SELECT cluster_id, count(*),
       percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM (
    SELECT cluster_id, s, row_number() OVER (PARTITION BY cluster_id ORDER BY finished_at DESC) AS place
    FROM ({_WENT_WELL}) AS hosts WHERE s IS NOT NULL
) AS durations WHERE place <= %s GROUP BY GROUPING SETS ((cluster_id), ())
"""
_STAGES = """
SELECT stage, count(*), percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM (
    SELECT step.stage, row_number() OVER (PARTITION BY step.stage ORDER BY step.finished DESC) AS place,
           extract(epoch FROM step.finished - CASE WHEN step.stage = 'Drain'
               THEN greatest(step.started, target.out_at) ELSE step.started END) AS s
    FROM maintenance_step AS step
    JOIN maintenance_target AS target ON target.id = step.target_id
    WHERE step.outcome = 'ok' AND step.detail <> 'no script' AND step.started IS NOT NULL AND step.finished > %s
      AND target.state = 'Done' AND target.attempt = 1 AND NOT EXISTS (
          SELECT FROM maintenance_step AS other
          WHERE other.target_id = target.id AND other.outcome NOT IN ('', 'ok', 'not_needed'))
) AS durations WHERE place <= %s GROUP BY stage
"""
IN_TURN = ("PreMaintenance", "Drain", "Maintenance", "Return", "PostMaintenance")
OUT_OF_SERVICE = ("Drain", "Maintenance", "Return")


@dataclass(frozen=True, slots=True)
class UsualTimes:
    """In seconds (10 % to 90 %): by cluster where enough was learned there, else by what was learned everywhere."""

    by_cluster: dict[UUID, tuple[float, float]]
    anywhere: tuple[float, float] | None

    def of(self, cluster_id: UUID) -> tuple[float, float] | None:
        return self.by_cluster.get(cluster_id, self.anywhere)


def usual_turns() -> UsualTimes:
    """How long a host is at work, from its turn to its end, without what it waited."""
    return _learned(IN_TURN)


def usual_times_out() -> UsualTimes:
    """How long a host is out of service."""
    return _learned(OUT_OF_SERVICE)


def _learned(stages: tuple[str, ...]) -> UsualTimes:
    """What the last LAST_N hosts of each cluster took for these stages."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, [list(stages), database_now() - LEARN_FOR, LAST_N])
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
