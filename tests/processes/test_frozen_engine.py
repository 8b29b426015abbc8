"""An engine that is frozen past its lease, and thaws: by then it is a zombie, and may change nothing."""

import pytest
from django.db.models.functions import Now

from maintenance.models import Intent, Step
from tests.maintenance.engine.small_lab import ended
from tests.processes.engines import owner_of
from tests.processes.scenes import (
    GOES_ON_WITHIN_S,
    QUICK_LEASE,
    assert_everything_happened_once,
    in_stage,
    let_go,
    make_last,
    note_every_script,
    taken_over,
)
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]


@pytest.mark.parametrize("stage", ["Drain", "Maintenance"])
def test_a_thawed_engine_finds_its_step_in_other_hands_and_writes_nothing(lab, engines, stage):
    note_every_script(lab)
    make_last(lab, "kvm1", stage)
    run = lab.start(hosts=["kvm1"])
    crew = [engines.start(**QUICK_LEASE) for _ in range(2)]
    step = in_stage(run, "kvm1", stage)
    zombie = owner_of(run, crew)

    zombie.freeze()
    step.refresh_from_db()  # on a busy machine it may have changed hands before
    now = wait_until(lambda: taken_over(step), within_s=GOES_ON_WITHIN_S)
    zombie.thaw()

    wait_until(lambda: zombie.said("lease lost"), within_s=20)
    let_go(lab, "kvm1", stage)
    ended(run)
    step = Step.objects.get(id=step.id)
    assert (step.owner, step.epoch) == (now.owner, now.epoch)
    assert step.owner != zombie.id
    assert_everything_happened_once(lab, run, ["kvm1"])


@pytest.mark.parametrize("moment", ["Drain.leaving", "Maintenance.moving"])
def test_an_engine_frozen_inside_a_transaction_holds_nobody_up(lab, engines, moment):
    note_every_script(lab)
    run = lab.start(hosts=["kvm1"])
    zombie = engines.start(PITSTOP_FAILPOINTS="1", FAILPOINT=f"{moment}@kvm1:freeze")
    wait_until(lambda: zombie.is_frozen, within_s=40)
    step = Step.objects.get(run=run, state="Running")

    other = engines.start()

    now = wait_until(lambda: taken_over(step), within_s=GOES_ON_WITHIN_S)
    assert now.owner == other.id
    zombie.thaw()
    ended(run)
    assert_everything_happened_once(lab, run, ["kvm1"])


@pytest.mark.parametrize("action", ["prepare", "cancel"])
def test_a_request_that_a_zombie_sends_late_is_refused_by_the_cloud(lab, engines, action):
    note_every_script(lab)
    make_last(lab, "kvm1", "PostMaintenance")
    run = lab.start(hosts=["kvm1"])
    zombie = engines.start(PITSTOP_FAILPOINTS="1", FAILPOINT=f"{action}.written@kvm1:freeze", **QUICK_LEASE)
    wait_until(lambda: zombie.is_frozen, within_s=40)

    engines.start(**QUICK_LEASE)
    in_stage(run, "kvm1", "PostMaintenance")
    zombie.thaw()

    wait_until(lambda: zombie.said("lease lost"), within_s=20)
    let_go(lab, "kvm1", "PostMaintenance")
    ended(run)
    # Neither the zombie's nor the one that was carried out: none was refused that anybody heard of.
    assert Intent.objects.filter(action=action, refused="").count() == 2
    assert_everything_happened_once(lab, run, ["kvm1"])


@pytest.mark.parametrize("action", ["prepare", "cancel"])
def test_a_request_that_its_owner_sent_too_late_is_asked_once_more(lab, engines, action):
    note_every_script(lab)
    run = lab.start(hosts=["kvm1"])
    engine = engines.start(PITSTOP_FAILPOINTS="1", FAILPOINT=f"{action}.written@kvm1:freeze")
    wait_until(lambda: engine.is_frozen, within_s=40)
    wait_until(Intent.objects.filter(action=action, expires_at__lt=Now()).exists)

    engine.thaw()

    ended(run)
    assert Intent.objects.filter(action=action).exclude(refused="").exists()
    assert_everything_happened_once(lab, run, ["kvm1"])
