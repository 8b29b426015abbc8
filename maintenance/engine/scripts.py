"""A hook script's stage: start it by ticket, pass its output on, wait for its end or for its host to come back."""

from dataclasses import replace
from datetime import datetime, timedelta

from maintenance.backends.base import AgentUnreachable, Later, Never, NoReply, StageLook
from maintenance.clock import database_now
from maintenance.domain.gate import Hold, Open, Refuse
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.outcomes import Outcome, judge
from maintenance.domain.states import Stage, TargetState
from maintenance.engine.claim import fenced
from maintenance.engine.failpoints import failpoint
from maintenance.engine.gate import begin_turn, refused, verdict_now
from maintenance.engine.hands import Hands
from maintenance.engine.hold import hold_step, postpone
from maintenance.engine.hooks_read import note_hooks
from maintenance.engine.output import pump_output
from maintenance.engine.settle import Ending, end_step
from maintenance.limits import HOST_RETURN_TIMEOUT_S

WAIT_S = 0.25  # between looks while the script prints; its end is noticed at once
END_S = 10.0  # TERM, five seconds of grace, KILL
LATE_GRACE = timedelta(
    seconds=30
)  # past the script's own limit and its grace, before the result counts as lost


def run_script(hands: Hands) -> None:
    """The stage's script ran once, under its ticket, and its end is judged; without a script the stage passes.
    Re-entrant: whoever takes the step over attaches to the same ticket. Raises: LostLease, EngineStops.
    """
    if hands.step.stage == Stage.PRE_MAINTENANCE and not _turn_has_come(hands):
        return
    stays = ""
    try:
        if hands.step.stage == Stage.PRE_MAINTENANCE:
            stays = _why_it_stays(hands)
        failpoint(f"{hands.step.stage}.starting", hands.target.name)
        has_script = _begin(hands)
    except NoReply as silence:
        # The ticket makes asking again safe: the same ticket never runs a script twice.
        postpone(hands.claim, f"no reply: {silence}; asking again", for_s=0.5)
    except Later as reason:
        _not_reachable(hands, reason)
    except Never as refusal:
        end_step(hands.claim, Ending(Outcome.REFUSED, str(refusal)))
    else:
        failpoint(f"{hands.step.stage}.started", hands.target.name)
        if has_script:
            _follow(hands, stays, _script_of(hands))
        else:
            end_step(hands.claim, Ending(Outcome.OK, "no script", stays=stays))


def _begin(hands: Hands) -> bool:
    """Whether a script runs, or ran, under the step's ticket. In a stopped run one that has not begun never will.

    Raises: Later, Never, NoReply.
    """
    if hands.orders.wants_stop or hands.target.cancelling:
        hands.cloud.stop_stage(hands.host_id, hands.claim.ticket)
        return True
    return hands.cloud.start_stage(
        hands.host_id,
        HookStage(hands.step.stage),
        ticket=hands.claim.ticket,
        payload=hands.run.payload,
        timeout_s=hands.run.timeout_s,
    )


def end_script(hands: Hands) -> None:
    """Nothing of the step's script runs any more, as far as that can be had within some seconds. Raises: LostLease."""
    try:
        hands.cloud.stop_stage(hands.host_id, hands.claim.ticket)
        hands.cloud.wait_for_stage(hands.host_id, hands.claim.ticket, timeout_s=END_S)
    except (Later, NoReply) as reason:
        hands.note(f"its script cannot be ended: {reason}")


def _script_of(hands: Hands) -> str:
    """The file that runs for the stage, as the host's hooks folder was last seen."""
    return str((hands.hooks or {}).get(hands.step.stage, {}).get("path", ""))[:1000]


def _turn_has_come(hands: Hands) -> bool:
    """The gate before any side effect, scripts included. A host that will not leave service needs no room."""
    if hands.target.state == TargetState.PREPARING:
        return True
    try:
        look = hands.cloud.look_at_cluster(hands.target.cluster_key)
    except (Later, NoReply) as unread:
        postpone(hands.claim, f"the cloud cannot be read: {unread}", for_s=2)
        return False
    except Never as refusal:
        end_step(hands.claim, Ending(Outcome.REFUSED, str(refusal)))
        return False
    match verdict_now(hands, look):
        case Hold(code) as hold if not (hands.target.not_needed and code in {"no-room", "slot", "unsettled"}):
            hold_step(hands.claim, hold)
            return False
        case Refuse() as verdict:
            end_step(hands.claim, refused(hands, verdict))
            return False
        case Open() | Hold():
            if held := begin_turn(hands):
                hold_step(hands.claim, held)
                return False
            failpoint("PreMaintenance.begun", hands.target.name)
    return True


def _why_it_stays(hands: Hands) -> str:
    """Why the host need not leave service, known before PreMaintenance ends; empty when it must.

    Raises: AgentUnreachable, Later, NoReply: unknown is never "no script".
    """
    look = hands.cloud.look_at_hooks(hands.host_id)
    hands.hooks = note_hooks(hands.host_id, look)
    found = look.scripts.get(HookStage.MAINTENANCE)
    if found is not None and found.present:
        return ""
    looked_for = ", ".join(found.looked_for) if found and found.looked_for else "Maintenance"
    return f"no Maintenance script (looked for {looked_for} in {look.hooks_dir or 'its hooks folder'})"


def _not_reachable(hands: Hands, reason: Later) -> None:
    """The agent does not answer: wait for it, within the stage's own time limit."""
    deadline = hands.deadline(hands.run.timeout_s)
    if hands.orders.wants_stop or hands.target.cancelling:
        return end_step(hands.claim, Ending(Outcome.STOPPED, "stopped by a person"))
    if database_now() > deadline:
        away = isinstance(reason, AgentUnreachable) and hands.step.stage == Stage.MAINTENANCE
        words = f"not reachable for {hands.run.timeout_s} s: {reason}"
        return end_step(hands.claim, Ending(Outcome.UNKNOWN, words, not_back=away))
    return postpone(
        hands.claim, f"waiting for the host: {reason}", for_s=min(reason.retry_after_s or 0.5, 30)
    )


def _follow(hands: Hands, stays: str, script: str) -> None:
    """Until the script has ended: output on, stop orders in, a host that reboots waited for."""
    away_since: datetime | None = None
    stopped = False
    _wait(hands)  # most scripts that do little have ended by then: one look is enough
    while True:
        if (hands.orders.wants_stop or hands.target.cancelling) and not stopped:
            stopped = _stop(hands)
        look = _look(hands)
        if look is not None:
            pump_output(hands, look.bytes_total)
            ending = _ending(hands, look)
            if ending is not None:
                return end_step(hands.claim, replace(ending, stays=stays, script=script))
        away_since = _away_since(hands, look, away_since)
        if ending := _overdue(hands, look, away_since):
            return end_step(hands.claim, replace(ending, script=script))
        if look is None or not look.host_back or look.state != "running":
            hands.rest(WAIT_S)
        elif not _wait(hands):
            _show_script(hands, script)
            hands.rest(0)


def _show_script(hands: Hands, script: str) -> None:
    """It runs for a while: people see which file it is."""
    if hands.step.script != script:
        hands.step.script = script
        fenced(hands.claim, script=script)


def _look(hands: Hands) -> StageLook | None:
    try:
        return hands.cloud.look_at_stage(hands.host_id, hands.claim.ticket)
    except (Later, NoReply) as reason:
        hands.note(f"the host cannot be asked: {reason}")
        return None


def _wait(hands: Hands) -> bool:
    try:
        return hands.cloud.wait_for_stage(hands.host_id, hands.claim.ticket, timeout_s=WAIT_S)
    except (Later, NoReply):
        hands.rest(WAIT_S)
        return False


def _stop(hands: Hands) -> bool:
    try:
        hands.cloud.stop_stage(hands.host_id, hands.claim.ticket)
    except (Later, NoReply) as reason:
        hands.note(f"the script cannot be stopped yet: {reason}")
        return False
    hands.note("the script gets TERM, then KILL")
    return True


def _ending(hands: Hands, look: StageLook) -> Ending | None:
    """How the stage ended, judged by its ticket; None while it runs or its host is away."""
    match look.state:
        case "finished":
            outcome = judge(HookStage(hands.step.stage), look.end, look.exit_status)
            return Ending(outcome, _words(outcome, look), exit_status=look.exit_status)
        case "lost":
            words = look.detail or "the script's end is not known: its runner died without leaving a result"
            return Ending(Outcome.UNKNOWN, words)
        case "absent" if look.host_back:
            return Ending(Outcome.UNKNOWN, "the host knows nothing of this stage's ticket")
        case _:
            return None


def _words(outcome: Outcome, look: StageLook) -> str:
    match outcome:
        case Outcome.OK:
            return ""
        case Outcome.NOT_NEEDED:
            return "the script says: not needed (exit status 70)"
        case Outcome.FAILED if look.signal:
            return f"killed by signal {look.signal}"
        case Outcome.FAILED:
            return f"exit status {look.exit_status}"
        case Outcome.TIMED_OUT:
            return look.detail or "ran out of time and was ended"
        case _:
            return look.detail or str(outcome).replace("_", " ")


def _away_since(hands: Hands, look: StageLook | None, since: datetime | None) -> datetime | None:
    if look is None:
        return since
    if look.host_back:
        if since is not None:
            hands.note("the host is back")
        return None
    hands.note("the host is away (it may be restarting); its stage is judged when it is back")
    return since or database_now()


def _overdue(hands: Hands, look: StageLook | None, away_since: datetime | None) -> Ending | None:
    """A host that stays away is flagged; a script past every limit counts as unknown."""
    now = database_now()
    if away_since is not None:
        if now - away_since > timedelta(seconds=HOST_RETURN_TIMEOUT_S.now()):
            words = f"the host went away during {hands.step.stage} and did not come back"
            return Ending(Outcome.UNKNOWN, words, not_back=True)
        return None
    if look is not None and look.started_at is not None:
        limit = look.started_at + timedelta(seconds=hands.run.timeout_s) + LATE_GRACE
        if now > limit + timedelta(seconds=HOST_RETURN_TIMEOUT_S.now()):
            return Ending(Outcome.UNKNOWN, "no result long after the script's time limit")
    return None
