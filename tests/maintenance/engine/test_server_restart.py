"""Management servers are restarted one by one, whatever happens meanwhile."""

import pytest

from maintenance import actions as all_actions
from maintenance.actions import Conflict
from maintenance.backends.lab import models as lab_models
from maintenance.backends.registry import cloud_of_kind
from maintenance.models import Attention, ManagementServer, Run, Step
from tests.maintenance.engine.server_lab import make_server_lab, stages_of
from tests.maintenance.engine.small_lab import ended, engine_running, hurry, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

WHOLE_WAY = [
    ("PrepareForMaintenance", "ok"),
    ("TriggerShutdown", "ok"),
    ("ComeBack", "ok"),
    ("CancelMaintenance", "ok"),
    ("Settle", "ok"),
]


@pytest.fixture
def servers(lab):
    return make_server_lab(lab)


def in_stage(run, server, stage):
    step = Step.objects.filter(run=run, target__name=server, stage=stage, state="Running")
    return wait_until(step.first, within_s=20)


def most_away():
    """The most servers that were not Up at the same time, as the lab wrote it down."""
    away, most = set(), 0
    for moment in lab_models.ServerMoment.objects.order_by("id"):
        (away.discard if moment.state == "Up" else away.add)(moment.server_id)
        most = max(most, len(away))
    return most


def processes(servers):
    """Since when each server's process runs."""
    return {name: servers.look(name).server.started_at for name in servers.servers}


def test_one_server_goes_down_comes_back_and_has_its_agents_again(servers):
    before = {name: servers.agents(name) for name in servers.servers}
    since = processes(servers)
    run = servers.restart("mgmt2")
    with engine_running():
        ended(run)

    assert (state_of(run), run.kind) == ("Succeeded", "server-restart")
    assert stages_of(run, "mgmt2") == WHOLE_WAY
    assert processes(servers)["mgmt2"] > since["mgmt2"]
    assert {name: servers.agents(name) for name in servers.servers} == before
    assert servers.state("mgmt2") == "Up"


def test_all_are_restarted_one_by_one_in_the_order_given_also_the_one_we_talk_through(servers):
    since = processes(servers)
    run = servers.restart("mgmt3", "mgmt1", "mgmt2")
    with engine_running():
        wait_until(lambda: state_of(run) in {"Succeeded", "Failed", "Paused"}, within_s=60)

    assert state_of(run) == "Succeeded"
    assert most_away() == 1
    assert all(stages_of(run, name) == WHOLE_WAY for name in servers.servers)
    assert all(now > since[name] for name, now in processes(servers).items())
    began = [
        Step.objects.filter(run=run, target__name=n).earliest("started") for n in ("mgmt3", "mgmt1", "mgmt2")
    ]
    assert [step.started for step in began] == sorted(step.started for step in began)


def test_a_server_that_does_not_come_back_stops_the_line_and_goes_on_when_it_is_there(servers, settings):
    settings.SERVER_RETURN_TIMEOUT_S = 2
    servers.configure(server_autostart_s=-1, can_start_servers=0)
    run = servers.restart("mgmt2", "mgmt3")
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
        assert target_of(run, "mgmt2").state == "NeedsPerson"
        assert "systemctl start" in target_of(run, "mgmt2").detail
        assert Attention.objects.get(resolved_at=None).cause == "server-not-back"
        assert servers.state("mgmt3") == "Up"
        settings.SERVER_RETURN_TIMEOUT_S = 60
        servers.start("mgmt2")
        servers.configure(can_start_servers=1)
        all_actions.retry_host(run.id, servers.servers["mgmt2"], actor="operator")
        ended(run, within_s=60)

    assert state_of(run) == "Succeeded"
    assert stages_of(run, "mgmt2")[-3:] == WHOLE_WAY[2:]


def test_a_server_that_falls_again_while_it_settles_stops_the_line(servers):
    run = servers.restart("mgmt2", "mgmt3", settle_s=60)
    with engine_running():
        in_stage(run, "mgmt2", "Settle")
        servers.kill("mgmt2")
        wait_until(lambda: state_of(run) == "Paused", within_s=20)

    assert target_of(run, "mgmt2").state == "NeedsPerson"
    assert "Down" in target_of(run, "mgmt2").detail
    assert target_of(run, "mgmt3").state == "Waiting"


def test_when_its_window_ends_it_is_up_again_failed_and_the_line_stops(servers):
    servers.configure(maintenance_timeout_min=0.06)
    servers.jobs("mgmt2")
    run = servers.restart("mgmt2", "mgmt3")
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)

    assert target_of(run, "mgmt2").state == "Failed"
    assert "window ended" in target_of(run, "mgmt2").detail
    assert servers.state("mgmt2") == "Up"
    assert target_of(run, "mgmt3").state == "Waiting"


@pytest.mark.parametrize("stage", [stage for stage, _ in WHOLE_WAY])
def test_cancelled_at_any_moment_the_server_ends_up_and_no_other_begins(servers, stage):
    if stage == "PrepareForMaintenance":
        servers.jobs("mgmt2")
    servers.configure(server_autostart_s=1.0, start_tasks_s=1.0)
    run = servers.restart("mgmt2", "mgmt3", settle_s=60)
    with engine_running():
        begun = Step.objects.filter(run=run, target__name="mgmt2", stage=stage).exclude(started=None)
        wait_until(begun.exists, within_s=20)  # some of them are over in a moment
        all_actions.cancel_run(run.id, actor="operator")
        ended(run)

    assert state_of(run) == "Cancelled"
    assert servers.state("mgmt2") == "Up"
    assert target_of(run, "mgmt3").state == "Cancelled"
    assert servers.moments("mgmt3")[-1:] in ([], ["Up"])


def test_a_pause_lets_the_server_finish_and_resuming_takes_the_next(servers):
    run = servers.restart("mgmt2", "mgmt3", settle_s=600)
    with engine_running():
        in_stage(run, "mgmt2", "Settle")
        all_actions.pause_run(run.id, actor="operator")
    servers.settled_at_once(run)
    Run.objects.filter(id=run.id).update(settle_s=0)
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=20)
        assert target_of(run, "mgmt2").state == "Done"
        assert target_of(run, "mgmt3").state == "Waiting"
        all_actions.resume_run(run.id, actor="operator")
        ended(run)

    assert state_of(run) == "Succeeded"


def test_the_other_server_dying_during_the_drain_leaves_no_agent_behind(servers):
    servers.jobs("mgmt2")
    run = servers.restart("mgmt2")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForMaintenance")
        servers.kill("mgmt3")
        servers.end_jobs("mgmt2")
        ended(run)

    assert state_of(run) == "Succeeded"
    assert servers.state("mgmt2") == "Up"
    wait_until(
        lambda: servers.agents("mgmt1") + servers.agents("mgmt2") >= len(servers.small.hosts), within_s=20
    )


def test_a_restart_and_a_run_over_hosts_refuse_each_other_and_name_the_owner(servers):
    over_hosts = servers.small.start(hosts=["kvm1"])
    with pytest.raises(Conflict) as refused:
        servers.restart("mgmt2")
    assert refused.value.owner["number"] == over_hosts.number
    all_actions.cancel_run(over_hosts.id, actor="operator")
    with engine_running():
        ended(over_hosts)

    restart = servers.restart("mgmt2")

    with pytest.raises(Conflict) as refused:
        servers.small.start(hosts=["kvm1"])
    assert refused.value.owner["number"] == restart.number


def test_a_run_over_hosts_goes_on_through_another_server_while_one_is_in_maintenance(servers):
    run = servers.prepare("mgmt1")
    with engine_running():
        wait_until(lambda: target_of(run, "mgmt1").state == "InMaintenance", within_s=20)
        over_hosts = servers.small.start(hosts=["kvm1"])
        ended(over_hosts)

    assert state_of(over_hosts) == "Succeeded"


def test_when_every_server_is_blocked_new_work_is_refused_with_when_to_try_again(servers):
    servers.read()
    ManagementServer.objects.update(state="Maintenance")

    with pytest.raises(all_actions.AllBlocked, match="in maintenance, try again in about") as refused:
        servers.small.start(hosts=["kvm1"])

    assert refused.value.retry_after_s >= 1


def test_our_own_request_for_a_host_is_a_pending_job_that_holds_the_server_and_says_so(servers):
    servers.small.configure(prepare_s=600)
    over_hosts = servers.small.start(hosts=["kvm1"])
    with engine_running():
        in_stage(over_hosts, "kvm1", "Drain")
        cloud = cloud_of_kind("lab", servers.small.cloud.id)
        job = wait_until(lambda: next(iter(cloud.read_servers().jobs), None), within_s=20)
        holder = next(name for name, key in servers.servers.items() if key == job.management_server_id)
        run = servers.prepare(holder)
        step = wait_until(
            lambda: Step.objects.filter(run=run, movement__why__0__code="own-run").first(), within_s=20
        )
        assert f"Run {over_hosts.number} of our own holds {holder}" in step.movement["why"][0]["words"]
        servers.small.configure(prepare_s=0)
        all_actions.cancel_run(run.id, actor="operator")
        all_actions.cancel_run(over_hosts.id, actor="operator")
        hurry("kvm1")
        ended(run)
        ended(over_hosts)
