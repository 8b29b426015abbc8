"""Who does which step: claim, renew, fence.

A claim raises the step's epoch; every later write of its owner names that epoch. A write that changes no row means
"I am a zombie": somebody else has taken over, and whoever sees it stops at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from maintenance.domain.states import Stage, StepState
from maintenance.models import Step


class LostLease(Exception):
    """Another engine has taken this step over; nothing more may be written for it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one step, until the lease ends or somebody raises the epoch."""

    step_id: UUID
    run_id: UUID
    target_id: UUID
    stage: Stage
    attempt: int
    ticket: UUID
    owner: UUID
    epoch: int
    takeovers: int
    taken_over: bool
    is_more_due: bool = False  # other steps were due as well


CLAIM = """
WITH due AS (
    SELECT id, state AS was FROM maintenance_step
    WHERE (state = 'Pending' AND due_at <= clock_timestamp())
       OR (state = 'Running' AND lease_until < clock_timestamp())
    ORDER BY due_at
    FOR NO KEY UPDATE SKIP LOCKED
    LIMIT 1
)
UPDATE maintenance_step AS step
SET state = 'Running', owner = %(owner)s, epoch = epoch + 1,
    lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    started = COALESCE(started, clock_timestamp()),
    takeovers = takeovers + CASE WHEN due.was = 'Running' AND owner IS DISTINCT FROM %(owner)s THEN 1 ELSE 0 END
FROM due WHERE step.id = due.id
RETURNING step.id, step.run_id, step.target_id, step.stage, step.attempt, step.ticket, step.epoch, step.takeovers,
          due.was = 'Running',
          (SELECT count(*) > 1 FROM (
              SELECT 1 FROM maintenance_step
              WHERE (state = 'Pending' AND due_at <= clock_timestamp())
                 OR (state = 'Running' AND lease_until < clock_timestamp())
              LIMIT 2
          ) AS all_due)
"""


def claim_step(owner: UUID) -> Claim | None:
    """The step that has been due longest, now this engine's; or one whose owner let its lease end. None: no work.

    An engine that lost its lease because the database was away, or while it was frozen, and comes back to its own step
    is no takeover that counts: nothing says that the step ends engines.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"owner": owner, "lease_s": settings.LEASE_S})
        row = cursor.fetchone()
    if row is None:
        return None
    step_id, run_id, target_id, stage, attempt, ticket, epoch, takeovers, taken_over, is_more_due = row
    return Claim(
        step_id,
        run_id,
        target_id,
        Stage(stage),
        attempt,
        ticket,
        owner,
        epoch,
        takeovers,
        taken_over,
        is_more_due,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What a claim's holder must know while it works."""

    epoch: int
    wants_stop: bool  # the run is being cancelled: end the stage and bring the host home


RENEW = """
UPDATE maintenance_step AS step
SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
FROM maintenance_target AS target
WHERE step.id = ANY(%(steps)s) AND step.owner = %(owner)s AND step.state = 'Running' AND target.id = step.target_id
RETURNING step.id, step.epoch, target.cancelling
"""


def renew(owner: UUID, steps: Sequence[UUID]) -> dict[UUID, Standing]:
    """Prolong the leases of steps this engine still owns; a step that is missing from the answer is lost."""
    if not steps:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(RENEW, {"lease_s": settings.LEASE_S, "steps": list(steps), "owner": owner})
        return {step: Standing(epoch, wants_stop) for step, epoch, wants_stop in cursor.fetchall()}


def fenced(claim: Claim, **changes: Any) -> None:
    """Write to the claimed step. Raises: LostLease when the claim no longer holds; then nothing was written."""
    changed = Step.objects.filter(
        id=claim.step_id, owner=claim.owner, epoch=claim.epoch, state=StepState.RUNNING
    ).update(**changes)
    if changed != 1:
        raise LostLease(f"step {claim.step_id} is no longer held at epoch {claim.epoch}")


def check_claim(claim: Claim) -> None:
    """Hold the claimed step's row until the transaction ends. Raises: LostLease when the claim no longer holds."""
    held = (
        Step.objects.select_for_update(no_key=True)
        .filter(id=claim.step_id, owner=claim.owner, epoch=claim.epoch, state=StepState.RUNNING)
        .exists()
    )
    if not held:
        raise LostLease(f"step {claim.step_id} is no longer held at epoch {claim.epoch}")
