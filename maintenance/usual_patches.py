"""How long a live patch of one router usually takes here: measured, or None."""

from dataclasses import dataclass

from django.db import connection

from maintenance.clock import database_now
from maintenance.domain.states import RunKind
from maintenance.usual import LAST_N, LEARN_FOR, LEARN_FROM_MIN

# Of routers that went well at the first attempt: their stages' own time, without what they waited.
_PATCHES = """
SELECT count(*), percentile_cont(0.1) WITHIN GROUP (ORDER BY s), percentile_cont(0.5) WITHIN GROUP (ORDER BY s),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY s)
FROM (
    SELECT sum(extract(epoch FROM step.finished - step.started)) AS s
    FROM maintenance_target AS target
    JOIN maintenance_run AS run ON run.id = target.run_id
    JOIN maintenance_step AS step ON step.target_id = target.id
    JOIN maintenance_systemvm AS vm ON vm.id = target.system_vm_id
    WHERE run.kind = %s AND target.state = 'Done' AND target.attempt = 1 AND target.finished_at > %s
      AND vm.type IN ('domainrouter', 'internalloadbalancervm')
    GROUP BY target.id ORDER BY max(target.finished_at) DESC LIMIT %s
) AS patches
"""


@dataclass(frozen=True, slots=True)
class Usual:
    """In seconds: 10 %, 50 % and 90 % of what was measured."""

    low_s: float
    median_s: float
    high_s: float


def usual_patch() -> Usual | None:
    """None until enough was learned."""
    return _learned(_PATCHES, RunKind.LIVE_PATCH)


def _learned(query: str, kind: RunKind) -> Usual | None:
    with connection.cursor() as cursor:
        cursor.execute(query, [kind, database_now() - LEARN_FOR, LAST_N])
        [(number, low, median, high)] = cursor.fetchall()
    return Usual(float(low), float(median), float(high)) if number >= LEARN_FROM_MIN else None
