"""How the lab answers wrongly on purpose: at its edge, around every call, as a network and a busy cloud would.

lose-request  nothing arrives                        the caller gets no reply
lose-reply    it is done                             the caller gets no reply
garble        it is done                             the reply cannot be read
double        it arrives twice (the same request)    the second reply is given
late          it is delivered `seconds` later        the caller gets no reply now; an expiry at the cloud refuses it
delay         it is done after `seconds`             the reply is right
error         nothing is done                        the cloud says `text`, ask again
"""

import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from maintenance.backends.base import CloudError, Later, NoReply
from maintenance.backends.lab.config import BadValue, LabConfig
from maintenance.backends.lab.outside import Door

KINDS = ("delay", "lose-request", "lose-reply", "garble", "double", "late", "error")
# Waiting for a stage is no request of its own, it may always end early: it meets no fault.
CALLS = (
    "snapshot",
    "read_servers",
    "look_at_server",
    "prepare_server",
    "cancel_server_maintenance",
    "prepare_server_shutdown",
    "trigger_server_shutdown",
    "cancel_server_shutdown",
    "start_server",
    "change_balance",
    "rebalance",
    "look_at_cluster",
    "look_at_host",
    "prepare_for_maintenance",
    "cancel_maintenance",
    "look_at_job",
    "look_at_drain",
    "look_at_hooks",
    "start_stage",
    "look_at_stage",
    "read_output",
    "stop_stage",
    "probe_system_vm",
    "copy_payload",
    "back_up",
    "apply_payload",
    "restart_services",
    "verify_patch",
    "reapply_rules",
    "roll_back",
    "discard_backup",
    "stop_router",
    "start_replacement",
    "switch_traffic",
    "verify_replacement",
    "destroy_old",
    "switch_back",
    "add_backup",
    "reapply_network_rules",
)
# These promise never to say "no reply": asking them again is harmless, so they say "later".
SAY_LATER = frozenset({"look_at_hooks", "read_output", "stop_stage"})
ENVIRONMENT = "PITSTOP_LAB_FAULTS"  # "SEED:RATE": random faults for whoever starts the process so
RANDOM_SECONDS_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong answer that is about to be given."""

    kind: str
    seconds: float = 0.0
    text: str = ""


def fault_for(
    door: Door, config: LabConfig, call: str, host_id: UUID | None, *, has_any: bool
) -> Fault | None:
    """The fault this call meets, if any; one with a number of times is used up by that. `has_any`: some are set."""
    if has_any:
        for row in door.rows(
            "SELECT id, kind, seconds, text, probability, times_left FROM lab_fault WHERE call IN (%s, '*')"
            " AND (host_id IS NULL OR host_id = %s) ORDER BY id",
            call,
            host_id,
        ):
            fault_id, kind, seconds, text, probability, times_left = row
            if random.random() < probability and (times_left is None or _use_up(door, fault_id)):
                return Fault(kind, seconds, text)
    seed, rate = _random_profile(config)
    return _random_fault(door, seed, rate, call) if rate else None


def perform[T](
    door: Door,
    fault: Fault | None,
    call: str,
    deliver: Callable[[], T],
    deliver_later: Callable[[float], None] | None,
) -> T:
    """The call's answer under the fault. Raises: what the call raises, and NoReply or Later for the fault."""
    match fault:
        case None:
            return deliver()
        case Fault("delay", seconds):
            door.rest(seconds)
            return deliver()
        case Fault("lose-request"):
            raise silence(call, "the request was lost")
        case Fault("lose-reply"):
            deliver()
            raise silence(call, "the reply was lost")
        case Fault("garble"):
            deliver()
            raise silence(call, "the reply cannot be read")
        case Fault("double"):
            deliver()
            return deliver()
        case Fault("late", seconds):
            if deliver_later is not None:
                deliver_later(seconds)
            raise silence(call, "no reply in time")
        case Fault("error", _, text):
            raise Later(text or "530 internal error")
    raise AssertionError(f"no such fault: {fault.kind}")


def silence(call: str, reason: str) -> CloudError:
    """What a caller says who hears nothing."""
    return Later(f"{call}: {reason}") if call in SAY_LATER else NoReply(f"{call}: {reason}")


def _use_up(door: Door, fault_id: int) -> bool:
    """Whether one of its times was left for us."""
    return (
        door.run(
            "UPDATE lab_fault SET times_left = times_left - 1 WHERE id = %s AND times_left > 0", fault_id
        )
        == 1
    )


def _random_profile(config: LabConfig) -> tuple[int, float]:
    text = os.environ.get(ENVIRONMENT, "")
    if not text:
        return config.random_fault_seed, config.random_fault_rate
    seed, _, rate = text.partition(":")
    try:
        return int(seed), float(rate)
    except ValueError:
        raise BadValue(f"{ENVIRONMENT} is {text!r}; give SEED:RATE, such as 7:0.05") from None


def _random_fault(door: Door, seed: int, rate: float, call: str) -> Fault | None:
    """The seed and a counter shared by all processes decide, so that a run can be looked into again."""
    drawn = door.row("SELECT nextval('lab_fault_draw')")
    assert drawn is not None
    digest = hashlib.sha256(f"{seed}:{drawn[0]}:{call}".encode()).digest()
    dice = random.Random(digest)
    if dice.random() >= rate:
        return None
    kind = dice.choice(KINDS)
    return Fault(
        kind, dice.uniform(0.01, RANDOM_SECONDS_MAX if kind == "late" else 0.3), "530 drawn at random"
    )
