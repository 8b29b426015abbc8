"""What will happen, happens and has happened to a tenant's networks and machines, in the order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, moving
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.shapes import gap
from dashboard.screens.portal.work import Work
from dashboard.screens.words import listing
from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import RunKind
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Target

MOMENTS_MAX = 30
SHOWN_FOR = timedelta(days=7)
_PLANNED = Mark("Waiting", "", "waiting")
_BEGAN = _PLANNED  # of what is over: nothing moves any more
# From good to bad; a restart's failures have the same values as a patch's.
_ENDS: dict[str, Mark] = {
    PatchOutcome.PATCHED: Mark("Done", "", "done"),
    PatchOutcome.ALREADY_CURRENT: Mark("Current", "", "done"),
    RouterOutcome.REPLACED: Mark("Done", "", "done"),
    RouterOutcome.REAPPLIED: Mark("Done", "", "done"),
    PatchOutcome.FAILED_RESTORED: Mark("NeedsPerson", "", "paused"),
    PatchOutcome.NOTHING_CHANGED: Mark("NeedsPerson", "", "paused"),
    PatchOutcome.FAILED_NOT_RESTORED: Mark("Failed", "", "failed"),
    PatchOutcome.UNCONFIRMED: Mark("Unknown", "", "unknown"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` None: some time ahead, not known when."""

    at: datetime | None
    mark: Mark
    what: str
    whom: str
    is_ahead: bool = False


def timeline(facts: Facts, works: Sequence[Work]) -> list[Moment]:
    """What is ahead first, then the newest."""
    found = [*_of_work(works, facts.now), *(m for place in facts.places for m in _of_place(place, facts))]
    some_day = facts.now + timedelta(days=10_000)
    ahead = sorted((m for m in found if m.is_ahead), key=lambda m: m.at or some_day)
    past = [m for m in found if not m.is_ahead and m.at is not None and facts.now - m.at <= SHOWN_FOR]
    past.sort(key=lambda m: m.at or facts.now, reverse=True)
    return [*ahead, *past][:MOMENTS_MAX]


def _of_work(works: Sequence[Work], now: datetime) -> Iterator[Moment]:
    for work in works:
        whom = listing(work.names)
        if work.began is None and work.ended is None:
            is_ahead = work.begins is None or work.begins > now
            what = (
                _("Planned: work on the hardware begins")
                if is_ahead
                else _("Work on the hardware begins soon")
            )
            yield Moment(work.begins, _PLANNED, what, whom, is_ahead=True)
        if work.began is not None:
            mark = moving("") if work.ended is None else _BEGAN
            yield Moment(work.began, mark, _("Work on the hardware began"), whom)
        if work.ended is not None:
            yield Moment(work.ended, work.mark, _("Work on the hardware ended"), whom)


def _of_place(place: Place, facts: Facts) -> Iterator[Moment]:
    runs: dict[Run, list[Target]] = {}
    for target in (*place.under_way, *place.ran):
        ones = runs.setdefault(target.run, [])
        if target.id not in {one.id for one in ones}:
            ones.append(target)
    for run, targets in runs.items():
        began = min(
            (step.started for target in targets for step in facts.steps.get(target.id, []) if step.started),
            default=None,
        )
        ahead, at_start = _begin_words(run)
        if began is None:
            if run.not_before is not None and run.not_before > facts.now:
                yield Moment(run.not_before, _PLANNED, ahead, place.name, is_ahead=True)
            continue
        ended = [target for target in targets if target.finished_at is not None and target.result in _ENDS]
        is_over = len(ended) == len(targets)
        yield Moment(began, _BEGAN if is_over else moving(""), at_start, place.name)
        if is_over:
            worst = max(ended, key=lambda target: list(_ENDS).index(target.result))
            at = max(target.finished_at for target in ended if target.finished_at is not None)
            words = _end_words(run, worst.result)
            # Known of the newest run alone.
            if place.away_ms and worst in place.ran:
                words = _("%(end)s; %(gap)s without an answer") % {"end": words, "gap": gap(place.away_ms)}
            yield Moment(at, _ENDS[worst.result], words, place.name)


def _begin_words(run: Run) -> tuple[str, str]:
    if run.kind == RunKind.ROUTER_RESTART:
        return _("Planned: your operators restart its router"), _(
            "Your operators began to restart its router"
        )
    return _("Planned: the update begins"), _("The update began")


def _end_words(run: Run, result: str) -> str:
    restart = run.kind == RunKind.ROUTER_RESTART
    match result:
        case PatchOutcome.PATCHED:
            return _("Updated, everything answered")
        case PatchOutcome.ALREADY_CURRENT:
            return _("Nothing to do")
        case RouterOutcome.REPLACED:
            return _("Restarted, everything answered")
        case RouterOutcome.REAPPLIED:
            return _("Rules set again, everything answered")
        case PatchOutcome.FAILED_RESTORED:
            return (
                _("Not restarted, the previous router serves")
                if restart
                else _("Not updated, the previous version is back")
            )
        case PatchOutcome.NOTHING_CHANGED:
            return (
                _("Not restarted, nothing was replaced") if restart else _("Not updated, nothing was changed")
            )
        case PatchOutcome.FAILED_NOT_RESTORED:
            return _("Not restarted, being repaired") if restart else _("Not updated, being repaired")
        case _:
            return _("Could not be confirmed")
