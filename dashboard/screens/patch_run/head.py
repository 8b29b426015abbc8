"""The first lines of the page of a live patch, or a restart of routers: what is so, what follows, the facts beneath."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark, mark
from dashboard.screens.patch_run.tallies import PatchTally, outcome_counts, tallies
from dashboard.screens.patch_run.words import stage_word
from dashboard.screens.router_restart.ways import way_name
from dashboard.screens.runs.name import finished_of, kind_words, run_called, run_mark, run_name, thing_of
from dashboard.screens.words import Range, count, figure, listing
from maintenance.domain.router_restart import RestartWay, RouterOutcome
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_WAITING,
    OnFailure,
    RunKind,
    RunState,
    StepState,
    TargetState,
)
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Payload, Run, Step
from maintenance.usual_patches import usual_patch

NAMED_MAX = 3
_FAILED = (TargetState.FAILED, TargetState.NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class PatchHead:
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
    version: str
    way: str  # of a restart: how it is done
    way_why: str  # why not as one would expect
    rules: str
    usual: str
    not_before: datetime | None
    finished_at: datetime | None
    tallies: Sequence[PatchTally]


def patch_head(run: Run) -> PatchHead:
    by_outcome = outcome_counts(run)
    counts = _by_state(by_outcome)
    says, then = _sentence(run, counts, by_outcome)
    drawn = _mark(run, by_outcome)
    payload = Payload.objects.filter(id=run.payload_id).first() if run.payload_id else None
    return PatchHead(
        number=run.number,
        says=says,
        then=then,
        mark=drawn,
        title=says if says.startswith(drawn.word) else f"{drawn.word}: {says}",
        name=run_name(run),
        kind=_kind(run),
        began=run.started_at or run.created_at,
        has_started=run.started_at is not None,
        by=run.started_by,
        reason=run.reason,
        ticket=run.ticket,
        scope=run.scope_words,
        version=payload.version if payload else "",
        way=way_name(run.way) if run.way else "",
        way_why=run.way_words,
        rules=_rules(run),
        usual=_usual() if run.kind == RunKind.LIVE_PATCH else "",
        not_before=run.not_before if run.started_at is None else None,
        finished_at=run.finished_at,
        tallies=tallies(run, by_outcome),
    )


def _kind(run: Run) -> str:
    """A restart is called by its networks, too, where people gave it another name."""
    return run_called(run) if run.kind == RunKind.ROUTER_RESTART else kind_words(run)


def _usual() -> str:
    usual = usual_patch()
    return _("usually %(range)s each") % {"range": Range(usual.low_s, usual.high_s)} if usual else ""


def _by_state(by_outcome: Mapping[tuple[str, str], int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for (state, _result), n in by_outcome.items():
        counts[state] = counts.get(state, 0) + n
    return counts


def _mark(run: Run, by_outcome: Mapping[tuple[str, str], int]) -> Mark:
    """A run that left one not restored, or in doubt, is told red even while it goes on."""
    if any(result == PatchOutcome.FAILED_NOT_RESTORED for (_state, result) in by_outcome):
        return mark(RunState.FAILED) if run.finished_at else mark(TargetState.NEEDS_PERSON)
    return run_mark(run)


def _rules(run: Run) -> str:
    words = {
        OnFailure.PAUSE: _("a failure pauses the run"),
        OnFailure.SKIP: _("a failure is left behind"),
        OnFailure.STOP: _("a failure stops the run"),
    }
    parts = [_("at most %(n)s of a zone at once") % {"n": figure(run.max_unavailable)}]
    if run.canary:
        parts.insert(0, _("%(n)s first, alone") % {"n": figure(run.canary)})
    if run.way != RestartWay.REAPPLY:
        parts.append(_("watched for %(n)s s") % {"n": figure(run.soak_s)})
    parts.append(words[OnFailure(run.on_failure)])
    if run.makes_redundant:
        parts.append(_("the network becomes redundant"))
    if run.forced:
        parts.append(_("forced: also what is current already"))
    return ", ".join(parts)


def _sentence(
    run: Run, counts: Mapping[str, int], by_outcome: Mapping[tuple[str, str], int]
) -> tuple[str, str]:
    total = sum(counts.values())
    match run.state:
        case RunState.QUEUED if run.not_before is not None:
            return _("Waiting for its time."), _untouched_all(run, total)
        case RunState.QUEUED:
            return _("Waiting for an engine."), _untouched_all(run, total)
        case RunState.PAUSED:
            return _("Paused. %(progress)s") % {"progress": _progress(run, counts, total)}, _why_paused(
                run, counts
            )
        case RunState.STOPPING:
            return _("Stopping."), _now(run) or _stopping(run)
        case RunState.RUNNING if run.pausing:
            return _progress(run, counts, total), _("Pausing: what is at work finishes, then nothing starts.")
        case RunState.RUNNING:
            return _progress(run, counts, total), _now(run)
        case _:
            return _ended(run, by_outcome)


def _untouched_all(run: Run, total: int) -> str:
    return _("%(vms)s, nothing has been touched.") % {"vms": count(total, thing_of(run))}


def _progress(run: Run, counts: Mapping[str, int], total: int) -> str:
    facts = {"n": figure(finished_of(dict(counts))), "vms": count(total, thing_of(run))}
    return _("%(n)s of %(vms)s finished.") % facts


def _now(run: Run) -> str:
    """What is at work, and in which step."""
    open_steps = Step.objects.filter(run=run).exclude(state=StepState.ENDED).select_related("target")
    shown = list(open_steps.order_by("target__order")[: NAMED_MAX + 1])
    if len(shown) > NAMED_MAX:
        at_work = run.targets.filter(state__in=TARGET_BEGUN).count()
        return _("%(vms)s at work.") % {"vms": count(at_work, thing_of(run))}
    lines = [
        _("%(vm)s: %(step)s") % {"vm": step.target.name, "step": stage_word(step.stage).lower()}
        for step in shown
    ]
    return f"{listing(lines, most=NAMED_MAX + 1)}." if lines else ""


def _stopping(run: Run) -> str:
    if run.kind == RunKind.ROUTER_RESTART:
        return _("What is at work is finished, or the old router serves on.")
    return _("What is at work is finished or rolled back.")


def _why_paused(run: Run, counts: Mapping[str, int]) -> str:
    # Its first sentence: path and commands for a person stand with what needs one.
    message = str((run.paused_reason or {}).get("message", "")).partition(". ")[0].rstrip(".")
    waiting = sum(counts.get(state, 0) for state in TARGET_WAITING)
    held = ngettext(
        "%(vms)s waits untouched.", "%(vms)s wait untouched.", waiting
    ) % {"vms": count(waiting, thing_of(run))}  # fmt: skip
    return " ".join(part for part in (f"{message}." if message else "", held if waiting else "") if part)


def _ended(run: Run, by_outcome: Mapping[tuple[str, str], int]) -> tuple[str, str]:
    """Nothing is called patched or replaced that was not."""
    told = tallies(run, by_outcome)
    words, said = _well(run, {tally.key: tally.vms for tally in told})
    rest = [f"{tally.mark.word}: {figure(tally.vms)}" for tally in told if tally.key not in said]
    then = f"{' · '.join(rest)}." if rest else ""
    match run.state:
        case RunState.SUCCEEDED:
            return words or _("Nothing had to be done."), then
        case RunState.FAILED:
            failed = run.targets.filter(state__in=_FAILED).order_by("order").values_list("name", flat=True)
            named = listing(list(failed), most=NAMED_MAX)
            return (_("Failed: %(vms)s.") % {"vms": named} if named else _("Failed.")), then or run.details
        case _:
            return _("Cancelled."), then or run.details


def _well(run: Run, counts: Mapping[str, int]) -> tuple[str, frozenset[str]]:
    """What went well, in words, and which tallies these tell."""
    patched, replaced, reapplied = (
        counts.get(key, 0) for key in (PatchOutcome.PATCHED, RouterOutcome.REPLACED, RouterOutcome.REAPPLIED)
    )
    found: list[tuple[str, str]] = []
    if patched:
        words = ngettext("%(vms)s patched.", "%(vms)s patched.", patched)
        found.append((PatchOutcome.PATCHED, words % {"vms": count(patched, "system VM")}))
    if replaced:
        words = ngettext("%(vms)s replaced.", "%(vms)s replaced.", replaced)
        found.append((RouterOutcome.REPLACED, words % {"vms": count(replaced, "router")}))
    if reapplied:
        words = ngettext(
            "The rules of %(vms)s were applied again.", "The rules of %(vms)s were applied again.", reapplied
        )
        found.append((RouterOutcome.REAPPLIED, words % {"vms": count(reapplied, "router")}))
    return " ".join(words for _key, words in found), frozenset(key for key, _words in found)
