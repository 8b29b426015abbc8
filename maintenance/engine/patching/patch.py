"""One step of a live patch. Every step may be done again with the run's ticket for this VM, after any crash."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from maintenance.backends.base import CloudError, Later, Never, NoReply
from maintenance.backends.system_vms import NotRestored, Probe, StepFailed, Unconfirmed
from maintenance.clock import database_now
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import Stage
from maintenance.domain.system_vms import ROUTERS
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.engine.patching.downtime import measuring
from maintenance.engine.patching.first_seen import since_first_seen
from maintenance.engine.patching.seen import note_probe
from maintenance.engine.settle import Ending, end_step
from maintenance.models import Payload, SystemVm
from maintenance.payload_files import PayloadMissing, files_of

TRY_AGAIN_S = 1.0
LOOK_EVERY_S = 0.25
STEP_TIMEOUT_S = 300  # a VM that cannot be reached for so long
VERIFIED = "verified"  # noted on the last step: there is nothing left to do but to clear up
CHANGES_NOTHING = frozenset({Stage.PATCH_COPY, Stage.PATCH_BACK_UP})


def patch(hands: Hands) -> None:
    """The step has ended: done, or failed with the reason. A VM that does not answer is asked again until the step's
    time is over; then it is unknown how it is. Raises: LostLease, EngineStops.
    """
    deadline = hands.deadline(STEP_TIMEOUT_S + hands.run.soak_s)
    if hands.claim.stage in CHANGES_NOTHING:
        ending = _until(hands, deadline)
    else:
        with measuring(hands):
            ending = _until(hands, deadline)
    end_step(hands.claim, ending)


def given_up(hands: Hands, words: str) -> Ending:
    """How a step ends that ended too many engines: nobody knows. A patch that was verified is not doubted any more."""
    return _ends(hands, Outcome.UNKNOWN, words)


def _ends(hands: Hands, outcome: Outcome, words: str) -> Ending:
    """It ends so; once the patch is verified, only that what was saved may still be there, until the next one."""
    if VERIFIED in hands.step.movement:
        return Ending(Outcome.OK, f"what was saved may still lie in it: {words}")
    return Ending(outcome, words)


def _until(hands: Hands, deadline: datetime) -> Ending:
    """How the step ended. Raises: LostLease, EngineStops."""
    while True:
        if hands.claim.stage in CHANGES_NOTHING and (hands.orders.wants_stop or hands.target.cancelling):
            return Ending(Outcome.STOPPED, "cancelled before anything was changed")
        ending = _try(hands)
        if ending is not None:
            return ending
        if database_now() > deadline:
            return _ends(hands, Outcome.TIMED_OUT, f"no answer for {STEP_TIMEOUT_S} s: {hands.step.note}")
        hands.rest(TRY_AGAIN_S)


def ticket_of(hands: Hands) -> UUID:
    """The same for every step and engine from the copy on: a rollback that is tried again goes on with the backup that
    was made before anything was changed."""
    copies = hands.target.steps.filter(stage=Stage.PATCH_COPY)
    begun = copies.order_by("-attempt").values_list("attempt", flat=True).first()
    return uuid5(hands.target.id, str(begun or hands.target.attempt))


def _try(hands: Hands) -> Ending | None:
    """One try. None: ask again."""
    failpoint(f"{hands.claim.stage}.asking", hands.target.name)
    try:
        ending = _do(hands)
    except (Later, NoReply) as reason:
        hands.note(f"it does not answer: {reason}")
        return None
    except NotRestored as failure:
        _note_how_it_is(hands)
        return Ending(Outcome.FAILED, str(failure))
    except Unconfirmed as silence:
        _note_how_it_is(hands)
        return Ending(Outcome.UNKNOWN, str(silence), unconfirmed=True)
    except (StepFailed, Never) as failure:
        return _ends(hands, Outcome.FAILED, str(failure))
    failpoint(f"{hands.claim.stage}.asked", hands.target.name)
    return ending


def _note_how_it_is(hands: Hands) -> None:
    """Pages show what runs now, not what was found before it failed. Raises: LostLease."""
    with suppress(CloudError):
        note_probe(hands, hands.cloud.probe_system_vm(hands.system_vm_id))


def _do(hands: Hands) -> Ending:
    vm, cloud, ticket = hands.system_vm_id, hands.cloud, ticket_of(hands)
    match hands.claim.stage:
        case Stage.PATCH_COPY:
            return _copy(hands, ticket)
        case Stage.PATCH_BACK_UP:
            backup = cloud.back_up(vm, ticket=ticket)
            hands.moved(
                {
                    "backup": backup.path,
                    "files": backup.files,
                    "bytes": backup.bytes,
                    "was_active": list(backup.was_active),
                    "was_dead": list(backup.was_dead),
                }
            )
            return Ending(Outcome.OK, _dead_before(backup.was_dead))
        case Stage.PATCH_APPLY:
            cloud.apply_payload(vm, ticket=ticket)
        case Stage.PATCH_RESTART:
            cloud.restart_services(vm, ticket=ticket)
            return _soak(hands)
        case Stage.PATCH_VERIFY if _is_router(hands):
            note_probe(hands, cloud.verify_patch(vm, ticket=ticket))
        case Stage.PATCH_VERIFY:
            _verify_and_clear_up(hands, lambda: cloud.verify_patch(vm, ticket=ticket), ticket)
        case Stage.PATCH_RULES:
            _verify_and_clear_up(hands, lambda: cloud.reapply_rules(vm, ticket=ticket), ticket)
        case Stage.PATCH_ROLL_BACK:
            cloud.roll_back(vm, ticket=ticket)
            # Asked again after the soak: that knows the path and the commands, where a service has fallen.
            _soak(hands)
            note_probe(hands, cloud.roll_back(vm, ticket=ticket))
        case other:
            raise AssertionError(other)
    return Ending(Outcome.OK)


def _verify_and_clear_up(hands: Hands, verify: Callable[[], Probe], ticket: UUID) -> None:
    """Noted before what was saved goes: whatever becomes of that, the patch has not failed."""
    if VERIFIED not in hands.step.movement:
        note_probe(hands, verify())
        hands.moved({**hands.step.movement, VERIFIED: True})
    hands.cloud.discard_backup(hands.system_vm_id, ticket=ticket)


def _copy(hands: Hands, ticket: UUID) -> Ending:
    """Nothing is copied to a VM that runs this version already, unless it was forced; and nothing that was withdrawn
    while the run waited for its time."""
    assert hands.run.payload_id is not None
    payload = Payload.objects.get(id=hands.run.payload_id)
    began = hands.run.started_at
    if payload.withdrawn_at is not None and began is not None and payload.withdrawn_at < began:
        return Ending(Outcome.FAILED, f"the update {payload.version} was withdrawn before this began")
    try:
        files = files_of(payload)
    except PayloadMissing as missing:
        return Ending(Outcome.FAILED, str(missing))
    probe = hands.cloud.probe_system_vm(hands.system_vm_id)
    note_probe(hands, probe)
    is_current = (probe.software_version, probe.scripts_checksum) == (files.version, files.scripts_md5)
    if is_current and not hands.run.forced:
        return Ending(Outcome.NOT_NEEDED, f"it runs {files.version} already; nothing was done")
    hands.cloud.copy_payload(hands.system_vm_id, files, ticket=ticket, forced=hands.run.forced)
    return Ending(Outcome.OK)


def _is_router(hands: Hands) -> bool:
    """Its rules are applied again after this, and the backup is kept until they answer."""
    return SystemVm.objects.filter(id=hands.system_vm_id, type__in=ROUTERS).exists()


def _dead_before(names: tuple[str, ...]) -> str:
    return f"was dead before, and stays so: {', '.join(names)}" if names else ""


def _soak(hands: Hands) -> Ending:
    """What was restarted must still run after the soak, which begins once all of it runs. A service that dies meanwhile
    ends it at once."""
    until = since_first_seen(hands, "restarted_at") + timedelta(seconds=hands.run.soak_s)
    was_dead = set(_was_dead(hands))
    while True:
        probe = hands.cloud.probe_system_vm(hands.system_vm_id)
        dead = [s.name for s in probe.services if s.is_enabled and not s.is_active]
        fell = [name for name in dead if name not in was_dead]
        if fell:
            return Ending(Outcome.FAILED, f"{', '.join(fell)} does not run after its restart")
        if database_now() >= until:
            return Ending(Outcome.OK)
        hands.rest(LOOK_EVERY_S)


def _was_dead(hands: Hands) -> list[str]:
    """Before this patch; a rollback that is tried again is of the attempt that made the backup."""
    made = hands.target.steps.filter(stage=Stage.PATCH_BACK_UP, outcome=Outcome.OK)
    backed_up = made.order_by("-attempt").first()
    return list(backed_up.movement.get("was_dead", [])) if backed_up else []
