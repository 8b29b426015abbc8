"""The first lines of a run's page: one sentence that says what is so, what follows from it, and the facts beneath."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from dashboard.screens.marks import Mark, mark, moving
from dashboard.screens.strip import counts_of
from dashboard.screens.usual import Ends, held_targets, run_ends
from dashboard.screens.words import count, listing, said, spelled
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_ENDED,
    TARGET_WAITING,
    OnFailure,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.models import Run, Target

ON_FAILURE_WORDS = {
    OnFailure.PAUSE: "pause on failure",
    OnFailure.SKIP: "skip what fails",
    OnFailure.STOP: "stop on failure",
}


@dataclass(frozen=True, slots=True)
class RunHead:
    """`ends` is said after `then`, where it is known."""

    number: int
    says: str
    then: str
    ends: Ends | None
    mark: Mark
    title: str  # of the browser's tab
    name: str
    began: datetime | None
    began_word: str
    by: str
    ticket: str
    scope: str
    rules: str
    plan: str
    finished_at: datetime | None
    started_at: datetime | None


def run_head(run: Run) -> RunHead:
    counts = counts_of(run)
    says, then = _by_hand(run) if run.kind == RunKind.HOST else _sentence(run, counts)
    ends = None if then else run_ends(run, counts, _clusters_left(run))
    drawn = run_mark(run)
    return RunHead(
        number=run.number,
        says=says,
        then=then,
        ends=ends,
        mark=drawn,
        title=says if says.startswith(drawn.word) else f"{drawn.word}: {says}",
        name=run_name(run),
        began=run.started_at or run.created_at,
        began_word="started" if run.started_at else "asked for",
        by=run.started_by,
        ticket=run.ticket,
        scope=run.scope_words,
        rules=_rules(run),
        plan=run.plan_hash[:4],
        finished_at=run.finished_at,
        started_at=run.started_at,
    )


def run_mark(run: Run) -> Mark:
    """A run that was asked to pause is still Running; the word says what it is about to be."""
    if run.state == RunState.RUNNING and run.pausing:
        return moving("Pausing")
    return mark(run.state)


def run_name(run: Run) -> str:
    """What people call this run: the reason they gave, else what it is over."""
    if run.reason:
        return run.reason
    what = "Rolling maintenance" if run.kind == RunKind.ROLLING else "One host by hand"
    return f"{what}, {run.scope_words}" if run.scope_words else what


def run_url(run: Run) -> str:
    return reverse("run", args=[run.id])


def finished_of(counts: dict[str, int]) -> int:
    return sum(counts.get(state, 0) for state in TARGET_ENDED)


def _sentence(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    total, finished = sum(counts.values()), finished_of(counts)
    progress = f"{finished:,} of {count(total, 'host')} finished."
    match run.state:
        case RunState.QUEUED if run.not_before:
            return "Waiting for its time.", f"{count(total, 'host')}, nothing is touched before."
        case RunState.QUEUED:
            return "Waiting for an engine.", f"{count(total, 'host')}, nothing has been touched."
        case RunState.RUNNING if _is_checking(counts):
            checked = counts.get(TargetState.READY, 0)
            then = f"{checked:,} passed so far, nothing is touched before all have."
            return f"Checking all {count(total, 'host')} first.", then
        case RunState.RUNNING if run.pausing:
            return progress, f"Pausing: {_at_work_words(run)}"
        case RunState.RUNNING if held := held_targets(run):
            return _held_words(held)
        case RunState.RUNNING:
            return progress, "" if run_ends(run, counts, 1) else _now_words(run)
        case RunState.PAUSED:
            return f"Paused. {progress}", _why_paused(run)
        case RunState.STOPPING:
            return "Stopping.", _at_work_words(run)
        case _:
            return _end_sentence(run, counts)


def _held_words(held: list[Target]) -> tuple[str, str]:
    """Every host in turn is held: which, and why."""
    names = [said(target.host_name) for target in held]
    if len({target.detail for target in held}) == 1:
        why = _sentence_case(held[0].detail)
    else:
        why = " ".join(f"{said(t.host_name)}: {t.detail.rstrip('.')}." for t in held[:3])
    return f"Held: {listing(names)} {'waits' if len(names) == 1 else 'wait'}.", why


def _why_paused(run: Run) -> str:
    reason = run.paused_reason or {}
    target = run.targets.filter(host=reason["host"]).first() if reason.get("host") else None
    if target is None:
        return _sentence_case(str(reason.get("message") or "nothing starts until somebody resumes"))
    return f"{said(target.host_name)} failed: {target.detail or reason.get('message')}."


def _is_checking(counts: dict[str, int]) -> bool:
    """PreFlight runs on all hosts before the first host's turn."""
    begun_or_ended = sum(counts.get(state, 0) for state in TARGET_BEGUN | TARGET_ENDED)
    return not begun_or_ended and bool(
        counts.get(TargetState.CHECKING, 0) + counts.get(TargetState.WAITING, 0)
    )


def _now_words(run: Run) -> str:
    """What is going on, where it is not known when it will end."""
    at_work = list(run.targets.filter(state__in=TARGET_BEGUN).values_list("host_name", "state")[:50])
    if len(at_work) == 1:
        name, state = at_work[0]
        return f"{said(name)} is {mark(state).word.lower()}."
    return (
        f"{listing([said(name) for name, _ in at_work])} are at work."
        if at_work
        else "The next host starts in a moment."
    )


def _at_work_words(run: Run) -> str:
    names = [
        said(n) for n in run.targets.filter(state__in=TARGET_BEGUN).values_list("host_name", flat=True)[:50]
    ]
    if not names:
        return "no host is out of service."
    finishes = "returns" if run.state == RunState.STOPPING else "finishes and returns"
    if len(names) > 1:
        finishes = "return" if run.state == RunState.STOPPING else "finish and return"
    return f"{listing(names)} {finishes} to service first."


def _end_sentence(run: Run, counts: dict[str, int]) -> tuple[str, str]:
    total = sum(counts.values())
    done, skipped = counts.get(TargetState.DONE, 0), counts.get(TargetState.SKIPPED, 0)
    failed = counts.get(TargetState.FAILED, 0) + counts.get(TargetState.NEEDS_PERSON, 0)
    untouched = counts.get(TargetState.CANCELLED, 0)
    match run.state:
        case RunState.SUCCEEDED:
            if done == total:
                return f"Done: all {count(total, 'host')}.", "Every one is back in service."
            return f"Done, {skipped:,} skipped.", f"{count(done, 'host')} of {total:,} updated."
        case RunState.CANCELLED:
            return "Stopped by a person.", _stopped_words(run, counts)
        case _:
            if run.details and not done and _nothing_touched(run):
                return "Failed. Nothing was touched.", _sentence_case(
                    run.details.removesuffix("; nothing was touched")
                )
            others = f", {untouched:,} not begun" if untouched else ""
            return (
                f"Failed. {spelled(failed)} {'host' if failed == 1 else 'hosts'} failed.",
                f"{done:,} done{others}.",
            )


def _stopped_words(run: Run, counts: dict[str, int]) -> str:
    """How far a run came before it was stopped. A host that was out when that happened had begun."""
    begun = run.targets.filter(state=TargetState.CANCELLED).exclude(out_at=None).count()
    found = {
        "failed": counts.get(TargetState.FAILED, 0),
        "in need of a person": counts.get(TargetState.NEEDS_PERSON, 0),
        "skipped": counts.get(TargetState.SKIPPED, 0),
        "stopped on the way": begun,
        "not begun": counts.get(TargetState.CANCELLED, 0) - begun,
    }
    others = [f"{number:,} {words}" for words, number in found.items() if number]
    return ", ".join([f"{counts.get(TargetState.DONE, 0):,} done", *others]) + "."


def _nothing_touched(run: Run) -> bool:
    return not run.outs.exists()


def _by_hand(run: Run) -> tuple[str, str]:
    target = run.targets.first()
    if target is None:
        return "One host by hand.", ""
    return by_hand_sentence(run, target)


def by_hand_sentence(run: Run, target: Target) -> tuple[str, str]:
    """One host taken out by a person: what is so, what follows."""
    name = said(target.host_name)
    match target.state:
        case TargetState.IN_MAINTENANCE:
            return f"{name} is out of service.", "It is held until a person returns it."
        case TargetState.DRAINING:
            return f"{name} is leaving service.", "Its instances move to other hosts first."
        case TargetState.RETURNING:
            return f"{name} is coming back.", "It counts as out until it is seen Up and Enabled."
        case TargetState.DONE:
            return f"{name} is in service again.", ""
        case TargetState.NEEDS_PERSON:
            return f"{name} needs a person.", _sentence_case(target.detail)
        case TargetState.FAILED | TargetState.CANCELLED | TargetState.SKIPPED:
            return f"{name} was not taken out.", _sentence_case(target.detail)
        case _:
            return f"{name} waits to leave service.", _sentence_case(target.detail)


def _sentence_case(text: str) -> str:
    if not text:
        return ""
    first = text.split()[0]
    start = text[0].upper() if first.isalpha() else text[0]  # kvm4 keeps its name
    return start + text[1:] + ("" if text[-1] in ".!?" else ".")


def _rules(run: Run) -> str:
    if run.kind == RunKind.HOST:
        return ""
    pace = (
        "one host at a time"
        if run.max_unavailable == 1
        else f"{run.max_unavailable} hosts at a time a cluster"
    )
    clusters = "" if run.clusters_in_parallel == 1 else f", {run.clusters_in_parallel} clusters at once"
    return f"{pace}{clusters}, {ON_FAILURE_WORDS[OnFailure(run.on_failure)]}"


def _clusters_left(run: Run) -> int:
    left = run.targets.filter(state__in=[*TARGET_WAITING, *TARGET_BEGUN]).order_by()
    return left.values("cluster").distinct().count()
