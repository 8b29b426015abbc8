"""Are all instances there? Those that run, against those that ran before their host left service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark
from dashboard.screens.words import count, figure
from maintenance.models import Cloud, Instance

RUNNING = ("Running", "Migrating")  # an instance that migrates live runs

_LOST = """
    SELECT count(*), count(DISTINCT (i.account, i.domain)) FILTER (WHERE i.id IS NOT NULL)
    FROM (SELECT DISTINCT pair ->> 0 AS id
          FROM maintenance_target t, jsonb_array_elements(t.instances_before) AS pair
          WHERE t.run_id = ANY(%s) AND jsonb_typeof(t.instances_before) = 'array') AS before
    LEFT JOIN maintenance_instance i ON i.id = before.id::uuid
    WHERE i.id IS NULL OR i.gone_at IS NOT NULL OR NOT i.state = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Census:
    """One line: how many run of how many, and how old that comparison is."""

    mark: Mark
    stopped: int
    tenants: str
    cloud: UUID
    read_at: datetime | None
    as_of: datetime | None


def census(cloud: Cloud, runs: Sequence[UUID], clusters: Sequence[UUID] | None = None) -> Census:
    """Over the given clusters, or the whole cloud. `runs`: whose hosts' instances must all run."""
    instances = Instance.objects.filter(cloud=cloud, gone_at=None, state__in=RUNNING)
    if clusters is not None:
        instances = instances.filter(host__cluster__in=clusters)
    running = instances.count()
    lost, tenants = lost_instances(runs)
    words = _("%(running)s of %(instances)s running") % {
        "running": figure(running),
        "instances": count(running + lost, "instance"),
    }
    if not cloud.is_known(timezone.now()):
        mark = Mark(
            UNKNOWN.state, _("instances unknown; last read: %(words)s") % {"words": words}, UNKNOWN.glyph
        )
    elif lost:
        mark = Mark(NEEDS_PERSON.state, words, NEEDS_PERSON.glyph)
    else:
        mark = Mark("Done", words, "done")
    affected = _("%(tenants)s affected") % {"tenants": count(tenants, "tenant")}
    return Census(mark, lost, affected, cloud.id, cloud.read_at, cloud.as_of)


def lost_instances(runs: Sequence[UUID]) -> tuple[int, int]:
    """Instances of these runs' hosts that ran before and do not run now, and how many tenants they belong to."""
    if not runs:
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute(_LOST, [list(runs), list(RUNNING)])
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]
