"""How long a live patch of one system VM usually takes here: measured, or None."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from maintenance.clock import database_now
from maintenance.domain.states import RunKind
from maintenance.domain.system_vms import SystemVmType
from maintenance.usual import LAST_N, LEARN_FOR, LEARN_FROM_MIN

# Of system VMs that went well at the first attempt: their stages' own time, without what they waited.
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
      AND vm.type = ANY(%s)
    GROUP BY target.id ORDER BY max(target.finished_at) DESC LIMIT %s
) AS patches
"""


@dataclass(frozen=True, slots=True)
class Usual:
    """In seconds: 10 %, 50 % and 90 % of what was measured."""

    low_s: float
    median_s: float
    high_s: float


def usual_patch(types: Iterable[str] = tuple(SystemVmType)) -> Usual | None:
    """Of one of these types. None until enough was learned."""
    with connection.cursor() as cursor:
        cursor.execute(_PATCHES, [RunKind.LIVE_PATCH, database_now() - LEARN_FOR, list(types), LAST_N])
        [(number, low, median, high)] = cursor.fetchall()
    return Usual(float(low), float(median), float(high)) if number >= LEARN_FROM_MIN else None
