"""What really happens when a paused run is resumed: by the order of turns, and by the gate's own rules."""

from collections import Counter

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.run.turns import Turn, turns_now
from dashboard.screens.words import count, listing, said
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_WAITING,
    OnFailure,
    RunState,
    StepState,
    TargetState,
)
from maintenance.models import Run, Step, Target

LOOKED_AT_MAX = 200  # waiting hosts among which the next turns are looked for
NAMED_MAX = 3


def goes_on_words(run: Run, waiting: int) -> str:
    """Who starts at once; or why nobody does. `waiting`: hosts still to do."""
    turns = _next_turns(run)
    still = {"hosts": count(waiting, "host")}
    told = turns_now(run, turns) if run.cloud.is_known(timezone.now()) else {}
    first = next((t for t in turns if t.id not in told or not told[t.id].why_not), None)
    if first is not None:
        return _("Goes on with %(host)s; %(hosts)s still to do.") % {**still, "host": said(first.name)}
    if not turns:
        return _("No further host starts before one at work is done; %(hosts)s still to do.") % still
    return _held_words(run, turns[0], told[turns[0].id])


def nothing_moves(run: Run) -> bool:
    """Whether the run is under way and yet no host can start: of its own at work there is none, and each whose turn
    comes is held, or would fail."""
    if run.state != RunState.RUNNING or run.pausing or not run.cloud.is_known(timezone.now()):
        return False
    if run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING, TargetState.WAITING]).exists():
        return False
    turns = _next_turns(run)
    told = turns_now(run, turns)
    return bool(turns) and all(t.id in told and told[t.id].why_not for t in turns)


def waiting_names(run: Run) -> list[str]:
    """Whose turn comes next."""
    return [target.name for target in _next_turns(run)[:NAMED_MAX]]


def _held_words(run: Run, target: Target, turn: Turn) -> str:
    name = {"host": said(target.name)}
    if turn.waits_for:
        words = ngettext(
            "%(host)s waits until %(out)s is back: nothing moves before.",
            "%(host)s waits until %(out)s are back: nothing moves before.",
            len(turn.waits_for),
        )
        return words % {**name, "out": listing([said(n) for n in turn.waits_for], NAMED_MAX)}
    why = {**name, "why": turn.why_not.rstrip(".")}
    if not turn.is_refused:
        return _("%(host)s is next, and waits: %(why)s. Nothing moves before.") % why
    match run.on_failure:
        case OnFailure.PAUSE:
            words = _("%(host)s is next, and fails at once: %(why)s. The run pauses again.")
        case OnFailure.STOP:
            words = _("%(host)s is next, and fails at once: %(why)s. The run stops.")
        case _:
            words = _("%(host)s is next, and fails at once: %(why)s. The others follow.")
    return words % why


def _next_turns(run: Run) -> list[Target]:
    """Whose turn it is once the run goes on (domain/rolling.py): who waits at the gate already, then by order."""
    open_steps = Step.objects.filter(target=OuterRef("id")).exclude(state=StepState.ENDED)
    waiting = run.targets.filter(state__in=TARGET_WAITING).annotate(has_turn=Exists(open_steps))
    found: list[Target] = []
    in_turn = Counter(
        run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING]).values_list("cluster", flat=True)
    )
    for target in waiting.order_by("-has_turn", "order")[:LOOKED_AT_MAX]:
        is_new = target.cluster_id not in in_turn
        if is_new and len(in_turn) >= run.clusters_in_parallel:
            continue
        if in_turn[target.cluster_key] >= run.max_unavailable:
            continue
        in_turn[target.cluster_key] += 1
        found.append(target)
    return found
