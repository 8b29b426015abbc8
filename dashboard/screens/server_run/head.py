"""The first lines of the page of a run over management servers: what is so, what follows, and the facts beneath."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark
from dashboard.screens.runs.name import finished_of, kind_words, run_mark, run_name
from dashboard.screens.runs.strip import counts_of
from dashboard.screens.server_run.lanes import left_words
from dashboard.screens.server_run.words import stage_word
from dashboard.screens.words import count, figure, listing, said
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_ENDED,
    TARGET_WAITING,
    RunKind,
    RunState,
    StepState,
    TargetState,
)
from maintenance.models import Run, Step, Target

FAILED = (TargetState.FAILED, TargetState.NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class ServerRunHead:
    number: int
    says: str
    then: str
    mark: Mark
    title: str  # of the browser's tab
    name: str
    kind: str
    began: datetime
    has_started: bool
    by: str
    reason: str
    ticket: str
    scope: str
    rules: str
    finished_at: datetime | None


def server_run_head(run: Run) -> ServerRunHead:
    counts = counts_of(run)
    says, then = _sentence(run, counts)
    drawn = _mark(run, counts)
    return ServerRunHead(
        number=run.number,
        says=says,
        then=then,
        mark=drawn,
        title=says if says.startswith(drawn.word) else f"{drawn.word}: {says}",
        name=run_name(run),
        kind=kind_words(run),
        began=run.started_at or run.created_at,
        has_started=run.started_at is not None,
        by=run.started_by,
        reason=run.reason,
        ticket=run.ticket,
        scope=run.scope_words,
        rules=_rules(run),
        finished_at=run.finished_at,
    )


def _mark(run: Run, counts: dict[str, int]) -> Mark:
    """A server that is held waits for a person: nothing moves."""
    is_held = bool(counts.get(TargetState.IN_MAINTENANCE))
    return run_mark(run, is_held=is_held)


def _rules(run: Run) -> str:
    parts = [_("agents leave by %(algorithm)s") % {"algorithm": run.algorithm}] if run.algorithm else []
    if run.forced:
        parts.append(_("forced at the end of its window"))
    if run.kind == RunKind.SERVER_RESTART:
        parts.append(_("one at a time, each watched for %(n)s s") % {"n": figure(run.settle_s)})
    return ", ".join(parts)


def _sentence(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    servers = count(sum(counts.values()), "server")
    match run.state:
        case RunState.QUEUED:
            return _("Waiting for an engine."), _("%(servers)s, nothing has been touched.") % {
                "servers": servers
            }
        case RunState.PAUSED:
            return _("Paused. %(progress)s") % {"progress": _progress(run, counts)}, _why_paused(run)
        case RunState.STOPPING:
            return _("Stopping."), _now(run) or _("The server at work goes back to Up first.")
        case RunState.RUNNING if run.pausing:
            return _progress(run, counts), _("Pausing: the server at work finishes, then nothing starts.")
        case RunState.RUNNING:
            return _progress(run, counts), _now(run)
        case _:
            return _ended(run, counts)


def _progress(run: Run, counts: dict[str, int]) -> str:
    if run.kind == RunKind.SERVER_RESTART:
        facts = {"n": figure(finished_of(counts)), "servers": count(sum(counts.values()), "server")}
        return _("%(n)s of %(servers)s finished.") % facts
    target = run.targets.first()
    if target is None:
        return str(kind_words(run))
    return _of_one(run, target)


def _of_one(run: Run, target: Target) -> str:
    named = {"server": said(target.name)}
    match target.state:
        case TargetState.IN_MAINTENANCE if run.kind == RunKind.SERVER_SHUTDOWN:
            return _("%(server)s is ready to shut down, and held there.") % named
        case TargetState.IN_MAINTENANCE:
            return _("%(server)s is in maintenance, and held there.") % named
        case TargetState.NEEDS_PERSON:
            return _("%(server)s needs a person.") % named
        case TargetState.WORKING:
            return _("%(server)s is shutting down.") % named
        case TargetState.RETURNING:
            return _("%(server)s goes back to Up.") % named
        case _ if run.kind == RunKind.SERVER_SHUTDOWN:
            return _("%(server)s is getting ready to shut down.") % named
        case _:
            return _("%(server)s is getting ready for maintenance.") % named


def _now(run: Run) -> str:
    """What the server at work does, and what is left on it; or whom a held one waits for."""
    target = run.targets.filter(state__in=TARGET_BEGUN).order_by("order").first()
    if target is None:
        return ""
    if target.state == TargetState.IN_MAINTENANCE:
        if run.kind == RunKind.SERVER_SHUTDOWN:
            return _("Until somebody shuts it down, or cancels.")
        return _("Until somebody cancels the maintenance, or shuts it down.")
    step = Step.objects.filter(target=target).exclude(state=StepState.ENDED).first()
    if step is None:
        return ""
    if run.kind != RunKind.SERVER_RESTART:
        left = left_words(step.movement, stage=step.stage, with_names=False)
        return f"{left}." if left else ""
    doing = {
        "server": said(target.name),
        "stage": stage_word(step.stage),
        "left": left_words(step.movement, stage=step.stage, with_names=False),
    }
    if doing["left"]:
        return _("%(server)s: %(stage)s, %(left)s.") % doing
    return _("%(server)s: %(stage)s.") % doing


def _why_paused(run: Run) -> str:
    reason = run.paused_reason or {}
    message = str(reason.get("message", "")).rstrip(".")
    waiting = run.targets.filter(state__in=TARGET_WAITING).count()
    held = ngettext(
        "%(servers)s waits untouched.", "%(servers)s wait untouched.", waiting
    ) % {"servers": count(waiting, "server")}  # fmt: skip
    return " ".join(part for part in (f"{message}." if message else "", held if waiting else "") if part)


def _ended(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    failed = [said(name) for name in _names(run, FAILED)]
    match run.state:
        case RunState.SUCCEEDED if run.kind == RunKind.SERVER_RESTART:
            done = counts.get(TargetState.DONE, 0)
            says = ngettext("%(servers)s was restarted.", "%(servers)s were restarted.", done)
            rest = sum(counts.values()) - done
            then = _("%(servers)s skipped.") % {"servers": count(rest, "server")} if rest else ""
            return says % {"servers": count(done, "server")}, then
        case RunState.SUCCEEDED:
            return _("Done."), _how_it_ended(run)
        case RunState.FAILED:
            says = _("Failed: %(servers)s.") % {"servers": listing(failed)} if failed else _("Failed.")
            return says, _untouched(counts) or run.details
        case _:
            return _("Cancelled."), run.details


def _how_it_ended(run: Run) -> str:
    last = Step.objects.filter(run=run, state=StepState.ENDED).order_by("finished").last()
    target = run.targets.first()
    if last is None or target is None:
        return ""
    named = {"server": said(target.name)}
    if last.stage == "TriggerShutdown":
        return _("%(server)s is down, as asked.") % named
    return _("%(server)s is Up again.") % named


def _untouched(counts: dict[str, int]) -> str:
    left = counts.get(TargetState.CANCELLED, 0) + counts.get(TargetState.SKIPPED, 0)
    words = ngettext("%(servers)s was left as it was.", "%(servers)s were left as they were.", left)
    return words % {"servers": count(left, "server")} if left else ""


def _names(run: Run, states: tuple[str, ...]) -> list[str]:
    assert set(states) <= TARGET_ENDED
    return list(run.targets.filter(state__in=states).order_by("order").values_list("name", flat=True))
