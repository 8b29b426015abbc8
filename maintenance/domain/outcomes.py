"""What the end of a hook script means for the host: one rule, one table."""

from enum import StrEnum

from maintenance.domain.hook_stages import HookStage

NOT_NEEDED_STATUS = 70
STAGES_THAT_MAY_SAY_NOT_NEEDED = frozenset({HookStage.PREFLIGHT, HookStage.PRE_MAINTENANCE})


class Outcome(StrEnum):
    """How a stage is judged. Only `ok` and `not_needed` let the host go on."""

    OK = "ok"
    NOT_NEEDED = "not_needed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def judge(stage: HookStage, end: str, exit_status: int | None) -> Outcome:
    """Judge how a stage's script ended (`end` is a value of `hooks.results.HookEnd`).

    Exit status 0: done. Exit status 70: this host needs no maintenance, said by PreFlight or PreMaintenance;
    from Maintenance and PostMaintenance it is a failure like any other status (CloudStack, KVM rolling
    maintenance). A script that ended without a status was killed by a signal: failed. The status of a script
    that ran out of time or was stopped does not count. An end this table does not know is unknown, never ok.
    """
    match end:
        case "exited":
            return _judge_status(stage, exit_status)
        case "timed_out":
            return Outcome.TIMED_OUT
        case "stopped":
            return Outcome.STOPPED
        case "refused":
            return Outcome.REFUSED
        case _:
            return Outcome.UNKNOWN


def _judge_status(stage: HookStage, exit_status: int | None) -> Outcome:
    if exit_status == 0:
        return Outcome.OK
    if exit_status == NOT_NEEDED_STATUS and stage in STAGES_THAT_MAY_SAY_NOT_NEEDED:
        return Outcome.NOT_NEEDED
    return Outcome.FAILED
