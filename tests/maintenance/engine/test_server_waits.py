"""A server that does not get ready: the step says why, a person is told of what does not help itself."""

import pytest

from maintenance.actions import cancel_run, take_attention
from maintenance.actions.servers import prepare_server_shutdown
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.agents import change_settings, send_home
from maintenance.backends.lab.world import lab_world
from maintenance.backends.servers import BalanceChange
from maintenance.models import Attention, AuditEntry, FeedEvent, Run, Step, Target
from tests.maintenance.engine.needs import asked, settled
from tests.maintenance.engine.server_lab import make_server_lab
from tests.maintenance.engine.small_lab import ended, engine_running
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def servers(lab, settings):
    settings.HELD_TELL_S = 1
    return make_server_lab(lab)


def why(run, code):
    """What the step says of this reason, once it does."""

    def told():
        step = Step.objects.filter(run=run).order_by("-started").first()
        reasons = step.movement.get("why", []) if step else []
        return next((reason for reason in reasons if reason["code"] == code), None)

    return wait_until(told, within_s=20)


def is_held(run):
    return Target.objects.filter(run=run, state="InMaintenance").exists()


def host_on(server_id):
    agent = lab.Agent.objects.filter(server=server_id, kind="host").first()
    return lab.Host.objects.get(id=agent.host_id)


def test_a_host_that_is_being_prepared_holds_its_server_is_named_and_can_be_passed_by(servers):
    host = host_on(servers.servers["mgmt2"])
    lab.Host.objects.filter(id=host.id).update(resource_state="PrepareForMaintenance")
    run = servers.prepare("mgmt2")
    with engine_running():
        reason = why(run, "host-stuck")
        need = asked("server-stuck")
        assert not is_held(run)
        servers.configure(ignore_maintenance_hosts=1)
        wait_until(lambda: is_held(run), within_s=20)
        settled(need)

    assert f"{host.name}: " in reason["words"]
    assert "PrepareForMaintenance" in reason["words"]
    assert "ignore.maintenance.hosts" in reason["what_to_do"]
    assert not Attention.objects.filter(resolved_at=None).exists()


def test_an_address_that_the_setting_lacks_is_named_and_once_added_the_server_gets_ready(servers):
    with lab_world() as world:
        change_settings(world.door, world.config, BalanceChange(hosts=("10.0.0.1", "10.0.0.2")))
        send_home(world.door, world.config, world.door.now())
    wait_until(lambda: servers.agents("mgmt2") > 0, within_s=20)
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForMaintenance")
        servers.kill("mgmt1")
        servers.end_jobs("mgmt2")
        reason = why(run, "host-setting")
        with lab_world() as world:
            hosts = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
            change_settings(world.door, world.config, BalanceChange(hosts=hosts))
        wait_until(lambda: is_held(run), within_s=20)

    assert "10.0.0.3 (mgmt3)" in reason["words"]


def test_a_job_that_never_ends_is_named_with_its_age(servers):
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        reason = why(run, "job")

    assert "mgmt2 waits for 1 job: StartVMCmdByAdmin of" in reason["words"]
    assert not is_held(run)


def test_a_shutdown_that_no_window_ends_asks_for_a_person_when_a_job_holds_it_for_long(servers):
    servers.jobs("mgmt2")
    servers.read()
    run = prepare_server_shutdown(servers.servers["mgmt2"], actor="operator")
    Run.objects.update(drain_timeout_s=1)
    with engine_running():
        need = asked("server-stuck")
        servers.end_jobs("mgmt2")
        settled(need)
        wait_until(lambda: is_held(run), within_s=20)

    assert "StartVMCmdByAdmin" in need.message


def test_who_takes_a_need_of_a_server_is_told_with_the_server_it_is_about(servers):
    host = host_on(servers.servers["mgmt2"])
    lab.Host.objects.filter(id=host.id).update(resource_state="PrepareForMaintenance")
    run = servers.prepare("mgmt2")
    with engine_running():
        take_attention(asked("server-stuck").id, actor="anna")
        cancel_run(run.id, actor="anna")
        ended(run)

    told = FeedEvent.objects.get(kind="attention.taken").object
    assert told["server"] == str(servers.servers["mgmt2"])
    assert "host" not in told
    assert AuditEntry.objects.get(action="attention taken").object == told
