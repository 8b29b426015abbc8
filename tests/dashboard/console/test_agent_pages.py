"""The page of agents: what it says of their balance, and other settings that are shown before they are made."""

import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.live.render import Drawn, draw
from dashboard.live.touched import Part, touched
from maintenance.models import Cloud, CloudChange
from tests.dashboard.console.conftest import logged_in
from tests.maintenance.balanced import HOSTS, Balanced, add_agents, make_balanced

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cloud() -> Balanced:
    return make_balanced()


@pytest.fixture
def viewer() -> Client:
    return logged_in("viewer")


@pytest.fixture
def administrator() -> Client:
    return logged_in("administrator")


def words(answer) -> str:
    """What a person reads, on one line."""
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"</?bdi>", "", main)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("\N{NO-BREAK SPACE}", " ")


def shown(client: Client, address: str = "/agents/", status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.content
    return words(answer)


def hash_in(answer) -> str:
    found = re.search(r'name="hash" value="(\w+)"', answer.content.decode())
    assert found is not None
    return found[1]


# ---- as it is -------------------------------------------------------------------------------------------------------


def test_agents_that_are_home_are_said_to_be(viewer, cloud):
    page = shown(viewer)
    assert "6 agents are where they belong." in page
    assert "roundrobin over 3 servers" in page
    assert ", ".join(HOSTS) in page
    assert "Not as they should be" not in page
    assert "The servers" not in page
    assert "hold equally many, within one" in page


def test_agents_that_drift_are_named_with_their_reasons(viewer, cloud):
    cloud.gather("ms1")
    cloud.agent("kvm1", algorithm="", servers_listed=["10.0.0.3"])
    page = shown(viewer)
    assert "5 of 6 agents are not as they should be." in page
    assert "its list is another one; its list has no @algorithm" in page
    assert "10.0.0.1,10.0.0.2,10.0.0.3@roundrobin" in page
    assert "4 moves would make the servers hold equally many" in page


def test_an_interval_that_an_agent_keeps_for_itself_is_drift(viewer, cloud):
    cloud.agent("kvm1", check_interval_s=7)
    cloud.agent("kvm2", check_interval_s=None)
    page = shown(viewer)
    assert "2 of 6 agents are not as they should be." in page
    assert "its check interval is 7 s, not 1 m 00 s" in page
    assert "its check interval is off, not 1 m 00 s" in page


def test_expected_against_actual_is_drawn_by_server(viewer, cloud):
    cloud.gather("ms1")
    bars = re.findall(
        r'<svg class="bar" viewBox="0 0 100 10".*?width="([\d.]+)".*?class="expected" x="([\d.]+)"',
        viewer.get("/agents/").content.decode(),
    )
    assert bars == [("100.0", "33.3"), ("0.0", "33.3"), ("0.0", "33.3")]


def test_what_is_unwise_is_said(viewer, cloud):
    cloud.settings(algorithm="shuffle", hosts=["10.0.0.1", "10.9.9.9"])
    page = shown(viewer)
    assert "shuffle is not recommended for production" in page
    assert "shuffle – not recommended for production" in page
    assert "No management server is known at 10.9.9.9." in page
    assert "so that no agent is ever sent there: ms2 and ms3." in page


def test_settings_with_which_no_agent_knows_where_to_go_are_the_verdict(viewer, cloud):
    cloud.settings(hosts=[])
    assert "Agents cannot be told where to go." in shown(viewer)


def test_a_cloud_that_cannot_be_read_is_not_shown_as_well(viewer, cloud):
    Cloud.objects.update(read_at=None)
    page = shown(viewer)
    assert "How agents are spread now is not known." in page
    assert "are where they belong" not in page


def test_before_a_cloud_tells_its_settings_the_page_says_so(viewer, cloud):
    Cloud.objects.update(balance=None)
    assert "were not read yet" in shown(viewer)
    assert viewer.get("/agents/change/").status_code == 303
    Cloud.objects.all().delete()
    assert "No cloud is known yet." in shown(viewer)


# ---- the list -------------------------------------------------------------------------------------------------------


def test_agents_are_searched_and_filtered_by_the_address(viewer, cloud):
    cloud.gather("ms1")
    rows = 'class="data agents"'
    listed = viewer.get("/agents/?search=kvm4").content.decode().rpartition(rows)[2]
    assert re.findall(r"(kvm\d)</", listed) == ["kvm4"]
    assert "4 of 6 agents" in shown(viewer, "/agents/?drift=yes")
    assert "6 of 6 agents" in shown(viewer, f"/agents/?server={cloud.servers['ms1'].id}")
    assert "0 of 6 agents" in shown(viewer, "/agents/?kind=consoleproxy")
    assert "No agent matches." in shown(viewer, "/agents/?search=nobody")


def test_a_long_list_has_pages_in_natural_order(viewer, cloud):
    add_agents(cloud, 60)
    page = shown(viewer, "/agents/?page=2")
    assert "Page 2 of 2" in page
    assert "kvm66" in page


def test_it_asks_as_many_questions_for_ten_agents_as_for_thousands(viewer, cloud):
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert viewer.get("/agents/?drift=yes").status_code == 200
        return len(asked)

    add_agents(cloud, 60)
    cloud.gather("ms1")
    questions()
    before = questions()
    add_agents(cloud, 3000)
    cloud.gather("ms1")
    assert questions() == before


# ---- a change -------------------------------------------------------------------------------------------------------

STATIC = {"algorithm": "static", "host": ", ".join(HOSTS), "checkinterval": "60"}


def previewed(client: Client, given=STATIC):
    return client.get("/agents/change/?" + urlencode(given))


def test_the_form_shows_what_is_in_force_and_nothing_to_do(viewer, cloud):
    page = viewer.get("/agents/change/").content.decode()
    assert 'value="10.0.0.1, 10.0.0.2, 10.0.0.3"' in page
    assert '<option value="roundrobin" selected>' in page
    assert "not recommended for production" in page
    assert 'name="hash"' not in page
    same = {**STATIC, "algorithm": "roundrobin"}
    assert "Nothing would change." in words(previewed(viewer, same))


def test_a_viewer_sees_what_a_change_would_do_and_cannot_do_it(viewer, cloud):
    answer = previewed(viewer)
    assert "4 agents of 6 move." in words(answer)
    assert "Administrators can do this." in words(answer)
    assert "every agent goes to 10.0.0.1" in words(answer)
    assert 'name="hash"' not in answer.content.decode()
    assert viewer.post("/agents/change/", {**STATIC, "hash": "x"}).status_code == 403
    assert viewer.post("/agents/rebalance/", {"hash": "x"}).status_code == 403
    assert not CloudChange.objects.exists()


def test_an_administrator_makes_exactly_what_was_shown(administrator, cloud):
    answer = previewed(administrator, {**STATIC, "cluster": str(cloud.cluster.id), "clusterinterval": "5"})
    given = {**STATIC, "cluster": str(cloud.cluster.id), "clusterinterval": "5", "hash": hash_in(answer)}
    done = administrator.post("/agents/change/", {**given, "reason": "less to explain"})
    assert (done.status_code, done["Location"]) == (303, f"/agents/?cloud={cloud.cloud.id}")
    assert CloudChange.objects.get().change == {
        "algorithm": "static",
        "check_interval_of_cluster_s": {str(cloud.cluster.id): 5},
    }
    assert "Asked, not answered yet" in shown(administrator)


OF_MAINTENANCE = {"maintenancetimeout": "90", "ignoremaintenancehosts": "true"}


def test_settings_of_maintenance_are_changed_and_nobody_moves_by_them(administrator, cloud):
    given = {**STATIC, "algorithm": "roundrobin", **OF_MAINTENANCE}
    answer = previewed(administrator, given)
    page = words(answer)
    assert "Nobody moves." in page
    assert "A server has 90 min to prepare for maintenance, no longer 60: no agent moves by this." in page
    assert (
        "Agents on hosts in maintenance no longer hold a server that prepares: no agent moves by this."
        in page
    )
    done = administrator.post("/agents/change/", {**given, "hash": hash_in(answer)})
    assert done.status_code == 303
    assert CloudChange.objects.get().change == {
        "maintenance_timeout_min": 90,
        "ignore_maintenance_hosts": True,
    }
    told = shown(administrator)
    assert "Change: maintenance timeout 90 min; hosts in maintenance are passed over" in told
    assert "Maintenance timeout 60 min management.server.maintenance.timeout" in told
    assert "Hosts in maintenance hold a server management.server.maintenance.ignore.maintenance.hosts" in told


def test_the_form_shows_the_settings_of_maintenance_in_force(viewer, cloud):
    cloud.settings(maintenance_timeout_min=45, ignore_maintenance_hosts=True)
    page = viewer.get("/agents/change/").content.decode()
    assert 'name="maintenancetimeout" value="45"' in page
    assert '<option value="true" selected>' in page
    given = {"maintenancetimeout": "45", "ignoremaintenancehosts": "false"}
    page = words(previewed(viewer, given))
    assert "Agents on hosts in maintenance hold a server that prepares again: no agent moves by this." in page
    assert "no longer 45" not in page


def test_settings_of_maintenance_that_were_changed_meanwhile_are_shown_again(administrator, cloud):
    given = {**STATIC, **OF_MAINTENANCE, "ignoremaintenancehosts": "false"}
    agreed = hash_in(previewed(administrator, given))
    for meanwhile in ({"maintenance_timeout_min": 30}, {"ignore_maintenance_hosts": True}):
        cloud.settings(**meanwhile)
        answer = administrator.post("/agents/change/", {**given, "hash": agreed})
        assert answer.status_code == 409
        assert hash_in(answer) != agreed
        agreed = hash_in(answer)
    assert not CloudChange.objects.exists()


def test_another_plan_is_shown_and_asked_about_again(administrator, cloud):
    agreed = hash_in(previewed(administrator))
    cloud.gather("ms2")
    answer = administrator.post("/agents/change/", {**STATIC, "hash": agreed})
    assert answer.status_code == 409
    assert "It would no longer do what was shown to you." in words(answer)
    assert "6 agents of 6 move." in words(answer)
    assert not CloudChange.objects.exists()
    again = administrator.post("/agents/change/", {**STATIC, "hash": hash_in(answer)})
    assert again.status_code == 303


def test_nothing_is_changed_without_having_been_shown(administrator, cloud):
    assert administrator.post("/agents/change/", STATIC).status_code == 409
    assert administrator.post("/agents/rebalance/", {}).status_code == 409
    assert not CloudChange.objects.exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"algorithm": "random"}, "static, roundrobin, shuffle"),
        ({"host": " , "}, "names no management server"),
        ({"checkinterval": "-1"}, "whole seconds"),
        ({"checkinterval": "9999999"}, "0 to 604,800 s"),
        ({"maintenancetimeout": ""}, "whole minutes"),
        ({"maintenancetimeout": "0"}, "1 to 10,080 min"),
        ({"ignoremaintenancehosts": "maybe"}, "Choose one of the two."),
        ({"cluster": "east"}, "Choose one of the clusters."),
        ({"cluster": "00000000-0000-0000-0000-00000000dead", "clusterinterval": "5"}, "has no cluster"),
        ({"cluster": "00000000-0000-0000-0000-0000000000a3", "clusterinterval": "x"}, "whole seconds"),
    ],
)
def test_what_cannot_be_set_is_said_beside_its_field(administrator, cloud, given, says):
    answer = previewed(administrator, {**STATIC, **given})
    assert (answer.status_code, says in words(answer)) == (400, True)
    posted = administrator.post("/agents/change/", {**STATIC, **given, "hash": "x"})
    assert (posted.status_code, says in words(posted)) == (400, True)


def test_hosts_of_which_none_is_up_are_refused_in_words(administrator, cloud):
    given = {**STATIC, "host": "10.9.9.9"}
    answer = administrator.post(
        "/agents/change/", {**given, "hash": hash_in(previewed(administrator, given))}
    )
    assert answer.status_code == 409
    assert "would name no management server that is Up" in words(answer)


def test_a_rebalance_is_shown_first_and_then_asked_for(administrator, cloud):
    cloud.gather("ms1")
    answer = administrator.get("/agents/rebalance/")
    assert "4 agents of 6 move." in words(answer)
    done = administrator.post("/agents/rebalance/", {"hash": hash_in(answer), "cloud": str(cloud.cloud.id)})
    assert done.status_code == 303
    assert CloudChange.objects.get().kind == "rebalance"


def test_what_the_cloud_answered_is_told_in_its_words(viewer, cloud):
    CloudChange.objects.create(
        cloud=cloud.cloud, kind="balance", state="Refused", answer="10.0.0.9 is unknown", asked_by="anna",
        change={"algorithm": "static", "hosts": ["10.0.0.9"]}, expires_at="2026-01-01T00:00Z",
    )  # fmt: skip
    page = shown(viewer)
    assert "Refused" in page
    assert "Change: algorithm static; servers 10.0.0.9" in page
    assert "10.0.0.9 is unknown" in page


# ---- live -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["agent.changed", "balance.changed", "balance.change", "server.changed"])
def test_what_changes_is_pushed_as_one_part_that_says_what_the_page_says(viewer, cloud, kind):
    followed = Part(f"agents:{cloud.cloud.id}", "now")
    assert Part("agents:*", "now") in set(touched(kind, {}, {}, {"state": "Up"}))
    cloud.gather("ms2")
    drawn = draw([(followed, "")])[followed, ""]
    assert isinstance(drawn, Drawn)
    assert drawn.element == "agents-now"
    assert drawn.html is not None
    assert drawn.html in viewer.get("/agents/").content.decode()
