"""Who does which step: claims, leases, and zombies that may write nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from maintenance.domain.states import Stage, StepState
from maintenance.engine.claim import LostLease, check_claim, claim_step, fenced, renew
from maintenance.models import Step
from tests.maintenance.engine.rows import make_run

pytestmark = pytest.mark.django_db(transaction=True)


def make_steps(count):
    run = make_run(hosts=count)
    return [
        Step.objects.create(run=run, target=target, stage=Stage.PREFLIGHT) for target in run.targets.all()
    ]


def let_lease_end(step):
    Step.objects.filter(id=step.id).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_step_that_is_not_due_is_not_claimed():
    (step,) = make_steps(1)
    Step.objects.update(due_at=timezone.now() + timedelta(seconds=60))

    assert claim_step(uuid4()) is None
    assert Step.objects.get(id=step.id).state == StepState.PENDING


def test_many_engines_at_once_never_claim_the_same_step():
    make_steps(20)

    def claim_all(_):
        claims = []
        while claim := claim_step(uuid4()):
            claims.append(claim.step_id)
        connection.close()
        return claims

    with ThreadPoolExecutor(6) as engines:
        claimed = [step for claims in engines.map(claim_all, range(6)) for step in claims]

    assert len(claimed) == len(set(claimed)) == 20


def test_a_step_is_taken_over_only_after_its_lease_has_ended():
    (step,) = make_steps(1)
    first = claim_step(uuid4())

    assert claim_step(uuid4()) is None
    let_lease_end(step)
    second = claim_step(uuid4())

    assert second.taken_over
    assert second.epoch == first.epoch + 1


def test_only_a_takeover_from_another_engine_counts_against_the_step():
    (step,) = make_steps(1)
    same, other = uuid4(), uuid4()
    claim_step(same)
    let_lease_end(step)

    again = claim_step(same)
    let_lease_end(step)
    taken = claim_step(other)

    assert (again.taken_over, again.takeovers) == (True, 0)
    assert (taken.taken_over, taken.takeovers) == (True, 1)


def test_a_zombies_write_changes_nothing():
    (step,) = make_steps(1)
    zombie = claim_step(uuid4())
    let_lease_end(step)
    claim_step(uuid4())

    with pytest.raises(LostLease):
        fenced(zombie, state=StepState.ENDED, outcome="ok")
    with pytest.raises(LostLease), transaction.atomic():
        check_claim(zombie)
    assert Step.objects.get(id=step.id).state == StepState.RUNNING


def test_a_renewal_by_the_former_owner_is_not_answered():
    (step,) = make_steps(1)
    former = claim_step(uuid4())
    let_lease_end(step)
    claim_step(uuid4())

    assert renew(former.owner, [step.id]) == {}


def test_a_renewed_lease_keeps_the_step():
    (step,) = make_steps(1)
    claim = claim_step(uuid4())
    let_lease_end(step)

    assert renew(claim.owner, [step.id])[step.id].epoch == claim.epoch
    assert claim_step(uuid4()) is None


def test_an_ended_step_cannot_be_changed_by_anybody():
    (step,) = make_steps(1)
    claim = claim_step(uuid4())
    fenced(claim, state=StepState.ENDED, outcome="failed")

    with pytest.raises(Exception, match="has ended"), transaction.atomic():
        Step.objects.filter(id=step.id).update(outcome="ok")
