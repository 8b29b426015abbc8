"""Holding a host: its step goes back to the queue, due again soon, and the page says why it waits."""

from datetime import timedelta

from maintenance.clock import database_now
from maintenance.domain.states import StepState, TargetState
from maintenance.engine.advance import lock_run, move_target
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.engine.claim import Claim, fenced
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Step, Target

HOLD_S = 1.0
# A host that is held this long may not help itself: a person is told. It still goes on by itself. A slot that another
# run uses comes free with that run's host, which may take its time.
TELL_AFTER = {
    "no-room": timedelta(seconds=20),
    "unsettled": timedelta(minutes=2),
    "slot": timedelta(minutes=30),
}


def hold_step(claim: Claim, code: str, reason: str, *, for_s: float = HOLD_S) -> None:
    """The host waits, untouched; whoever claims its step later asks the gate again. Raises: LostLease."""
    with unit_of_work(ENGINE) as work:
        run = lock_run(claim.run_id)
        target = Target.objects.select_for_update(no_key=True).get(id=claim.target_id)
        step = Step.objects.get(id=claim.step_id)
        now = database_now()
        _give_back(claim, note=reason, for_s=for_s)
        move_target(work, target, TargetState.READY, detail=reason)
        held_for = now - (step.started or now)
        if code in TELL_AFTER and held_for > TELL_AFTER[code]:
            ask_for_person(work, Cause.HELD, run=run, target=target, message=reason)


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
