"""How long things usually take here, learned from what ended well. None until enough was learned."""

from datetime import timedelta

from django.db import connection

from maintenance.clock import database_now

LEARN_FROM_MIN = 3
LEARN_FOR = timedelta(days=30)
LAST_N = 100

_PERCENTILES = """
SELECT count(*), percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM ({}) AS durations
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


def usual_time_out() -> tuple[float, float] | None:
    """The usual range (10 % to 90 %) in seconds from a host's turn to its end."""
    last = """
        SELECT extract(epoch FROM target.finished_at - min(step.started)) AS s
        FROM maintenance_target AS target JOIN maintenance_step AS step ON step.target_id = target.id
        WHERE target.state = 'Done' AND step.stage <> 'PreFlight' AND target.finished_at > %s
        GROUP BY target.id ORDER BY target.finished_at DESC LIMIT %s
    """
    with connection.cursor() as cursor:
        cursor.execute(_PERCENTILES.format(last), [database_now() - LEARN_FOR, LAST_N])
        row = cursor.fetchone()
    assert row is not None
    return (float(row[1]), float(row[2])) if row[0] >= LEARN_FROM_MIN else None


def usual_stage_times() -> dict[str, tuple[float, float]]:
    """The usual range (10 % to 90 %) in seconds per stage; stages with too little history are missing."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGES, [database_now() - LEARN_FOR, LAST_N])
        return {
            stage: (float(low), float(high))
            for stage, n, low, high in cursor.fetchall()
            if n >= LEARN_FROM_MIN
        }
