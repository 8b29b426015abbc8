"""Drift: where a host's scripts differ from those of the others of its cluster. One rule, asked in SQL, for one host
and for ten thousand.

For each stage, what most hosts of a cluster have is the usual script; where no script has the most, none is. A host
drifts in a stage in which it has another script than the usual one, or none. Hosts whose scripts are not known are
left out: they differ from nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL

from dashboard.screens.places.kinds import Kind
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Host

NONE = "none"
REFUSED = "refused"  # there is one, but it must not run and has no digest

# Three parameters: the stages, and twice the clusters looked at (null: all).
_DRIFTING = f"""
WITH found AS (
    SELECT h.id AS host, h.name, h.cluster_id AS cluster, stage,
           CASE WHEN (h.hooks -> stage ->> 'present') IS DISTINCT FROM 'true' THEN '{NONE}'
                ELSE coalesce(nullif(h.hooks -> stage ->> 'digest', ''), '{REFUSED}') END AS script
    FROM maintenance_host h CROSS JOIN unnest(%s::text[]) AS stage
    WHERE h.gone_at IS NULL AND jsonb_typeof(h.hooks) = 'object'
      AND (%s::uuid[] IS NULL OR h.cluster_id = ANY(%s::uuid[]))
), counted AS (
    SELECT cluster, stage, script, count(*) AS hosts FROM found GROUP BY cluster, stage, script
), ranked AS (
    SELECT cluster, stage, script, hosts = max(hosts) OVER (PARTITION BY cluster, stage) AS has_most FROM counted
), usual AS (
    SELECT cluster, stage, min(script) AS script FROM ranked WHERE has_most
    GROUP BY cluster, stage HAVING count(*) = 1
), drifting AS (
    SELECT found.host, found.cluster, found.stage FROM found
    LEFT JOIN usual ON usual.cluster = found.cluster AND usual.stage = found.stage
    WHERE found.script IS DISTINCT FROM usual.script
)
"""
_PLACE = {
    "cluster": "drifting.cluster",
    "pod": "(SELECT c.pod_id FROM maintenance_cluster c WHERE c.id = drifting.cluster)",
    "zone": "(SELECT p.zone_id FROM maintenance_cluster c JOIN maintenance_pod p ON p.id = c.pod_id"
    " WHERE c.id = drifting.cluster)",
}


def drifting_hosts() -> RawSQL:
    """The ids of all hosts that drift, for a filter."""
    return RawSQL(f"{_DRIFTING} SELECT host FROM drifting", _over(None))


def stages_adrift(clusters: Sequence[UUID], hosts: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Of these hosts, which stand in these clusters: the stages in which each drifts."""
    found: dict[UUID, list[str]] = {}
    rows = _ask(
        f"{_DRIFTING} SELECT host, stage FROM drifting WHERE host = ANY(%s::uuid[])",
        [*_over(clusters), list(hosts)],
    )
    for host, stage in rows:
        found.setdefault(host, []).append(stage)
    order = list(map(str, STAGES))
    return {host: sorted(stages, key=order.index) for host, stages in found.items()}


def drift_by_place(kind: Kind, clusters: Sequence[UUID] | None = None) -> dict[UUID, int]:
    """How many hosts drift in each place; those without any are left out. `clusters`: only in these."""
    counted = f"SELECT {_PLACE[kind.name]} AS place, count(DISTINCT host) FROM drifting GROUP BY place"
    return dict(_ask(f"{_DRIFTING} {counted}", _over(clusters)))


@dataclass(frozen=True, slots=True)
class Same:
    """Other hosts of the cluster that have the same script for a stage (a digest, NONE or REFUSED)."""

    script: str
    hosts: list[tuple[UUID, str]]


@dataclass(slots=True)
class Compared:
    """One stage of a host against the others of its cluster."""

    drifts: bool = False
    same: int = 0
    others: list[Same] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.same + sum(len(other.hosts) for other in self.others)


def compared(host: Host) -> dict[str, Compared]:
    """By stage. Of a host whose scripts are not known, what the others have is told all the same."""
    rows = _ask(
        f"{_DRIFTING} SELECT found.stage, found.script, found.host, found.name,"
        " EXISTS (SELECT 1 FROM drifting d WHERE d.host = found.host AND d.stage = found.stage)"
        " FROM found ORDER BY found.stage, found.script, found.name",
        _over([host.cluster_id]),
    )
    found: dict[str, Compared] = {stage: Compared() for stage in STAGES}
    mine = {stage: script for stage, script, key, _name, _drifts in rows if key == host.id}
    for stage, script, key, name, drifts in rows:
        at = found[stage]
        if key == host.id:
            at.drifts = drifts
        elif script == mine.get(stage):
            at.same += 1
        elif at.others and at.others[-1].script == script:
            at.others[-1].hosts.append((key, name))
        else:
            at.others.append(Same(script, [(key, name)]))
    for at in found.values():
        at.others.sort(key=lambda other: -len(other.hosts))
    return found


def _over(clusters: Sequence[UUID] | None) -> list[Any]:
    listed = None if clusters is None else list(clusters)
    return [list(map(str, STAGES)), listed, listed]


def _ask(query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
