"""How many VMs of a live patch or a restart of routers are where, each way of ending told apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from dashboard.screens.marks import Mark
from dashboard.screens.runs.strip import SECTIONS
from dashboard.screens.system_vms.words import OUTCOMES, REPLACED_ALONE, ended_mark
from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import RunKind, TargetState
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Target

# In the order in which they are told: what needs a person first.
_OUTCOMES = (
    PatchOutcome.FAILED_NOT_RESTORED,
    PatchOutcome.UNCONFIRMED,
    PatchOutcome.FAILED_RESTORED,
    PatchOutcome.NOTHING_CHANGED,
    "replaced-alone",
    PatchOutcome.PATCHED,
    RouterOutcome.REPLACED,
    RouterOutcome.REAPPLIED,
    PatchOutcome.ALREADY_CURRENT,
)


@dataclass(frozen=True, slots=True)
class PatchTally:
    key: str
    mark: Mark
    vms: int


def outcome_counts(run: Run) -> Mapping[tuple[str, str], int]:
    """VMs by state and result. One query."""
    rows = run.targets.order_by().values_list("state", "result").annotate(n=Count("id"))
    return {(state, result): n for state, result, n in rows}


def tallies(run: Run, counts: Mapping[tuple[str, str], int]) -> list[PatchTally]:
    """Each VM in exactly one; those that are empty are not told."""
    found = []
    for key in (*_OUTCOMES, "at-work", "waiting", "needs-person", "failed", "skipped", "cancelled"):
        vms = sum(n for (state, result), n in counts.items() if _key(run.kind, state, result) == key)
        if vms:
            found.append(PatchTally(str(key), _mark(run.kind, key), vms))
    return found


def _mark(kind: str, key: str) -> Mark:
    if key == "replaced-alone":
        return REPLACED_ALONE
    return ended_mark(kind, "", key) or SECTIONS[key][0]


def _key(kind: str, state: str, result: str) -> str:
    is_over = TargetState(state) not in {*SECTIONS["at-work"][1], *SECTIONS["waiting"][1]}
    if is_over and ended_mark(kind, state, result) is REPLACED_ALONE:
        return "replaced-alone"
    if is_over and result in OUTCOMES:
        return result
    if state == TargetState.DONE:
        return str(PatchOutcome.PATCHED if kind == RunKind.LIVE_PATCH else RouterOutcome.REPLACED)
    return next(key for key, (_drawn, states) in SECTIONS.items() if state in states)


def of_tally(targets: QuerySet[Target], key: str) -> QuerySet[Target]:
    """Those that are counted under this key; of a key that nobody knows, all."""
    alone = Q(state=TargetState.FAILED, result=RouterOutcome.REPLACED)
    if key == "replaced-alone":
        return targets.filter(alone)
    if key in OUTCOMES:
        ended = Q(result=key) | (
            Q(state=TargetState.DONE, result="") if key == PatchOutcome.PATCHED else Q(pk__in=[])
        )
        return targets.filter(ended & ~alone)
    if key in SECTIONS:
        return targets.filter(state__in=SECTIONS[key][1]).exclude(
            result__in=[] if key in {"at-work", "waiting"} else list(OUTCOMES)
        )
    return targets
