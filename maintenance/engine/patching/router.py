"""One step of a router's restart. Every step may be done again with the same ticket, after any crash: there is always
one router that serves, and at the end one that is left."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from maintenance.backends.base import CloudError, Gone, Later, Never, NoReply
from maintenance.backends.routers import Replacement
from maintenance.backends.system_vms import NotRestored, Probe, StepFailed, VmUnreachable
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import FIRST_STAGE, RestartWay
from maintenance.domain.states import Stage
from maintenance.domain.system_vms import SystemVmType
from maintenance.engine.claim import check_claim
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.engine.patching.downtime import measuring
from maintenance.engine.patching.first_seen import since_first_seen
from maintenance.engine.settle import Ending, end_step
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Cloud, Step, SystemVm
from maintenance.system_vms_sync import write_probe

TRY_AGAIN_S = 1.0
LOOK_EVERY_S = 0.25
STEP_TIMEOUT_S = 300  # a router that cannot be reached, or boots, for so long
DESTROY_TIMEOUT_S = 60
LISTED_WITHIN_S = 10  # what the cloud lists; a cloud that cannot be read holds nothing up for longer
BEGUN = "begun"  # noted on the first step: the router was there
SWITCHES_NOTHING = frozenset({Stage.ROUTER_STOP, Stage.ROUTER_START, Stage.ROUTER_REAPPLY})


def restart_router(hands: Hands) -> None:
    """The step has ended: done, or failed with the reason. What says "later" is asked again until the step's time is
    over; then it is unknown how it is. Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(STEP_TIMEOUT_S + 2 * hands.run.soak_s)
    with measuring(hands):
        ending = _until(hands, deadline)
    end_step(hands.claim, ending)


def given_up(hands: Hands, words: str) -> Ending:
    """How a step ends that ended too many engines: nobody knows. One that was verified is not doubted any more."""
    return _ends(hands, Outcome.UNKNOWN, words)


def _until(hands: Hands, deadline: datetime) -> Ending:
    while True:
        if hands.claim.stage in SWITCHES_NOTHING and (hands.orders.wants_stop or hands.target.cancelling):
            return Ending(Outcome.STOPPED, "cancelled before traffic was switched")
        try:
            return _do(hands)
        except (Later, NoReply) as reason:
            hands.note(_words(reason))
            pause_s = min(getattr(reason, "retry_after_s", None) or LOOK_EVERY_S, TRY_AGAIN_S)
        except (NotRestored, StepFailed, Never) as failure:
            return _ends(hands, Outcome.FAILED, str(failure))
        if database_now() > deadline:
            words = f"not done within {STEP_TIMEOUT_S} s: {hands.step.note}"
            if hands.claim.stage is not Stage.ROUTER_ADD_BACKUP or _outcome(hands) is not None:
                return _ends(hands, Outcome.TIMED_OUT, words)
            if fallen := _why_fallen(hands, (CloudError,)):
                return Ending(Outcome.TIMED_OUT, fallen, fallen=True)
            # Without a second router, the old one still goes.
            _decide(hands, Ending(Outcome.TIMED_OUT, words))
            deadline += timedelta(seconds=DESTROY_TIMEOUT_S)
        hands.rest(pause_s)


def _words(reason: Later | NoReply) -> str:
    """The cloud's own; of a silence we say that it is one."""
    is_silence = isinstance(reason, NoReply | VmUnreachable)
    return f"it does not answer: {reason}" if is_silence else str(reason)


def _ends(hands: Hands, outcome: Outcome, words: str) -> Ending:
    """It ends so, unless it is decided that the old router goes: then that is all that is in doubt."""
    decided = _outcome(hands)
    if decided is not None:
        return Ending(decided.outcome, decided.detail, left=_left(hands, words))
    was_verified = hands.claim.stage is Stage.ROUTER_ADD_BACKUP
    return Ending(outcome, words, left=_left(hands, words) if was_verified else "")


def ticket_of(hands: Hands) -> UUID:
    """The same for every step and engine from the first step of an attempt on: a way back that is tried again goes on
    with what that attempt began."""
    first = hands.target.steps.filter(stage=FIRST_STAGE[RestartWay(hands.run.way)])
    begun = first.order_by("-attempt").values_list("attempt", flat=True).first()
    return uuid5(hands.target.id, str(begun or hands.target.attempt))


def _do(hands: Hands) -> Ending:
    vm, cloud, ticket = hands.system_vm_id, hands.cloud, ticket_of(hands)
    if _is_gone(hands):
        return Ending(Outcome.NOT_NEEDED, "the cloud has no such router any more; nothing was done")
    match hands.claim.stage:
        case Stage.ROUTER_STOP:
            _ask(hands, lambda: cloud.stop_router(vm, ticket=ticket))
        case Stage.ROUTER_START:
            new = _ask(hands, lambda: cloud.start_replacement(vm, ticket=ticket))
            hands.moved({"router": new.name, "router_id": str(new.id), "version": new.version})
            _read_inventory(hands)
        case Stage.ROUTER_SWITCH:
            negotiated = _hands_over_by_itself(hands)
            _ask(hands, lambda: cloud.switch_traffic(vm, ticket=ticket, negotiated=negotiated))
            _read_inventory(hands)
        case Stage.ROUTER_VERIFY:
            return _verify(hands, ticket)
        case Stage.ROUTER_ADD_BACKUP:
            return _add_backup(hands, ticket)
        case Stage.ROUTER_SWITCH_BACK:
            return _switch_back(hands, ticket)
        case Stage.ROUTER_REAPPLY:
            _note_probe(hands, vm, _ask(hands, lambda: cloud.reapply_network_rules(vm)))
        case other:
            raise AssertionError(other)
    return Ending(Outcome.OK)


def _is_gone(hands: Hands) -> bool:
    """Before anything was asked: the inventory may have listed a router that an earlier restart has done away with."""
    is_first = hands.claim.stage is FIRST_STAGE[RestartWay(hands.run.way)]
    if not is_first or BEGUN in hands.step.movement:
        return False
    try:
        hands.cloud.probe_points(hands.system_vm_id)
    except Gone:
        return True
    hands.moved({**hands.step.movement, BEGUN: True})
    return False


def _ask[Answer](hands: Hands, ask: Callable[[], Answer]) -> Answer:
    failpoint(f"{hands.claim.stage}.asking", hands.target.name)
    answer = ask()
    failpoint(f"{hands.claim.stage}.asked", hands.target.name)
    return answer


# ---- the end of the way there: verified, and only then the old one goes ----------------------------------------------


def _verify(hands: Hands, ticket: UUID) -> Ending:
    """The new router answers, and still does after the soak. Then no way back is needed: that is noted before the old
    one is destroyed. Who finds it noted looks once more."""
    if _outcome(hands) is None:
        vm, cloud = hands.system_vm_id, hands.cloud
        probe = _ask(hands, lambda: cloud.verify_replacement(vm, ticket=ticket))
        until = since_first_seen(hands, "answered_at") + timedelta(seconds=hands.run.soak_s)
        while database_now() < until:
            hands.rest(LOOK_EVERY_S)
            probe = cloud.verify_replacement(vm, ticket=ticket)
        _note_probe(hands, _new_router(hands), probe)
        if is_made_redundant(hands):
            return Ending(Outcome.OK)  # the ticket is needed on
        _decide(hands, Ending(Outcome.OK))
    elif fallen := _why_fallen_since(hands):
        return Ending(Outcome.FAILED, fallen)
    return _destroy_old(hands, ticket)


def _add_backup(hands: Hands, ticket: UUID) -> Ending:
    """Whether there is a second router or not, the network is served by the new one: the old one goes. Only that the
    new one has fallen while the second one booted leads back."""
    if _outcome(hands) is None:
        ending, movement = Ending(Outcome.OK), {}
        try:
            second: Replacement = _ask(
                hands, lambda: hands.cloud.add_backup(hands.system_vm_id, ticket=ticket)
            )
        except Never as failure:
            ending = Ending(Outcome.FAILED, str(failure))
        else:
            movement = {"router": second.name, "router_id": str(second.id), "version": second.version}
        if fallen := _why_fallen(hands, (Never,)):
            return Ending(Outcome.FAILED, fallen, fallen=True)
        _decide(hands, ending, movement)
    elif fallen := _why_fallen_since(hands):
        return Ending(Outcome.FAILED, fallen, fallen=True)
    return _destroy_old(hands, ticket)


def _why_fallen(hands: Hands, refusals: tuple[type[CloudError], ...]) -> str:
    """Why the new router, which was verified a while ago, does not serve any more; empty while it does. `refusals`:
    what counts as its no. Raises: other CloudErrors."""
    try:
        hands.cloud.verify_replacement(hands.system_vm_id, ticket=ticket_of(hands))
    except refusals as reason:
        return f"the new router has fallen since it was verified: {reason}"
    return ""


def _why_fallen_since(hands: Hands) -> str:
    """The same, where it was decided a while ago that the old one goes: no engine may have lived in between. While the
    old one is there, there is a way back. Raises: CloudErrors that are no answer; then nothing is destroyed."""
    try:
        hands.cloud.probe_points(hands.system_vm_id)
    except Gone:
        return ""
    return _why_fallen(hands, (Never,))


def _destroy_old(hands: Hands, ticket: UUID) -> Ending:
    ending = _outcome(hands)
    assert ending is not None
    failpoint(f"{hands.claim.stage}.destroying", hands.target.name)
    hands.cloud.destroy_old(hands.system_vm_id, ticket=ticket)
    failpoint(f"{hands.claim.stage}.destroyed", hands.target.name)
    _await_listing(hands)
    return ending


def _decide(hands: Hands, ending: Ending, movement: Mapping[str, object] | None = None) -> None:
    """Noted on the step before anything is destroyed: whoever takes it over does not ask again."""
    decided = {"decided": str(ending.outcome), "detail": ending.detail}
    hands.moved({**hands.step.movement, **(movement or {}), **decided})
    failpoint(f"{hands.claim.stage}.decided", hands.target.name)


def _outcome(hands: Hands) -> Ending | None:
    """How the step ends once the old router is gone; None while that is not decided."""
    noted: dict[str, Any] = hands.step.movement
    return Ending(Outcome(noted["decided"]), noted["detail"]) if "decided" in noted else None


def _left(hands: Hands, words: str) -> str:
    """What a person has to do away with."""
    return f"replaced, but the old router {hands.target.name} may still be there; have it destroyed: {words}"


# ---- the way back ----------------------------------------------------------------------------------------------------


def _switch_back(hands: Hands, ticket: UUID) -> Ending:
    """The old router serves, and still does after the soak: asked twice, because that knows the commands for a person
    where it has fallen."""
    vm, cloud = hands.system_vm_id, hands.cloud
    probe = _ask(hands, lambda: cloud.switch_back(vm, ticket=ticket))
    until = since_first_seen(hands, "answered_at") + timedelta(seconds=hands.run.soak_s)
    while database_now() < until:
        hands.rest(LOOK_EVERY_S)
    probe = cloud.switch_back(vm, ticket=ticket)
    _note_probe(hands, vm, probe)
    _read_inventory(hands)
    return Ending(Outcome.OK)


# ---- what pages show -------------------------------------------------------------------------------------------------


def is_made_redundant(hands: Hands) -> bool:
    """Whether the network gets a second router beside the one that replaces this: a load balancer gets none."""
    is_router = SystemVm.objects.filter(id=hands.system_vm_id, type=SystemVmType.ROUTER).exists()
    return hands.run.makes_redundant and is_router


def _hands_over_by_itself(hands: Hands) -> bool:
    """Of a pair that fits; a load balancer of the same VPC is no side of it."""
    sides = SystemVm.objects.filter(id=hands.system_vm_id).exclude(redundant_state="")
    return hands.run.way == RestartWay.REDUNDANT and sides.exists()


def _new_router(hands: Hands) -> UUID | None:
    started = Step.objects.filter(target=hands.target, stage=Stage.ROUTER_START, outcome=Outcome.OK)
    named = started.order_by("-attempt").values_list("movement", flat=True).first()
    return UUID(named["router_id"]) if named and "router_id" in named else None


def _note_probe(hands: Hands, vm_id: UUID | None, probe: Probe) -> None:
    """Written where pages show it, as soon as the inventory has the VM; else it is probed when it has.
    Raises: LostLease; then nothing was written."""
    if vm_id is None:
        return
    with unit_of_work(ENGINE) as work:
        check_claim(hands.claim)
        write_probe(work, vm_id, probe)
    failpoint(f"{hands.claim.stage}.probed", hands.target.name)


def _await_listing(hands: Hands) -> None:
    """Who asks for the next restart as soon as this one is told to be done gets the new router, not the old one."""
    _read_inventory(hands)
    until = database_now() + timedelta(seconds=LISTED_WITHIN_S)
    while SystemVm.objects.filter(id=hands.system_vm_id, gone_at=None).exists() and database_now() < until:
        hands.rest(LOOK_EVERY_S)


def _read_inventory(hands: Hands) -> None:
    """A router came or went: the next reading is due at once."""
    Cloud.objects.filter(id=hands.run.cloud_id).update(sync_due_at=database_now())
