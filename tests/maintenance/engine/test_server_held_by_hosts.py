"""A server that prepares while hosts of its agents empty, or agents have nowhere to go: who holds it, what helps."""

import pytest

from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.agents import change_settings, send_home
from maintenance.backends.lab.world import lab_world
from maintenance.backends.servers import BalanceChange
from maintenance.models import Attention, Step, Target
from tests.maintenance.engine.server_lab import make_server_lab
from tests.maintenance.engine.small_lab import ended, engine_running, hurry
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


def host_on(servers, server):
    agent = lab_models.Agent.objects.filter(server=servers.servers[server], kind="host").first()
    return lab_models.Host.objects.get(id=agent.host_id)


def test_a_run_of_our_own_that_drains_a_host_is_what_holds_the_server_and_no_person_is_asked_for(servers):
    host = host_on(servers, "mgmt2")
    servers.read()
    servers.configure(prepare_s=600)
    rolling = servers.small.start(hosts=[host.name])
    with engine_running():
        draining = lab_models.Job.objects.filter(host=host.id, kind="prepare")
        job = wait_until(lambda: draining.first(), within_s=20)
        lab_models.Job.objects.filter(id=job.id).update(server=servers.servers["mgmt1"])
        run = servers.prepare("mgmt2")
        reason = why(run, "own-run")
        hurry(host.name)
        wait_until(lambda: is_held(run), within_s=30)
        ended(rolling)

    assert reason["words"] == (
        f"Run {rolling.number} of our own holds mgmt2: it drains {host.name}; it ends by itself."
    )
    assert f"pause run {rolling.number}" in reason["what_to_do"]
    assert not Attention.objects.filter(cause="server-stuck").exists()


def test_a_host_setting_that_leaves_agents_nowhere_to_go_is_what_is_to_be_mended(servers):
    with lab_world() as world:
        change_settings(world.door, world.config, BalanceChange(hosts=("10.0.0.2", "10.9.9.9")))
        send_home(world.door, world.config, world.door.now())
    wait_until(lambda: servers.agents("mgmt2") > 0, within_s=20)
    run = servers.prepare("mgmt2")
    with engine_running():
        reason = why(run, "host-setting")

    assert "10.9.9.9 in the setting `host` is no management server's" in reason["words"]
    assert "10.0.0.1 (mgmt1), 10.0.0.3 (mgmt3) are Up and missing" in reason["words"]
    assert reason["words"].count("10.9.9.9") == 1
    assert "Add the addresses" in reason["what_to_do"]
    step = Step.objects.get(run=run, stage="PrepareForMaintenance")
    assert "host-stuck" not in [one["code"] for one in step.movement["why"]]
    assert {agent["goes_to"] for agent in step.movement["agents"]} == {""}
