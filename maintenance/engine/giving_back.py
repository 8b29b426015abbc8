"""Return: have the cloud cancel the maintenance, and believe it only when the host is seen Enabled and Up."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from maintenance.backends.base import Later, Never, NoReply
from maintenance.clock import database_now
from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import TargetState
from maintenance.engine.advance import lock_run, move_target
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.engine.claim import check_claim
from maintenance.engine.drain import missing_instances
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.engine.intents import (
    follow_jobs,
    had_silence,
    last_failure,
    open_intents,
    send,
    write_intent,
)
from maintenance.engine.settle import Ending, end_step, stop_the_line
from maintenance.feed import ENGINE, unit_of_work
from maintenance.limits import HOST_RETURN_TIMEOUT_S
from maintenance.models import HostOut, Intent, Target

LOOK_EVERY_S = 0.1


def give_back(hands: Hands) -> None:
    """The host is seen Enabled and Up, every request for it is settled or expired, and the ledger is closed; or
    nobody could bring it back in time, and it is flagged. Re-entrant. Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(HOST_RETURN_TIMEOUT_S.now())
    while True:
        ending = _look(hands)
        if ending is None and database_now() > deadline:
            ending = Ending(Outcome.TIMED_OUT, _why_late(hands))
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _look(hands: Hands) -> Ending | None:
    """One look: how the return ended, or None while it goes on."""
    follow_jobs(hands)
    try:
        host = hands.host_now()
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if host is None:
        return None
    if host.state == "Up" and host.resource_state == "Enabled":
        return _seen_good(hands)
    _forget_good(hands)
    if host.resource_state in MAINTENANCE_STATES and host.state == "Up" and not open_intents(hands).exists():
        return _ask(hands)
    hands.note(f"the host is {host.state} and {host.resource_state}")
    return None


def _ask(hands: Hands) -> Ending | None:
    with unit_of_work(ENGINE):
        check_claim(hands.claim)
        intent = write_intent(hands, "cancel")
    try:
        send(hands, intent, lambda until: hands.cloud.cancel_maintenance(hands.host_id, expires_at=until))
    except Never as refusal:
        # A refused return is looked at again until the deadline: the host may be home already.
        hands.note(f"the cloud refused: {refusal}")
        hands.rest(2)
    except Later as reason:
        hands.note(f"the cloud said later: {reason}")
        hands.rest(min(reason.retry_after_s or 1, 30))
    return None


def _seen_good(hands: Hands) -> Ending | None:
    """Enabled and Up. Once is enough when every request is settled; after a silence it must hold for five seconds."""
    if open_intents(hands).exists():
        return None
    if had_silence(hands) and not _good_for_long(hands):
        hands.note("in service; a request went without a reply, so it is looked at once more")
        return None
    lost = _lost_instances(hands)
    if lost is None:
        return None
    _close_ledger(hands, lost)
    return Ending(Outcome.OK)


def _good_for_long(hands: Hands) -> bool:
    out = HostOut.objects.filter(target=hands.target, closed_at=None).first()
    if out is None:
        return True
    now = database_now()
    if out.good_since is None:
        HostOut.objects.filter(id=out.id).update(good_since=now)
        return False
    return now - out.good_since >= timedelta(seconds=settings.SECOND_LOOK_S)


def _forget_good(hands: Hands) -> None:
    HostOut.objects.filter(target=hands.target, closed_at=None).exclude(good_since=None).update(
        good_since=None
    )


def _close_ledger(hands: Hands, lost: str) -> None:
    """Observed: back in service. The slot is free from here on."""
    with unit_of_work(ENGINE) as work:
        run = lock_run(hands.run.id)
        check_claim(hands.claim)
        now = database_now()
        closed = HostOut.objects.filter(target=hands.target, closed_at=None).update(
            closed_at=now, closed_by="observed Enabled and Up"
        )
        if not closed:
            return
        target = Target.objects.select_for_update(no_key=True).get(id=hands.target.id)
        move_target(work, target, TargetState(target.state), back_at=now)
        work.event("host.back", hands.about)
        waited = Q(target=target, cause=Cause.HOST_NOT_BACK) | Q(
            host_id=target.host_id, cause=Cause.FOREIGN_MAINTENANCE
        )
        resolve_attentions(work, waited, by="observed Enabled and Up")
        if lost:
            ask_for_person(work, Cause.INSTANCE_LOST, run=run, target=target, message=lost)
            stop_the_line(work, run, target, Cause.INSTANCE_LOST, lost, now)
        hands.target = target
        failpoint("ledger.closing", target.name)
    failpoint("ledger.closed", target.name)


def _lost_instances(hands: Hands) -> str | None:
    """Of the instances that ran on the host before, those that do not run now; empty when all do.

    None while the cloud cannot be read: a silence is no loss, and is asked again.
    """
    before = dict(hands.target.instances_before or [])
    if not before:
        return ""
    try:
        look = hands.cloud.look_at_cluster(hands.target.cluster_key)
    except (Later, NoReply) as reason:
        hands.note(f"the cloud cannot be read: {reason}")
        return None
    missing = missing_instances(before, look)
    return ", ".join(f"{name} is {state}" for name, state in missing[:10])


def _why_late(hands: Hands) -> str:
    words = last_failure(hands) or hands.step.note or "no answer"
    refused = Intent.objects.filter(step=hands.step).exclude(refused="").order_by("-written_at").first()
    return (
        f"not back in service after {HOST_RETURN_TIMEOUT_S.now()} s: {refused.refused if refused else words}"
    )
