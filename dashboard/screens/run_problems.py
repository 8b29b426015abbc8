"""What went wrong in a run: the cause, the last output, how the host is now, and what can safely be done about it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from dashboard.screens.actions import Action, for_role
from dashboard.screens.census import RUNNING
from dashboard.screens.marks import NEEDS_PERSON, Mark, host_mark, mark
from dashboard.screens.output import Line, tail
from dashboard.screens.run_actions import return_action, target_actions
from dashboard.screens.run_now import output_url
from dashboard.screens.words import count
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, Host, HostOut, Instance, Run, Step, Target

SHOWN_MAX = 12


@dataclass(frozen=True, slots=True)
class HostNow:
    """How the host is, as last read."""

    mark: Mark
    words: str
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class Problem:
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


@dataclass(frozen=True, slots=True)
class Problems:
    shown: list[Problem]
    more: int


def run_problems(run: Run, role: str) -> Problems:
    """Open attentions of the run, its failed hosts that can still be helped, and why it is paused."""
    open_now = list(
        Attention.objects.filter(run=run, resolved_at=None)
        .select_related("target")
        .order_by("since")[: SHOWN_MAX + 1]
    )
    found = [_of_attention(run, attention, role) for attention in open_now]
    told = {attention.target_id for attention in open_now if attention.target_id}
    if run.state == RunState.PAUSED:
        stuck = run.targets.filter(state__in=[TargetState.FAILED, TargetState.NEEDS_PERSON]).exclude(
            id__in=told
        )
        found += [_of_target(run, target, role) for target in stuck.order_by("order")[:SHOWN_MAX]]
    if (run.state == RunState.PAUSED or run.pausing) and _is_by_person(run):
        found.insert(0, _by_person(run))
    return Problems(found[:SHOWN_MAX], max(0, len(found) - SHOWN_MAX))


def _is_by_person(run: Run) -> bool:
    return run.paused_reason is not None and not run.paused_reason.get("host")


def _by_person(run: Run) -> Problem:
    reason = run.paused_reason or {}
    title = "A person asked for a pause" if run.pausing else "Paused by a person"
    cause = (
        "Hosts at work finish and return to service; then nothing starts until somebody resumes."
        if run.pausing
        else "No host is out of service because of this run. Nothing starts until somebody resumes."
    )
    since = parse_datetime(str(reason.get("since", "")))
    return Problem(
        mark(RunState.PAUSED), title, "", "", cause, since, str(reason.get("by", "")), None, [], "", "", []
    )


def _of_attention(run: Run, attention: Attention, role: str) -> Problem:
    if attention.target is not None:
        return _problem(run, attention.target, attention, role)
    actions = for_role(attention_actions(attention), role)
    return Problem(
        NEEDS_PERSON,
        attention.title,
        "",
        "",
        attention.message,
        attention.since,
        "",
        None,
        [],
        "",
        "",
        actions,
    )


def _of_target(run: Run, target: Target, role: str) -> Problem:
    return _problem(run, target, None, role)


def _problem(run: Run, target: Target, attention: Attention | None, role: str) -> Problem:
    step = failed_step(target)
    lines = tail(step) if step is not None and step.stage in STAGES else []
    actions = (
        target_actions(run, target, role)
        if target.state in {TargetState.FAILED, TargetState.NEEDS_PERSON}
        else []
    )
    if target.state == TargetState.NEEDS_PERSON:
        actions += for_role([return_action(target.host_id, target.host_name)], role)
    if attention is not None:
        actions += for_role(attention_actions(attention), role)
    return Problem(
        mark=mark(TargetState.FAILED) if target.state == TargetState.FAILED else NEEDS_PERSON,
        title=attention.title if attention else f"{target.host_name} failed",
        host_name=target.host_name,
        host_url=reverse("host", args=[target.host_id]),
        cause=cause_words(attention.message if attention else target.detail, step),
        since=attention.since if attention else target.finished_at,
        by=attention.taken_by if attention else "",
        host_now=host_now(target.host_id, target),
        lines=lines,
        output_url=output_url(run, target.host_id, step.stage) if lines and step else "",
        stage=step.stage if step else "",
        actions=actions,
    )


def cause_words(words: str, step: Step | None) -> str:
    """With the stage it happened in, where the words do not say so themselves."""
    return words if step is None or step.stage in words else f"{step.stage}: {words}"


def failed_step(target: Target) -> Step | None:
    bad = Step.objects.filter(target=target).exclude(outcome__in=["", Outcome.OK, Outcome.NOT_NEEDED])
    return bad.order_by("-attempt", "-finished").first()


def attention_actions(attention: Attention) -> list[Action]:
    """Whoever takes it is named to everybody; closing it by hand asks why."""
    found = []
    if not attention.taken_by:
        says = "Everybody sees that you have it."
        found.append(Action("I take it", "user", reverse("attention-take", args=[attention.id]), says))
    says = "It leaves this list. Nothing is done to the host."
    closing = Action(
        "Close…",
        "right",
        reverse("attention-resolve", args=[attention.id]),
        says,
        confirm="Close it, with this reason",
        asks="Why is it settled?",
        field=f"reason-{attention.id}",
    )
    return [*found, closing]


def host_now(host_id: UUID, target: Target | None = None) -> HostNow:
    host = Host.objects.select_related("cloud").filter(id=host_id).first()
    if host is None:
        return HostNow(mark("?"), "The cloud no longer lists this host.", None)
    is_ours = HostOut.objects.filter(host=host, closed_at=None).exists()
    open_target = target if target is not None and target.is_open else None
    drawn = host_mark(host, timezone.now(), target=open_target, is_ours=is_ours)
    on_it = Instance.objects.filter(host=host, gone_at=None, state__in=RUNNING).count()
    words = f"agent {host.state}, {host.resource_state}, {count(on_it, 'instance')} on it"
    return HostNow(drawn, words, host.cloud.read_at)
