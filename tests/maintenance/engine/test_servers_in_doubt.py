"""What is not certain about a management server is never taken for good, whoever asks, whatever was asked before."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from maintenance import actions as all_actions
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.servers.asked import Asked
from maintenance.backends.lab.world import lab_world
from maintenance.clock import database_now
from maintenance.domain.servers import ServerMove
from maintenance.domain.states import Stage
from maintenance.engine.claim import Claim
from maintenance.engine.hands import Hands, Orders
from maintenance.engine.servers.look import window_of
from maintenance.engine.sweep import prune
from maintenance.models import Cloud, Intent, PendingJob, Step
from tests.maintenance.engine.server_lab import make_server_lab, stages_of
from tests.maintenance.engine.small_lab import ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def servers(lab):
    return make_server_lab(lab)


def fault(call, kind, **values):
    return lab_models.Fault.objects.create(call=call, kind=kind, **values)


def claim_of(step):
    return Claim(
        step.id, run_id=step.run_id, target_id=step.target_id, stage=Stage(step.stage), attempt=step.attempt,
        ticket=step.ticket, owner=step.owner, epoch=step.epoch, takeovers=0, taken_over=False,
    )  # fmt: skip


def cancelled_by_others(servers, server):
    """Somebody else takes it out of maintenance, in the cloud itself."""
    with lab_world() as world:
        until = database_now() + timedelta(minutes=1)
        by_hand.accept(world, Asked(uuid4(), servers.servers[server], ServerMove.CANCEL, until))
    assert servers.state(server) == "Up"


# ---- restarts --------------------------------------------------------------------------------------------------------


def test_a_server_that_never_went_down_is_not_done_because_it_came_home(servers, settings):
    settings.SERVER_RETURN_TIMEOUT_S = 1
    servers.configure(server_autostart_s=-1)
    servers.jobs("mgmt2")
    run = servers.restart("mgmt2")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForMaintenance")
        servers.kill("mgmt2")
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
        assert target_of(run, "mgmt2").state == "NeedsPerson"
        settings.SERVER_RETURN_TIMEOUT_S = 30
        servers.start("mgmt2")
        all_actions.retry_host(run.id, servers.servers["mgmt2"], actor="operator")
        wait_until(lambda: state_of(run) != "Running", within_s=30)

    assert (state_of(run), target_of(run, "mgmt2").state) == ("Paused", "Failed")
    assert "PrepareForMaintenance" in target_of(run, "mgmt2").detail


def test_a_server_that_others_brought_back_before_its_shutdown_is_not_shut_down_with_its_agents(servers):
    fault("trigger_server_shutdown", "error", text="too busy")
    run = servers.restart("mgmt2")
    with engine_running():
        wait_until(
            lambda: Step.objects.filter(run=run, stage="TriggerShutdown", note__contains="busy").first(),
            within_s=20,
        )
        cancelled_by_others(servers, "mgmt2")
        lab_models.Fault.objects.all().delete()
        wait_until(lambda: state_of(run) == "Paused", within_s=20)
        assert "ShuttingDown" not in servers.moments("mgmt2")
        assert "Up" in target_of(run, "mgmt2").detail
        servers.read()
        all_actions.retry_host(run.id, servers.servers["mgmt2"], actor="operator")
        ended(run)

    assert state_of(run) == "Succeeded"
    assert [stage for stage, _ in stages_of(run, "mgmt2")].count("PrepareForMaintenance") == 2


def test_a_server_that_cannot_be_read_has_not_settled(servers):
    run = servers.restart("mgmt2", settle_s=600)
    with engine_running():
        step = wait_until(
            lambda: Step.objects.filter(run=run, stage="Settle", state="Running").first(), within_s=20
        )
        wait_until(lambda: (Cloud.objects.get().as_of or step.started) > step.started, within_s=20)
        wait_until(lambda: Step.objects.get(id=step.id).deadline_at, within_s=20)
        fault("look_at_server", "error", text="too busy")
    servers.settled_at_once(run)
    with engine_running():
        settling = Step.objects.filter(id=step.id)
        wait_until(settling.filter(state="Running", note__contains="too busy").exists, within_s=20)
        wait_until(lambda: (database_now() - settling.get().deadline_at).total_seconds() > 1)
        assert state_of(run) == "Running"
        lab_models.Fault.objects.all().delete()
        ended(run)

    assert state_of(run) == "Succeeded"


# ---- what goes wrong unseen ------------------------------------------------------------------------------------------


def test_the_window_is_known_although_the_reply_to_the_request_was_lost(servers, settings):
    settings.INTENT_VALID_S = 5
    fault("prepare_server", "lose-reply", times_left=1)
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        step = wait_until(lambda: Step.objects.filter(run=run, movement__jobs_left=1).first(), within_s=20)
        hands = Hands.take(claim_of(step), Orders())
        asked_at = Intent.objects.get(step=step).written_at
        assert window_of(hands) == asked_at + timedelta(minutes=60)
        all_actions.cancel_run(run.id, actor="operator")
        ended(run)


def test_jobs_that_ended_long_ago_are_looked_through_no_more(servers):
    servers.jobs("mgmt2", count=2)
    servers.read()
    servers.end_jobs("mgmt2")
    servers.jobs("mgmt2")
    servers.read()
    assert PendingJob.objects.count() == 3
    PendingJob.objects.exclude(gone_at=None).update(gone_at=Now() - timedelta(hours=3))

    prune()

    assert PendingJob.objects.get().gone_at is None


def test_a_run_over_servers_that_failed_counts_servers(servers):
    servers.configure(maintenance_timeout_min=0.06)
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        assert ended(run).details == "1 management server failed"
