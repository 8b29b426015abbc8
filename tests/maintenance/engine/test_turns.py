"""The moment at which a host's turn begins, while somebody else decides about its run."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connection, connections, transaction

from maintenance.domain.gate import Hold
from maintenance.domain.states import Stage, TargetState
from maintenance.engine.advance import lock_run
from maintenance.engine.claim import claim_step
from maintenance.engine.gate import begin_turn
from maintenance.engine.hands import Hands, Orders
from maintenance.models import Run, Step
from tests.maintenance.engine.rows import make_run
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
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
