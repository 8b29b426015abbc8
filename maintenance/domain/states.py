"""States of runs, hosts in a run and stages, and the words people see for them.

Values are what REST and the database hold; `WORDS` is the one table that turns a value into the people's word
(architecture §3). CloudStack's states keep CloudStack's spelling.
"""

from enum import StrEnum


class RunKind(StrEnum):
    """What a run does to its hosts, or to its management servers."""

    ROLLING = "rolling"
    HOST = "host"  # one host by hand: out, held, back
    SERVER_MAINTENANCE = "server-maintenance"  # one management server: into maintenance, held, back
    SERVER_SHUTDOWN = "server-shutdown"  # one management server: made ready, then shut down or taken back
    SERVER_RESTART = "server-restart"  # one management server or several, one by one
    LIVE_PATCH = "live-patch"  # one system VM or router, or many, throttled
    ROUTER_RESTART = (
        "router-restart"  # the routers of a network or VPC: replaced, or their rules applied again
    )


OVER_SYSTEM_VMS = frozenset({RunKind.LIVE_PATCH, RunKind.ROUTER_RESTART})
OVER_SERVERS = frozenset({RunKind.SERVER_MAINTENANCE, RunKind.SERVER_SHUTDOWN, RunKind.SERVER_RESTART})


class RunState(StrEnum):
    """Where a run is in its life: Queued → Running ⇄ Paused → Stopping → one of the ends."""

    QUEUED = "Queued"
    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPING = "Stopping"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


RUN_ENDED = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})
RUN_ACTIVE = frozenset(RunState) - RUN_ENDED

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    RunState.RUNNING: frozenset(
        {RunState.PAUSED, RunState.STOPPING, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}
    ),
    RunState.PAUSED: frozenset({RunState.RUNNING, RunState.STOPPING, RunState.CANCELLED}),
    RunState.STOPPING: frozenset({RunState.FAILED, RunState.CANCELLED}),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}


class Stage(StrEnum):
    """One step on the way of a host, or of a management server.

    Of a host's, four run a hook script; Drain and Return are asked of the cloud. A server's are all asked of the cloud,
    and called as CloudStack calls the request.
    """

    PREFLIGHT = "PreFlight"
    PRE_MAINTENANCE = "PreMaintenance"
    DRAIN = "Drain"
    MAINTENANCE = "Maintenance"
    RETURN = "Return"
    POST_MAINTENANCE = "PostMaintenance"

    SERVER_PREPARE = "PrepareForMaintenance"  # jobs end, agents leave, then it is in Maintenance
    SERVER_CANCEL = "CancelMaintenance"  # Up again, its agents home
    SERVER_PREPARE_SHUTDOWN = "PrepareForShutdown"  # jobs end, then it is ReadyToShutDown
    SERVER_SHUT_DOWN = "TriggerShutdown"  # its process has ended
    SERVER_CANCEL_SHUTDOWN = "CancelShutdown"  # Up again
    SERVER_COME_BACK = "ComeBack"  # its process has started, and it answers
    SERVER_SETTLE = "Settle"  # Up with its agents for a while, before the next one's turn

    PATCH_COPY = "Copy"  # payload and script are in the VM, their checksums equal
    PATCH_BACK_UP = "BackUp"  # packages, certificates and signature are saved, and were read back
    PATCH_APPLY = "Apply"  # the payload is unpacked
    PATCH_RESTART = "RestartServices"  # what was active runs again, and has soaked
    PATCH_VERIFY = "Verify"  # every service answers with the new version; the signature is written
    PATCH_RULES = "ReapplyRules"  # of routers: rules and public IPs again, and probed
    PATCH_ROLL_BACK = "RollBack"  # the old version runs again, and answers

    ROUTER_STOP = "StopRouter"  # serial: the old router is stopped
    ROUTER_START = "StartReplacement"  # the new router runs beside the old one, has checked in, and answers
    ROUTER_SWITCH = (
        "SwitchTraffic"  # traffic goes to the new one; the old one is stopped, neighbours' ARP updated
    )
    ROUTER_VERIFY = (
        "VerifyReplacement"  # services, rules and public IPs answer; then the old one is destroyed
    )
    ROUTER_ADD_BACKUP = "AddBackup"  # a second router, as BACKUP: the network is redundant
    ROUTER_SWITCH_BACK = "SwitchBack"  # the old router serves again, the new one is gone
    ROUTER_REAPPLY = "ReapplyNetworkRules"  # without cleanup: rules and public IPs again, and probed


PATCH_STAGES = frozenset(stage for stage in Stage if stage.name.startswith("PATCH_"))
ROUTER_STAGES = frozenset(stage for stage in Stage if stage.name.startswith("ROUTER_"))
SERVER_STAGES = frozenset(stage for stage in Stage if stage.name.startswith("SERVER_"))


class TargetState(StrEnum):
    """Where one host of a run is."""

    WAITING = "Waiting"
    CHECKING = "Checking"
    READY = "Ready"  # its PreFlight passed; its turn has not come
    PREPARING = "Preparing"
    DRAINING = "Draining"
    WORKING = "Working"
    IN_MAINTENANCE = "InMaintenance"  # held out of service by hand
    RETURNING = "Returning"
    VERIFYING = "Verifying"
    DONE = "Done"
    SKIPPED = "Skipped"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    NEEDS_PERSON = "NeedsPerson"  # out of service or in doubt, flagged


TARGET_ENDED = frozenset(
    {
        TargetState.DONE,
        TargetState.SKIPPED,
        TargetState.FAILED,
        TargetState.CANCELLED,
        TargetState.NEEDS_PERSON,
    }
)
TARGET_WAITING = frozenset({TargetState.WAITING, TargetState.READY})
# Begun on its own way: it has had its turn, and is not at its end.
TARGET_BEGUN = frozenset(
    {
        TargetState.PREPARING,
        TargetState.DRAINING,
        TargetState.WORKING,
        TargetState.IN_MAINTENANCE,
        TargetState.RETURNING,
        TargetState.VERIFYING,
    }
)

STATE_DURING: dict[Stage, TargetState] = {
    Stage.PREFLIGHT: TargetState.CHECKING,
    Stage.PRE_MAINTENANCE: TargetState.PREPARING,
    Stage.DRAIN: TargetState.DRAINING,
    Stage.MAINTENANCE: TargetState.WORKING,
    Stage.RETURN: TargetState.RETURNING,
    Stage.POST_MAINTENANCE: TargetState.VERIFYING,
    Stage.SERVER_PREPARE: TargetState.DRAINING,
    Stage.SERVER_CANCEL: TargetState.RETURNING,
    Stage.SERVER_PREPARE_SHUTDOWN: TargetState.DRAINING,
    Stage.SERVER_SHUT_DOWN: TargetState.WORKING,
    Stage.SERVER_CANCEL_SHUTDOWN: TargetState.RETURNING,
    Stage.SERVER_COME_BACK: TargetState.WORKING,
    Stage.SERVER_SETTLE: TargetState.VERIFYING,
    Stage.PATCH_COPY: TargetState.PREPARING,
    Stage.PATCH_BACK_UP: TargetState.PREPARING,
    Stage.PATCH_APPLY: TargetState.WORKING,
    Stage.PATCH_RESTART: TargetState.WORKING,
    Stage.PATCH_VERIFY: TargetState.VERIFYING,
    Stage.PATCH_RULES: TargetState.VERIFYING,
    Stage.PATCH_ROLL_BACK: TargetState.RETURNING,
    Stage.ROUTER_STOP: TargetState.WORKING,
    Stage.ROUTER_START: TargetState.PREPARING,
    Stage.ROUTER_SWITCH: TargetState.WORKING,
    Stage.ROUTER_VERIFY: TargetState.VERIFYING,
    Stage.ROUTER_ADD_BACKUP: TargetState.VERIFYING,
    Stage.ROUTER_SWITCH_BACK: TargetState.RETURNING,
    Stage.ROUTER_REAPPLY: TargetState.WORKING,
}


class OnFailure(StrEnum):
    """What a run does when one of its hosts fails; chosen by the operator at the start."""

    PAUSE = "pause"
    SKIP = "skip"
    STOP = "stop"


class StepState(StrEnum):
    """Whether a step waits for an engine, is being done, or is over."""

    PENDING = "Pending"
    RUNNING = "Running"
    ENDED = "Ended"


WORDS: dict[str, str] = {
    RunState.QUEUED: "Waiting",
    RunState.RUNNING: "Running",
    RunState.PAUSED: "Paused",
    RunState.STOPPING: "Stopping",
    RunState.SUCCEEDED: "Done",
    RunState.FAILED: "Failed",
    RunState.CANCELLED: "Cancelled",
    TargetState.WAITING: "Waiting",
    TargetState.CHECKING: "Checking",
    TargetState.READY: "Waiting",
    TargetState.PREPARING: "Preparing",
    TargetState.DRAINING: "Draining",
    TargetState.WORKING: "Working",
    TargetState.IN_MAINTENANCE: "Working",
    TargetState.RETURNING: "Returning",
    TargetState.VERIFYING: "Verifying",
    TargetState.DONE: "Done",
    TargetState.SKIPPED: "Skipped",
    TargetState.NEEDS_PERSON: "Needs a person",
}
STAGE_WORDS: dict[Stage, str] = {stage: WORDS[state] for stage, state in STATE_DURING.items()}
UNKNOWN_WORD = "Unknown"


def word(state: str) -> str:
    """The people's word for a state; a state nobody knows is Unknown, never green."""
    return WORDS.get(state, UNKNOWN_WORD)
