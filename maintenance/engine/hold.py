"""Holding a host: its step goes back to the queue, due again soon, and the page says why it waits."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from maintenance.clock import database_now
from maintenance.domain.gate import Hold
from maintenance.domain.states import StepState, TargetState
from maintenance.engine.advance import lock_run, move_target
from maintenance.engine.attention import WAITS, Cause, ask_for_person, resolve_attentions
from maintenance.engine.claim import Claim, fenced
from maintenance.engine.taken import taken_by_others
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.models import Host, HostOut, Run, Step, Target

HOLD_S = 1.0
UNSETTLED_TELL = timedelta(minutes=2)
AWAY_TELL = timedelta(minutes=2)  # a host of nobody's that is down or disabled
OURS_TELL = timedelta(minutes=30)  # a slot that a run uses comes free with its host, which may take its time


def hold_step(claim: Claim, hold: Hold, *, for_s: float = HOLD_S) -> None:
    """The host waits, untouched; whoever claims its step later asks the gate again. One that is held for long may not
    help itself: a person is told. It still goes on by itself. Raises: LostLease.
    """
    with unit_of_work(ENGINE) as work:
        run = lock_run(claim.run_id)
        target = Target.objects.select_for_update(no_key=True).get(id=claim.target_id)
        step = Step.objects.get(id=claim.step_id)
        now = database_now()
        _give_back(claim, note=hold.reason, for_s=for_s)
        move_target(work, target, TargetState.READY, detail=hold.reason)
        _tell(work, run, target, hold, now - (step.started or now))


def _tell(work: UnitOfWork, run: Run, target: Target, hold: Hold, held_for: timedelta) -> None:
    """A person is asked for once it has lasted; what was asked for another reason is settled."""
    match hold.code:
        case "no-room":
            cause, after, taken = Cause.NO_ROOM, timedelta(seconds=settings.HELD_TELL_S), None
        case "unsettled":
            cause, after, taken = Cause.UNSETTLED, UNSETTLED_TELL, None
        case "slot":
            cause, after, taken = _in_the_way(hold)
        case _:
            return  # a person paused the run: nobody has to be told
    # What others took is settled when it is seen back, even where it waits for something else by then.
    others = WAITS - {cause, Cause.FOREIGN_MAINTENANCE}
    resolve_attentions(work, Q(target=target, cause__in=others), by="observed: it waits for another reason")
    if held_for <= after:
        return
    message = hold.reason
    if taken is not None:
        message = (
            f"{taken.name} is {taken.resource_state}, and not by Pitstop, which never touches it by itself. "
            f"{target.name} of run {run.number} waits for it: {hold.reason}"
        )
    ask_for_person(work, cause, run=run, target=target, message=message, host=taken)


def _in_the_way(hold: Hold) -> tuple[Cause, timedelta, Host | None]:
    """Who has the slot: others, who will not hear of us; nobody, as of a host that is down; or a run of ours."""
    taken = taken_by_others().filter(id__in=hold.hosts).order_by("name").first()
    if taken is not None:
        return Cause.FOREIGN_MAINTENANCE, timedelta(seconds=settings.HELD_TELL_S), taken
    is_ours = HostOut.objects.filter(host__in=hold.hosts, closed_at=None).exists()
    return Cause.SLOT_TAKEN, OURS_TELL if is_ours else AWAY_TELL, None


def postpone(claim: Claim, reason: str, for_s: float) -> None:
    """Ask again later: the cloud said not now. The host stays where it is. Raises: LostLease."""
    with unit_of_work(ENGINE) as work:
        _give_back(claim, note=reason, for_s=for_s)
        about = {"run": str(claim.run_id), "target": str(claim.target_id), "step": str(claim.step_id)}
        work.event("step.moved", about, after={"note": reason})


def hand_on(claim: Claim) -> None:
    """Give the step to whichever engine is there, at once: this one goes down. Raises: LostLease."""
    with unit_of_work(ENGINE) as work:
        _give_back(claim, note="handed on by an engine that stops", for_s=0)
        work.wake_engine()


def _give_back(claim: Claim, *, note: str, for_s: float) -> None:
    fenced(
        claim,
        state=StepState.PENDING,
        due_at=database_now() + timedelta(seconds=for_s),
        owner=None,
        lease_until=None,
        note=note,
    )
