"""Drain: ask the gate, open the ledger, have the cloud prepare the host for maintenance, and watch it empty."""

from django.conf import settings

from maintenance.backends.base import ClusterLook, DrainLook, HostRead, Later, Never, NoReply
from maintenance.clock import database_now
from maintenance.domain.gate import RUNNING, Hold, Open, Refuse
from maintenance.domain.outcomes import Outcome
from maintenance.engine.claim import check_claim
from maintenance.engine.gate import LeftService, leave_service, refused
from maintenance.engine.hands import Hands
from maintenance.engine.hold import hold_step, postpone
from maintenance.engine.intents import follow_jobs, last_failure, open_intents, send, write_intent
from maintenance.engine.settle import Ending, end_step
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import HostOut, Intent

LOOK_EVERY_S = 0.25
LATER_S_MAX = 30.0  # an absurd Retry-After is not obeyed
MIGRATING_GRACE_LOOKS = 40  # looks at the cluster until the last instance is seen Running elsewhere

ON_THE_WAY = frozenset({"PrepareForMaintenance", "Maintenance"})
STUCK = frozenset({"ErrorInPrepareForMaintenance", "ErrorInMaintenance"})


def drain(hands: Hands) -> None:
    """The host is in maintenance with its instances running elsewhere; or held; or the drain failed. Re-entrant:
    whoever takes the step over looks first, and asks the cloud again only when nothing came of the earlier request.

    Raises: LostLease, EngineStops.
    """
    if not HostOut.objects.filter(target=hands.target, closed_at=None).exists():
        if hands.orders.wants_stop or hands.target.cancelling:
            return end_step(hands.claim, Ending(Outcome.STOPPED, "stopped before the host left service"))
        if not _leave_service(hands):
            return None
    deadline = hands.deadline(hands.run.drain_timeout_s)
    while True:
        if hands.orders.wants_stop or hands.target.cancelling:
            return end_step(hands.claim, Ending(Outcome.STOPPED, "the drain was stopped by a person"))
        ending = _look(hands)
        if ending is None and database_now() > deadline:
            ending = Ending(Outcome.TIMED_OUT, _why_late(hands))
        if ending is not None:
            return end_step(hands.claim, ending)
        hands.rest(LOOK_EVERY_S)


def _leave_service(hands: Hands) -> bool:
    """Through the gate and out; False when the step was held, postponed or ended instead."""
    try:
        look = hands.cloud.look_at_cluster(hands.target.cluster_key)
    except (Later, NoReply) as unread:
        postpone(hands.claim, f"the cloud cannot be read: {unread}", for_s=2)
        return False
    except Never as refusal:
        end_step(hands.claim, Ending(Outcome.REFUSED, str(refusal)))
        return False
    match leave_service(hands, look):
        case LeftService(intent):
            return _ask(hands, intent)
        case Hold() as hold:
            hold_step(hands.claim, hold)
        case Refuse() as verdict:
            end_step(hands.claim, refused(hands, verdict))
        case Open():
            raise AssertionError("an open gate opens the ledger")
    return False


def _ask(hands: Hands, intent: Intent) -> bool:
    """Send the request; False when the cloud refused it and the step has ended."""
    try:
        send(
            hands, intent, lambda until: hands.cloud.prepare_for_maintenance(hands.host_id, expires_at=until)
        )
    except Never as refusal:
        end_step(hands.claim, Ending(Outcome.FAILED, f"the cloud refused: {refusal}"))
        return False
    except Later as reason:
        _said_later(hands, reason)
    return True


def _said_later(hands: Hands, reason: Later) -> None:
    """Nothing was done; the next look finds the host in service and asks once more."""
    hands.note(f"the cloud said later: {reason}")
    hands.rest(min(reason.retry_after_s or 1, LATER_S_MAX))


def _look(hands: Hands) -> Ending | None:
    """One look at the host: how the drain ended, or None while it goes on."""
    follow_jobs(hands)
    try:
        host = hands.host_now()
    except Never as reason:
        return Ending(Outcome.UNKNOWN, str(reason))
    if host is None:
        return None
    if host.resource_state == "Maintenance":
        return _census(hands)
    if host.resource_state in STUCK:
        return Ending(Outcome.FAILED, f"the host is {host.resource_state}: {_what_stayed(hands)}")
    if host.resource_state in ON_THE_WAY:
        _show_movement(hands)
        return None
    return _not_begun(hands, host)


def _not_begun(hands: Hands, host: HostRead) -> Ending | None:
    """The host is (still, or again) in service: the request is on its way, was lost, or somebody took it back."""
    if open_intents(hands).exists():
        return None
    if failure := last_failure(hands):
        return Ending(Outcome.FAILED, f"the cloud's job failed: {failure}")
    accepted = Intent.objects.filter(step=hands.step, action="prepare", settled_at__isnull=False).exclude(
        job_id=""
    )
    if accepted.exists():
        # The listing may lag behind the job by seconds; a job that succeeded is believed for a while.
        newest = accepted.latest("settled_at")
        if (
            newest.settled_at
            and (database_now() - newest.settled_at).total_seconds() < settings.LISTING_LAG_S
        ):
            return None
        return Ending(Outcome.FAILED, f"somebody else returned the host: it is {host.resource_state}")
    # Every earlier request has expired or was refused as "later" with nothing done: it is safe to ask once more.
    with unit_of_work(ENGINE):
        check_claim(hands.claim)
        intent = write_intent(hands, "prepare")
    try:
        send(
            hands, intent, lambda until: hands.cloud.prepare_for_maintenance(hands.host_id, expires_at=until)
        )
    except Never as refusal:
        return Ending(Outcome.FAILED, f"the cloud refused: {refusal}")
    except Later as reason:
        _said_later(hands, reason)
    return None


def _census(hands: Hands) -> Ending | None:
    """The host is empty: is every instance that ran on it running somewhere? None while some still arrive."""
    before = dict(hands.target.instances_before or [])
    try:
        missing = missing_instances(before, hands.cloud.look_at_cluster(hands.target.cluster_key))
    except (Later, NoReply) as reason:
        hands.note(f"the cloud cannot be read: {reason}")
        return None
    total = len(before)
    arriving = int(str(hands.step.movement.get("arriving", 0)))
    if missing and arriving < MIGRATING_GRACE_LOOKS:
        hands.moved({"moved": total - len(missing), "left": 0, "total": total, "arriving": arriving + 1})
        return None
    hands.moved({"moved": total - len(missing), "left": 0, "total": total})
    if missing:
        named = ", ".join(f"{name} ({state})" for name, state in missing[:5])
        return Ending(Outcome.FAILED, f"not running any more after the drain: {named}")
    return Ending(Outcome.OK, f"{total} {'instance' if total == 1 else 'instances'} moved")


def missing_instances(before: dict[str, str], look: ClusterLook) -> list[tuple[str, str]]:
    """Of the instances that ran before, those not seen Running now: (name, state or "not listed")."""
    now = {str(i.id): i.state for i in look.instances}
    return [(name, now.get(key, "not listed")) for key, name in before.items() if now.get(key) != RUNNING]


def _show_movement(hands: Hands) -> None:
    look = _drain_look(hands)
    if look is not None:
        total = max(look.moved + look.left, len(hands.target.instances_before or []))
        hands.moved({"moved": look.moved, "left": look.left, "total": total, "moving": look.moving})


def _drain_look(hands: Hands) -> DrainLook | None:
    try:
        return hands.cloud.look_at_drain(hands.host_id)
    except (Later, NoReply):
        return None


def _what_stayed(hands: Hands) -> str:
    """The instances that stayed, and why, in words."""
    look = _drain_look(hands)
    if look is None:
        return "what stayed on it cannot be read"
    if look.stuck:
        return "; ".join(f"{name} stayed: {why}" for name, why in look.stuck[:10])
    return f"{look.left} {'instance' if look.left == 1 else 'instances'} stayed"


def _why_late(hands: Hands) -> str:
    return f"not empty after {hands.run.drain_timeout_s} s: {_what_stayed(hands)}"
