"""A run's hosts, one row each: those that wait and why, those that have ended and how."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F
from django.urls import reverse

from dashboard.screens.actions import Action
from dashboard.screens.census import RUNNING
from dashboard.screens.marks import Mark, mark
from dashboard.screens.run_actions import target_actions
from dashboard.screens.run_now import output_url
from dashboard.screens.strip import SECTIONS, counts_of
from dashboard.screens.words import count, duration, said
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import TARGET_ENDED, TARGET_WAITING, RunState, TargetState
from maintenance.models import Instance, Run, Step, Target

ROWS_MAX = 50  # in each section of the run's page; the rest is a link away
PAGE_ROWS = 200  # on a page of the list of all hosts


@dataclass(frozen=True, slots=True)
class StageLink:
    stage: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One host of a run. `began` and `ended` are when it was out of service, else when it ended."""

    target: UUID
    name: str
    url: str
    where: str
    mark: Mark
    says: str
    why: str
    took: str
    began: datetime | None
    ended: datetime | None
    outputs: list[StageLink]
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Section:
    rows: list[Row]
    summary: str
    more: int
    more_url: str


def next_section(run: Run, role: str) -> Section:
    """Hosts whose turn has not come, in order."""
    waiting = run.targets.filter(state__in=TARGET_WAITING).order_by("order")
    total = waiting.count()
    shown = list(waiting[:ROWS_MAX])
    summary = f"{count(total, 'host')}, in this order" if total else "no host waits"
    return Section(rows(run, shown, role), summary, total - len(shown), all_hosts_url(run, "waiting"))


def finished_section(run: Run, role: str) -> Section:
    """Hosts that have ended, the latest first."""
    ended = run.targets.filter(state__in=TARGET_ENDED).order_by(
        F("finished_at").desc(nulls_last=True), "order"
    )
    counts = counts_of(run)
    summary = ", ".join(
        f"{sum(counts.get(s, 0) for s in states):,} {drawn.word.lower()}"
        for drawn, states in SECTIONS.values()
        if states <= TARGET_ENDED and any(counts.get(s, 0) for s in states)
    )
    shown = list(ended[:ROWS_MAX])
    more = sum(counts.get(state, 0) for state in TARGET_ENDED) - len(shown)
    return Section(rows(run, shown, role), summary, more, all_hosts_url(run, ""))


def all_hosts_url(run: Run, section: str) -> str:
    return reverse("run-hosts", args=[run.id]) + (f"?state={section}" if section else "")


def row_of(target_id: UUID, role: str) -> Row | None:
    """One row alone, as it is pushed."""
    target = Target.objects.select_related("run").filter(id=target_id).first()
    return rows(target.run, [target], role)[0] if target else None


def rows(run: Run, targets: Sequence[Target], role: str) -> list[Row]:
    waiting = [t.host_id for t in targets if t.state in TARGET_WAITING]
    on_host = _instances_on(waiting)
    scripts = _printed_stages(t.id for t in targets if t.state not in TARGET_WAITING)
    before = _names_before(run, targets) if waiting else {}
    return [
        _row(
            run,
            target,
            on_host.get(target.host_id, 0),
            scripts.get(target.id, []),
            before.get(target.id, ""),
            role,
        )
        for target in targets
    ]


def _names_before(run: Run, targets: Sequence[Target]) -> dict[UUID, str]:
    """For each waiting host the waiting one before it; empty for the one whose turn is next."""
    orders = [t.order for t in targets]
    waiting = run.targets.filter(state__in=TARGET_WAITING)
    first = (
        waiting.filter(order__lt=min(orders)).order_by("-order").values_list("host_name", flat=True).first()
        or ""
    )
    found: dict[UUID, str] = {}
    last = first
    for target in sorted((t for t in targets if t.state in TARGET_WAITING), key=lambda t: t.order):
        found[target.id] = last
        last = target.host_name
    return found


def _row(run: Run, target: Target, instances: int, printed: list[str], before: str, role: str) -> Row:
    if target.state in TARGET_WAITING:
        says, why = f"{count(instances, 'instance')} on it", _why_it_waits(run, target, before)
    else:
        says, why = _says(target)
    took = ""
    if target.out_at and target.back_at:
        took = duration((target.back_at - target.out_at).total_seconds())
    return Row(
        target=target.id,
        name=target.host_name,
        url=reverse("host", args=[target.host_id]),
        where=f"{target.zone_name} · {target.cluster_name}",
        mark=mark(target.state),
        says=says,
        why=why,
        took=took,
        began=target.out_at if took else None,
        ended=target.back_at if took else target.finished_at,
        outputs=[StageLink(stage, output_url(run, target.host_id, stage)) for stage in printed],
        actions=[action for action in target_actions(run, target, role) if not action.disabled],
    )


def _why_it_waits(run: Run, target: Target, before: str) -> str:
    if target.detail:
        return f"Not yet: {target.detail}"
    if run.state == RunState.PAUSED:
        return "The run is paused."
    if run.pausing:
        return "The run is pausing."
    if target.state == TargetState.WAITING:
        return "PreFlight first, as for all hosts."
    return f"PreFlight passed. Its turn comes after {said(before)}." if before else "Its turn is next."


def _says(target: Target) -> tuple[str, str]:
    moved = len(target.instances_before or [])
    match target.state:
        case TargetState.DONE:
            changed = target.agent_after != target.agent_before and bool(target.agent_before)
            software = f"{target.agent_before} → {target.agent_after}" if changed else ""
            return (f"{count(moved, 'instance')} moved", software)
        case TargetState.FAILED if target.back_at or not target.out_at:
            where = "Back in service." if target.back_at else "It never left service."
            return target.detail or "Failed", where
        case TargetState.NEEDS_PERSON:
            return (
                target.detail or "Needs a person",
                "It counts as out of service until it is seen Up and Enabled.",
            )
        case _:
            return target.detail, ""


def _instances_on(host_ids: list[UUID]) -> dict[UUID | None, int]:
    if not host_ids:
        return {}
    running = Instance.objects.filter(host__in=host_ids, gone_at=None, state__in=RUNNING).order_by()
    return dict(running.values_list("host").annotate(instances=Count("id")))


def _printed_stages(target_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """Which stages of each host ran a script, in the order of the stages."""
    found: dict[UUID, set[str]] = {}
    steps = Step.objects.filter(target__in=list(target_ids), stage__in=STAGES).exclude(
        script="", output_bytes=0
    )
    for target_id, stage in steps.values_list("target_id", "stage"):
        found.setdefault(target_id, set()).add(stage)
    return {target_id: [s for s in STAGES if s in stages] for target_id, stages in found.items()}
