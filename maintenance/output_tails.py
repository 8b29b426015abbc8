"""The last bytes that many stages printed, in one query."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection

from maintenance.hooks.inert import inert

TAILS = """
SELECT step_id,
       string_agg(substring(content FROM greatest(1, length(content) - %(most)s + 1)), ''::bytea ORDER BY start)
FROM (
    SELECT step_id, start, content,
           sum(length(content)) OVER (PARTITION BY step_id ORDER BY start DESC) - length(content) AS behind
    FROM maintenance_outputchunk WHERE step_id = ANY(%(steps)s)
) AS chunks WHERE behind < %(most)s GROUP BY step_id
"""


def output_tails(step_ids: Collection[UUID], most: int) -> dict[UUID, str]:
    """The last `most` bytes of each step, inert; steps that printed nothing are missing."""
    with connection.cursor() as cursor:
        cursor.execute(TAILS, {"most": most, "steps": list(step_ids)})
        return {step_id: inert(bytes(tail)[-most:]) for step_id, tail in cursor.fetchall()}
