"""When operators' work reaches what stands on its hosts, and what of it cannot move."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Min

from dashboard.screens.portal.places import Place
from dashboard.screens.run.outlook import outlook
from dashboard.screens.runs.usual import Ends, usual_of_a_host
from maintenance.domain.states import TARGET_BEGUN, TARGET_WAITING, RunKind, RunState, TargetState
from maintenance.domain.system_vms import UpdateState
from maintenance.models import Run, Target

_AHEAD = [*TARGET_WAITING, TargetState.CHECKING]
_STUCK = """
SELECT line ->> 'host', stuck ->> 0
FROM maintenance_runplan AS plan CROSS JOIN LATERAL jsonb_array_elements(plan.lines) AS line
CROSS JOIN LATERAL jsonb_array_elements(line -> 'stuck') AS stuck
WHERE plan.run_id = %s AND line ->> 'host' = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Turns:
    """`when`: by target, where it can be known. `stuck`: by host, the names that the plan cannot move."""

    when: dict[UUID, Ends] = field(default_factory=dict)
    stuck: dict[UUID, frozenset[str]] = field(default_factory=dict)

    def first(self, target: Target, run: Run) -> datetime | None:
        """When it begins: the earliest turn, or the time it was planned for."""
        lows = [ends.low for ends in self.when.values()]
        return min(lows, default=run.not_before)


def turns_of(run: Run, targets: Sequence[Target]) -> Turns:
    """Of these hosts of the run."""
    ahead = [target for target in targets if target.state in _AHEAD]
    if not ahead or run.kind != RunKind.ROLLING:
        return Turns(stuck=_stuck(run, targets))
    when: dict[UUID, Ends] = {}
    if run.state in {RunState.QUEUED, RunState.RUNNING}:
        clusters = {target.cluster_id for target in ahead}
        in_turn = run.targets.filter(state__in=_AHEAD, cluster__in=clusters).order_by("order")
        turns = outlook(run, list(in_turn)).turns
        when = {target.id: turns[target.id] for target in ahead if target.id in turns}
    return Turns(when, _stuck(run, targets))


def _stuck(run: Run, targets: Sequence[Target]) -> dict[UUID, frozenset[str]]:
    hosts = [str(target.host_id) for target in targets if target.finished_at is None]
    if not hosts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STUCK, [run.id, hosts])
        found: dict[UUID, set[str]] = {}
        for host, name in cursor.fetchall():
            found.setdefault(UUID(host), set()).add(name)
    return {host: frozenset(names) for host, names in found.items()}


def free_again(places: Sequence[Place]) -> dict[UUID, datetime | None]:
    """By network that waits for operators' work: when that is expected to be over, from what is usual."""
    waiting = [p for p in places if any(update.state is UpdateState.WAITS for update in p.updates)]
    hosts = {vm.host_id for place in waiting for vm in place.routers if vm.host_id is not None}
    if not hosts:
        return {}
    at_work = Target.objects.filter(host__in=hosts, is_open=True, state__in=TARGET_BEGUN)
    ends: dict[UUID, datetime] = {}
    for target in at_work.annotate(began=Min("steps__started")):
        began = target.out_at or target.began
        usual = usual_of_a_host(target.cluster_id)
        if began is not None and usual is not None:
            ends[target.host_key] = began + timedelta(seconds=usual.high_s)
    return {
        place.id: max((ends[vm.host_id] for vm in place.routers if vm.host_id in ends), default=None)
        for place in waiting
    }
