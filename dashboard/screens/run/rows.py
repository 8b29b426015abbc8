"""A run's hosts, one row each: when a waiting one has its turn and whether it could start now; how the others ended."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action
from dashboard.screens.census import RUNNING
from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.actions import target_actions
from dashboard.screens.run.outlook import outlook
from dashboard.screens.run.terminal import output_url
from dashboard.screens.run.times import times_words
from dashboard.screens.run.turns import Turn, turns_now
from dashboard.screens.runs.usual import Ends, late_after_s, usual_time_out
from dashboard.screens.words import count, duration, figure, listing, said
from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, TARGET_WAITING, RunKind, RunState, Stage, TargetState
from maintenance.models import Host, Instance, Run, Step, Target
from maintenance.report import TimeOut, out_in_all_s, times_out

PLACES_NAMED_MAX = 4


@dataclass(frozen=True, slots=True)
class StageTime:
    """What one stage took, and where its output is."""

    word: str
    took: str
    stage: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """One host of a run. `began` and `ended` are when it was out of service, else when it ended. `turn`: when a
    waiting one is expected to begin; `checked_at`: how old what is said of it is."""

    target: UUID
    name: str
    url: str
    where: str
    mark: Mark
    says: str
    why: str
    checked_at: datetime | None
    turn: Ends | None
    took: str
    times: str
    usual: str
    is_late: bool
    began: datetime | None
    ended: datetime | None
    stages: list[StageTime]
    actions: list[Action]


def rows_of(target_ids: Collection[UUID], role: str) -> dict[UUID, Row]:
    """The rows of these hosts of one run, as they are pushed."""
    targets = list(Target.objects.select_related("run__cloud").filter(id__in=target_ids, host__isnull=False))
    return {row.target: row for row in rows(targets[0].run, targets, role)} if targets else {}


def rows(run: Run, targets: Sequence[Target], role: str) -> list[Row]:
    """As many queries for one host as for a page of them."""
    waiting = [t for t in targets if t.state in TARGET_WAITING]
    told = _Waiting.of(run, waiting)
    begun = [t for t in targets if t.state not in TARGET_WAITING]
    steps = _steps(begun)
    outs = times_out(begun) if begun else {}
    return [
        _row(run, target, told, steps.get(target.id, []), outs.get(target.id, []), role) for target in targets
    ]


def all_hosts_url(run: Run, section: str, *, search: str = "") -> str:
    asked = {name: value for name, value in (("state", section), ("search", search)) if value}
    return reverse("run-hosts", args=[run.id]) + (f"?{urlencode(asked)}" if asked else "")


def _row(
    run: Run, target: Target, told: "_Waiting", steps: list[Step], outs: list[TimeOut], role: str
) -> Row:
    is_waiting = target.state in TARGET_WAITING
    says, why = told.words(run, target) if is_waiting else _says(target)
    took_s = out_in_all_s(outs)
    usual = usual_time_out(target.cluster_key) if target.state == TargetState.DONE else None
    tried = {step.attempt for step in steps if step.stage != Stage.RETURN}
    return Row(
        target=target.id,
        name=target.name,
        url=reverse("host", args=[target.host_id]),
        where=f"{target.zone_name} · {target.cluster_name}",
        mark=mark(target.state),
        says=says,
        why=why,
        checked_at=told.checked_at if is_waiting and target.id in told.turns else None,
        turn=told.starts.get(target.id),
        took=duration(took_s) if took_s is not None else "",
        times=times_words(len(tried), outs),
        usual=_("usually %(range)s") % {"range": usual} if usual and took_s is not None else "",
        is_late=usual is not None and took_s is not None and took_s > late_after_s(usual),
        began=outs[0].since if took_s is not None else None,
        ended=outs[-1].until if took_s is not None else target.finished_at,
        stages=_stage_times(run, target, steps),
        actions=[action for action in target_actions(run, target, role) if not action.disabled],
    )


# ---- those that wait -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is known of the waiting hosts on the page. `turns` is empty where the cloud was not read lately."""

    on_it: dict[UUID | None, int]
    stays: dict[UUID, str]
    before: dict[UUID, str]
    turns: dict[UUID, Turn]
    starts: dict[UUID, Ends]
    checked_at: datetime | None

    @classmethod
    def of(cls, run: Run, waiting: Sequence[Target]) -> "_Waiting":
        if not waiting:
            return cls({}, {}, {}, {}, {}, None)
        is_known = run.cloud.is_known(timezone.now())
        return cls(
            on_it=_instances_on([target.host_key for target in waiting]),
            stays=_stay(run, waiting),
            before=_names_before(run, waiting),
            turns=turns_now(run, waiting) if is_known else {},
            starts=_starts(run, waiting),
            checked_at=run.cloud.read_at,
        )

    def words(self, run: Run, target: Target) -> tuple[str, str]:
        """Where its instances go, and whether it could start now."""
        if stays := self.stays.get(target.id):
            staying = ngettext("%(n)s instance stays on it", "%(n)s instances stay on it", self._on(target))
            return staying % {"n": figure(self._on(target))}, stays
        turn = self.turns.get(target.id)
        says = count(self._on(target), "instance")
        if turn and turn.goes_to:
            says = _("%(instances)s → %(places)s") % {"instances": says, "places": _places(turn.goes_to)}
        return says, self._why(run, target, turn)

    def _on(self, target: Target) -> int:
        return self.on_it.get(target.host_id, 0)

    def _why(self, run: Run, target: Target, turn: Turn | None) -> str:
        if target.detail:
            return _("Not yet: %(why)s.") % {"why": target.detail.rstrip(".")}
        if target.state == TargetState.WAITING:
            return _("PreFlight first, as for all hosts.")
        if turn is None:
            return _("Whether it could start now is unknown: the cloud was not read lately.")
        return f"{_could_start(turn)} {self._comes(run, target)}"

    def _comes(self, run: Run, target: Target) -> str:
        if run.state == RunState.PAUSED:
            return _("The run is paused.")
        if run.pausing:
            return _("The run is pausing.")
        before = self.before.get(target.id)
        return (
            _("Its turn comes after %(host)s.") % {"host": said(before)} if before else _("Its turn is next.")
        )


def _could_start(turn: Turn) -> str:
    if not turn.why_not:
        return _("Could start now: yes.")
    if turn.and_then:
        return _("Could start now: no, %(why)s; %(besides)s.") % {
            "why": turn.why_not,
            "besides": turn.and_then,
        }
    return _("Could start now: no, %(why)s.") % {"why": turn.why_not}


def _stay(run: Run, waiting: Sequence[Target]) -> dict[UUID, str]:
    """Those that will not leave service, and why, as far as it is known before PreMaintenance asks again."""
    if run.kind != RunKind.ROLLING:
        return {}
    ids = [target.host_key for target in waiting]
    hooks = dict(Host.objects.filter(id__in=ids, hooks__isnull=False).values_list("id", "hooks"))
    found: dict[UUID, str] = {}
    for target in waiting:
        scripts = hooks.get(target.host_key)
        if target.not_needed:
            found[target.id] = _("Its scripts run, but it stays in service: %(why)s.") % {
                "why": target.not_needed.rstrip(".")
            }
        elif scripts is not None and not scripts.get(HookStage.MAINTENANCE, {}).get("present"):
            found[target.id] = _("Its scripts run, but it stays in service: it has no Maintenance script.")
    return found


def _places(goes_to: Sequence[tuple[str, int]]) -> str:
    """kvm1 (9) kvm2 (12)"""
    named = [f"{said(name)} ({figure(number)})" for name, number in goes_to]
    return " ".join(named) if len(named) <= PLACES_NAMED_MAX else listing(named, PLACES_NAMED_MAX)


def _starts(run: Run, waiting: Sequence[Target]) -> dict[UUID, Ends]:
    """Turns are counted from each cluster's first waiting host, also where a page shows later ones."""
    asked = sorted(waiting, key=lambda target: target.order)
    clusters = {target.cluster_id for target in asked}
    ahead = run.targets.filter(
        state__in=TARGET_WAITING, cluster__in=clusters, order__lte=asked[-1].order
    ).only("id", "cluster_id")
    starts = outlook(run, list(ahead.order_by("order"))).turns
    return {target.id: starts[target.id] for target in asked if target.id in starts}


def _names_before(run: Run, waiting: Sequence[Target]) -> dict[UUID, str]:
    """For each waiting host the waiting one before it; empty for the one whose turn is next."""
    in_order = sorted(waiting, key=lambda target: target.order)
    earlier = run.targets.filter(state__in=TARGET_WAITING, order__lt=in_order[0].order).order_by("-order")
    last = earlier.values_list("name", flat=True).first() or ""
    found: dict[UUID, str] = {}
    for target in in_order:
        found[target.id] = last
        last = target.name
    return found


def _instances_on(host_ids: list[UUID]) -> dict[UUID | None, int]:
    running = Instance.objects.filter(host__in=host_ids, gone_at=None, state__in=RUNNING).order_by()
    return dict(running.values_list("host").annotate(instances=Count("id")))


# ---- those that have begun, or ended -------------------------------------------------------------------------------


def _says(target: Target) -> tuple[str, str]:
    """What became of it, and why, or what follows."""
    match target.state:
        case TargetState.DONE:
            moved = count(len(target.instances_before or []), "instance")
            changed = target.agent_after != target.agent_before and bool(target.agent_before)
            software = f"{target.agent_before} → {target.agent_after}" if changed else ""
            return _("%(instances)s moved") % {"instances": moved}, software
        case TargetState.FAILED if target.back_at or not target.out_at:
            where = _("Back in service.") if target.back_at else _("It never left service.")
            return target.detail or _("Failed"), where
        case TargetState.NEEDS_PERSON:
            counts = _("It counts as out of service until it is seen Up and Enabled.")
            return target.detail or _("Needs a person"), counts
        case TargetState.SKIPPED:
            return target.detail or target.not_needed or _("no reason was kept"), ""
        case _:
            return target.detail, ""


def _steps(targets: Iterable[Target]) -> dict[UUID, list[Step]]:
    """By target: its steps of every attempt, in order."""
    found: dict[UUID, list[Step]] = {}
    ids = [target.id for target in targets]
    for step in Step.objects.filter(target__in=ids).order_by("attempt", "round") if ids else ():
        found.setdefault(step.target_id, []).append(step)
    return found


def _stage_times(run: Run, target: Target, steps: list[Step]) -> list[StageTime]:
    """Its stages in order, each as it went last, with its duration and its output."""
    newest = {step.stage: step for step in steps}
    return [
        _stage_time(run, target.host_key, newest[stage])
        for stage in Stage
        if stage in newest and _is_told(newest[stage])
    ]


def _is_told(step: Step) -> bool:
    """A stage without a script took no time, and says nothing."""
    return step.started is not None and not (step.detail == "no script" and not step.output_bytes)


def _stage_time(run: Run, host_id: UUID, step: Step) -> StageTime:
    took = ""
    if step.started and step.finished:
        took = duration((step.finished - step.started).total_seconds())
    if step.outcome == Outcome.NOT_NEEDED:
        took = _("not needed")
    has_output = step.stage in STAGES and (step.script or step.output_bytes)
    url = output_url(run, host_id, step.stage) if has_output else ""
    return StageTime(mark(STATE_DURING[Stage(step.stage)]).word, took, step.stage, url)
