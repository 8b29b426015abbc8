"""The moment at which a host's turn begins, while somebody else decides about its run."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction
from django.db.models.functions import Now

from maintenance.domain.gate import Hold
from maintenance.domain.states import Stage, TargetState
from maintenance.engine.advance import advance, lock_run
from maintenance.engine.claim import claim_step
from maintenance.engine.gate import begin_turn
from maintenance.engine.hands import Hands, Orders
from maintenance.feed import unit_of_work
from maintenance.models import Run, Step
from tests.maintenance.engine.rows import make_run
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # else one transaction sees the same for ever
        # Of our database: tests beside this one share the server, and wait for locks of their own.
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0


def test_a_host_whose_run_is_paused_at_the_moment_its_turn_begins_stays_untouched():
    run = make_run(hosts=1)
    run.targets.update(state=TargetState.READY)
    Step.objects.create(run=run, target=run.targets.get(), stage=Stage.PRE_MAINTENANCE)
    hands = Hands.take(claim_step(uuid4()), Orders())

    def begin():
        try:
            return begin_turn(hands)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as engine:
        with transaction.atomic():
            lock_run(run.id)
            answer = engine.submit(begin)
            wait_until(somebody_waits_for_a_lock)
            Run.objects.filter(id=run.id).update(pausing=True)

        assert answer.result(10) == Hold("paused", "the run is paused")
    assert run.targets.get().state == TargetState.READY


def test_every_host_of_a_large_cluster_gets_its_preflight_before_the_first_one_begins():
    run = make_run(hosts=30)
    rounds = 0
    while not Step.objects.filter(run=run, stage=Stage.PRE_MAINTENANCE).exists():
        rounds += 1
        assert rounds <= 30, "the run stands still"
        with unit_of_work() as work:
            advance(work, lock_run(run.id))
        Step.objects.filter(run=run, stage=Stage.PREFLIGHT).update(state="Ended")
        checked = run.targets.filter(state=TargetState.CHECKING)
        checked.update(state=TargetState.READY, preflight="success", preflight_at=Now())

    assert Step.objects.filter(run=run, stage=Stage.PREFLIGHT).values("target").distinct().count() == 30
    assert Step.objects.get(run=run, stage=Stage.PRE_MAINTENANCE).target.name == "kvm1"
