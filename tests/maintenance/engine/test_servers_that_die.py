"""A management server that goes Down unasked needs a person, whatever runs there are; so does a cloud without any."""

import pytest

from maintenance import actions as all_actions
from maintenance.actions.servers import trigger_server_shutdown
from maintenance.engine.watch_servers import watch_servers
from maintenance.models import Attention, FeedEvent, Notification
from maintenance.servers_sync import read_servers
from tests.maintenance.engine.needs import asked, open_need, settled
from tests.maintenance.engine.server_lab import make_server_lab
from tests.maintenance.engine.small_lab import ended, engine_running

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def servers(lab, settings):
    settings.NOTIFY_MAIL_TO = ["ops@example.org"]
    return make_server_lab(lab)


def look(servers):
    read_servers(servers.small.cloud)
    watch_servers()


def test_a_server_that_dies_is_told_with_the_jobs_that_were_cut_off_and_settled_once_it_is_up(servers):
    servers.jobs("mgmt2", count=2)
    with engine_running():
        servers.kill("mgmt2")
        need = asked("server-down")
        assert Notification.objects.filter(body__cause="server-down").exists()
        servers.start("mgmt2")
        assert settled(need).resolved_by == "observed Up"

    assert (need.run_id, need.target_id, need.server_id) == (None, None, servers.servers["mgmt2"])
    assert need.title == "mgmt2 is Down, and no run of ours took it down"
    assert "2 jobs were cut off with it" in need.message
    about = FeedEvent.objects.get(kind="attention.opened").object
    assert about == {"attention": str(need.id), "server": str(servers.servers["mgmt2"])}


def test_each_server_that_dies_is_told_by_itself_and_once(servers):
    for server in ("mgmt2", "mgmt3"):
        servers.kill(server)
    for _ in range(3):
        look(servers)

    assert Attention.objects.filter(cause="server-down", resolved_at=None).count() == 2
    assert open_need("no-server-up") is None


def test_a_server_that_a_run_of_ours_took_down_is_not_told_until_it_dies_by_itself(servers):
    servers.configure(server_autostart_s=-1)
    servers.read()
    run = trigger_server_shutdown(servers.servers["mgmt2"], actor="operator")
    with engine_running():
        ended(run)
    assert servers.state("mgmt2") == "Down"
    look(servers)
    assert open_need("server-down") is None

    servers.start("mgmt2")
    look(servers)
    servers.kill("mgmt2")
    look(servers)

    assert open_need("server-down").server_id == servers.servers["mgmt2"]


def test_what_a_person_has_settled_is_told_again_only_after_it_has_started(servers):
    servers.kill("mgmt2")
    look(servers)
    all_actions.resolve_attention(
        open_need("server-down").id, actor="operator", reason="it is to be replaced"
    )

    look(servers)
    assert open_need("server-down") is None
    servers.start("mgmt2")
    look(servers)
    servers.kill("mgmt2")
    look(servers)

    assert open_need("server-down") is not None


@pytest.mark.parametrize("answering", [True, False])
def test_that_no_server_is_up_is_told_once_for_the_cloud_and_settled_when_one_is(servers, answering):
    if answering:
        servers.prepare("mgmt3")
        with engine_running():
            servers.in_state("mgmt3", "Maintenance")
    for server in ("mgmt1", "mgmt2") if answering else ("mgmt1", "mgmt2", "mgmt3"):
        servers.kill(server)
    look(servers)
    look(servers)

    (need,) = Attention.objects.filter(cause="no-server-up")
    assert (need.title, need.run_id, need.target_id) == ("No management server of lab is Up", None, None)
    assert ("mgmt3 is Maintenance" if answering else "no management server answers") in need.message
    servers.start("mgmt1")
    look(servers)
    assert settled(need, within_s=1).resolved_by == "observed: mgmt1 is Up"
