"""What went wrong in a run: the cause, the last output, how the host is now, and what can safely be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dashboard.screens.actions import Action, for_role
from dashboard.screens.host.now import HostNow, hosts_now
from dashboard.screens.marks import NEEDS_PERSON, Mark, mark
from dashboard.screens.needs.actions import attention_actions, host_actions, taken_actions
from dashboard.screens.needs.waiting import open_needs, waiting_for, waiting_of, waiting_words
from dashboard.screens.run.actions import after_flagged_words, return_action, target_actions
from dashboard.screens.run.causes import CauseOfMany, run_causes
from dashboard.screens.run.consequences import stuck_words
from dashboard.screens.run.now import output_url
from dashboard.screens.run.printed import Line, tail
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import WAITS
from maintenance.models import Attention, Run, Step, Target

SHOWN_MAX = 6  # more are grouped by cause on the page of what needs a person
STUCK = (TargetState.FAILED, TargetState.NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class Problem:
    """`url`: its own page, where there is one."""

    mark: Mark
    title: str
    host_name: str
    host_url: str
    cause: str
    since: datetime | None
    by: str
    host_now: HostNow | None
    lines: list[Line]
    output_url: str
    stage: str
    actions: list[Action]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Problems:
    """`causes`: all of them, where there are more problems than are shown one by one."""

    shown: list[Problem]
    more: int
    causes: list[CauseOfMany]


def run_problems(run: Run, role: str) -> Problems:
    """Open attentions of the run, its failed hosts that can still be helped, and why it is paused."""
    open_now = open_needs(run)
    found = list(open_now.select_related("run", "target", "host").order_by("since", "id")[:SHOWN_MAX])
    total = open_now.count() if len(found) == SHOWN_MAX else len(found)
    untold: list[Target] = []
    if run.state == RunState.PAUSED and len(found) < SHOWN_MAX:
        open_ones = Attention.objects.filter(run=run, resolved_at=None)
        told = list(open_ones.exclude(target=None).values_list("target_id", flat=True))
        stuck = run.targets.filter(state__in=STUCK).exclude(id__in=told)
        untold = list(stuck.order_by("order")[: SHOWN_MAX - len(found)])
        total += stuck.count() if len(found) + len(untold) == SHOWN_MAX else len(untold)
    shown = _problems(run, found, untold, role)
    if (run.state == RunState.PAUSED or run.pausing) and _is_by_person(run):
        shown.insert(0, _by_person(run))
    more = max(0, total - len(found) - len(untold))
    return Problems(shown, more, run_causes(run) if more else [])


def _is_by_person(run: Run) -> bool:
    return run.paused_reason is not None and not run.paused_reason.get("host")


def _by_person(run: Run) -> Problem:
    reason = run.paused_reason or {}
    if run.pausing:
        title = _("A person asked for a pause")
        cause = _("Hosts at work finish and return to service; then nothing starts until somebody resumes.")
    else:
        title = _("Paused by a person")
        none = _("No host is out of service because of this run.")
        cause = f"{stuck_words(run) or none} {_('Nothing starts until somebody resumes.')}"
    since = parse_datetime(str(reason.get("since", "")))
    by = str(reason.get("by", ""))
    return Problem(mark(RunState.PAUSED), title, "", "", cause, since, by, None, [], "", "", [])


def _problems(
    run: Run, attentions: Sequence[Attention], untold: Sequence[Target], role: str
) -> list[Problem]:
    targets = [attention.target for attention in attentions if attention.target] + list(untold)
    now = hosts_now([target.host_key for target in targets], targets)
    steps = failed_steps(targets)
    waiting = waiting_for(attentions, run)
    found = []
    for attention in attentions:
        if names := waiting_of(attention, waiting):
            found.append(_in_the_way(run, attention, names, role))
            continue
        target = attention.target
        stands = now[target.host_key] if target else None
        step = steps.get(target.id) if target and attention.cause not in WAITS else None
        actions = host_actions(attention, role) + for_role(attention_actions(attention), role)
        found.append(_problem(run, target, attention, step, stands, actions))
    for target in untold:
        actions = _stuck_actions(run, target, role)
        found.append(_problem(run, target, None, steps.get(target.id), now[target.host_key], actions))
    return found


def _in_the_way(run: Run, attention: Attention, names: list[str], role: str) -> Problem:
    """One host that several wait for. What concerns one of them alone stands in its own row: no button of another
    slides under the mouse when one of them is skipped."""
    words = _("%(waiting)s Each of them can be skipped in its row.") % {"waiting": waiting_words(names)}
    problem = _problem(run, None, attention, None, None, taken_actions(attention, role))
    return replace(
        problem, cause=words, actions=problem.actions + for_role(attention_actions(attention), role)
    )


def _stuck_actions(run: Run, target: Target, role: str) -> list[Action]:
    found = target_actions(run, target, role)
    if target.state == TargetState.NEEDS_PERSON:
        back = return_action(target.host_key, target.name)
        back = replace(back, says=f"{back.says} {after_flagged_words(run)}")
        found += for_role([back], role)
    return found


def _problem(
    run: Run,
    target: Target | None,
    attention: Attention | None,
    step: Step | None,
    stands: HostNow | None,
    actions: list[Action],
) -> Problem:
    has_output = step is not None and step.stage in STAGES
    lines = tail(step) if step is not None and has_output else []
    words = attention.message if attention else target.detail if target else ""
    is_failed = target is not None and target.state == TargetState.FAILED
    name = target.name if target else ""
    return Problem(
        mark=mark(TargetState.FAILED) if is_failed else NEEDS_PERSON,
        title=attention.title if attention else _("%(host)s failed") % {"host": name},
        host_name=name,
        host_url=reverse("host", args=[target.host_id]) if target else "",
        cause=cause_words(words, step),
        since=attention.since if attention else target.finished_at if target else None,
        by=attention.taken_by if attention else "",
        host_now=stands,
        lines=lines,
        output_url=output_url(run, target.host_key, step.stage) if lines and step and target else "",
        stage=step.stage if step else "",
        actions=actions,
        url=reverse("need", args=[attention.id]) if attention else "",
    )


def cause_words(words: str, step: Step | None) -> str:
    """With the stage it happened in, where the words do not say so themselves."""
    return words if step is None or step.stage in words else f"{step.stage}: {words}"


def failed_step(target: Target) -> Step | None:
    """The last step of the host that did not go well, in its newest attempt that had one."""
    return failed_steps([target]).get(target.id)


def failed_steps(targets: Sequence[Target]) -> dict[UUID, Step]:
    """The same for many."""
    bad = Step.objects.filter(target__in=targets).exclude(
        outcome__in=["", Outcome.OK, Outcome.NOT_NEEDED, Outcome.STOPPED]
    )
    newest = bad.order_by("target_id", "-attempt", "-finished").distinct("target_id")
    return {step.target_id: step for step in newest}
