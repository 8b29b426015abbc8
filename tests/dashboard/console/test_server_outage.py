"""What every page says while management servers are out: first, calmly, and beside each button that cannot be used."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.live.render import draw
from dashboard.live.touched import FRAME, Part, touched
from dashboard.screens.servers.blocked import blocked_clouds
from maintenance.domain.states import RunKind, RunState, Stage, TargetState
from maintenance.models import Attention, EngineProcess, ManagementServer
from tests.dashboard.console.run_page import SPACE, sentence
from tests.dashboard.console.server_runs import ended_stage, put_server, server_run
from tests.dashboard.console.servers import make_servers, prepare, server, set_state

IN_MAINTENANCE = "In maintenance, try again in about 4 min."


@pytest.fixture(autouse=True)
def servers(inventory) -> None:
    make_servers(inventory)
    EngineProcess.objects.create(host_name="node1", pid=7, version="1")


def text_of(client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return str(answer.text).replace(SPACE, " ")


def blocked() -> None:
    """Each of them prepares, and the first is back in about four minutes."""
    until = timezone.now() + timedelta(minutes=3, seconds=40)
    ManagementServer.objects.update(state="PreparingForMaintenance", window_ends_at=until)


def shut_down_by_us(inventory, name: str) -> None:
    run = server_run(inventory, [server(name)], RunKind.SERVER_SHUTDOWN, state=RunState.SUCCEEDED)
    ended_stage(put_server(run, name, TargetState.DONE, is_open=False), Stage.SERVER_SHUT_DOWN)
    set_state(name, "Down")


# ---- the overview's sentence -------------------------------------------------------------------------------------


def test_that_no_server_is_up_comes_before_everything_else(operator):
    ManagementServer.objects.update(state="Down")

    page = text_of(operator, "/")

    assert sentence(page) == "No management server is Up. Nothing can be asked of the cloud until one is."
    verdict = page.partition('id="overview-verdict"')[2].partition('id="overview-runs"')[0]
    assert verdict.count('data-state="Down"') == 3
    assert "Nothing needs a person" not in verdict


def test_that_every_server_is_blocked_says_when_to_try_again(operator):
    blocked()

    assert sentence(text_of(operator, "/")) == (
        "No management server is Up. New work is refused: in maintenance, try again in about 4 min."
    )


def test_a_server_that_died_is_told_with_those_that_carry_the_cloud(operator):
    set_state("mgmt3", "Down")

    page = text_of(operator, "/")

    assert sentence(page) == "mgmt3 is Down, and nobody took it down. 2 management servers carry the cloud."
    assert "Nothing needs a person" not in page.partition("<h1")[2].partition("</h1>")[0]


def test_a_server_that_died_is_told_although_hosts_are_at_work(operator, inventory):
    set_state("mgmt3", "Down")
    prepare("mgmt2")

    assert sentence(text_of(operator, "/")).startswith("mgmt3 is Down, and nobody took it down.")


def test_a_server_that_we_shut_down_is_no_surprise(operator, inventory):
    shut_down_by_us(inventory, "mgmt3")

    assert sentence(text_of(operator, "/")).startswith("All quiet.")


def test_one_that_we_shut_down_and_that_was_started_since_may_die_unasked(operator, inventory):
    shut_down_by_us(inventory, "mgmt3")
    ManagementServer.objects.filter(name="mgmt3").update(started_at=timezone.now())

    assert sentence(text_of(operator, "/")).startswith("mgmt3 is Down, and nobody took it down.")


def test_servers_that_were_not_read_lately_say_nothing_of_themselves(operator, inventory):
    ManagementServer.objects.update(state="Down")
    inventory.cloud.servers_read_at = timezone.now() - timedelta(minutes=5)
    inventory.cloud.save()

    assert sentence(text_of(operator, "/")).startswith("All quiet.")


# ---- the banner, and buttons ---------------------------------------------------------------------------------------


def addresses(inventory) -> list[str]:
    cluster = inventory.clusters["c1"].id
    return [
        *("/", "/hosts/", "/clusters/", "/zones/", "/pods/", "/rolling/", "/jobs/", "/agents/"),
        *("/management-servers/", f"/management-servers/{server('mgmt1').id}/", "/needs-a-person/"),
        *(f"/hosts/{inventory.id('kvm1')}/", f"/clusters/{cluster}/", f"/rolling/new/?clusters={cluster}"),
    ]


def test_every_page_says_when_to_try_again_once(operator, inventory):
    for path in addresses(inventory):
        assert "refuses new work" not in text_of(operator, path), path
    blocked()

    for path in addresses(inventory):
        page = text_of(operator, path)
        assert page.count("and refuses new work. Try again in about 4 min.") == 1, path


def test_what_starts_work_is_disabled_with_the_reason_beside_it(operator, inventory):
    cluster = inventory.clusters["c1"].id
    for path in (
        *("/", "/hosts/", "/clusters/", "/zones/", "/pods/", "/rolling/", f"/clusters/{cluster}/"),
        *(f"/hosts/{inventory.id('kvm1')}/", f"/rolling/new/?clusters={cluster}"),
    ):
        assert IN_MAINTENANCE not in text_of(operator, path), path
        blocked()
        assert IN_MAINTENANCE in text_of(operator, path), path
        ManagementServer.objects.update(state="Up", window_ends_at=None)


def test_a_host_is_not_put_into_maintenance_meanwhile(operator, inventory):
    blocked()

    page = text_of(operator, f"/hosts/{inventory.id('kvm1')}/")

    assert f"/hosts/{inventory.id('kvm1')}/prepare/" not in page


def test_whoever_may_not_start_anyway_is_told_that(viewer):
    blocked()

    assert IN_MAINTENANCE not in text_of(viewer, "/hosts/")


def test_the_banner_is_pushed_when_a_server_changes_its_state_and_not_for_its_counts():
    about = {"server": "m1", "name": "mgmt1"}

    changed = set(touched("server.changed", about, {"state": "Up"}, {"state": "Maintenance"}))
    counted = set(touched("server.changed", about, {"agents": 3}, {"agents": 4}))

    assert {Part(FRAME, "blocked"), Part("overview", "verdict"), Part("host:*", "hand")} <= changed
    assert Part(FRAME, "blocked") not in counted


@pytest.mark.django_db(transaction=True)
def test_the_pushed_banner_is_the_pages_own():
    part = Part(FRAME, "blocked"), "operator"

    before = draw([part])[part]
    blocked()
    after = draw([part])[part]

    assert before.element == after.element == "blocked"
    assert " hidden" in before.html.partition(">")[0]
    assert "Try again in about 4" in after.html


def test_it_costs_one_question_while_each_cloud_has_a_server_that_is_up(django_assert_num_queries):
    set_state("mgmt2", "Maintenance")

    with django_assert_num_queries(1):
        assert blocked_clouds() == []


def test_an_engine_that_found_none_that_answers_is_believed_before_what_was_read_last(operator, inventory):
    set_state("mgmt2", "Down")
    Attention.objects.create(
        cause="no-server-up",
        title="No management server of lab is Up",
        message="none answers",
        server=server("mgmt1"),
    )
    inventory.cloud.servers_read_at = timezone.now() - timedelta(minutes=5)
    inventory.cloud.save()

    page = text_of(operator, "/")

    assert sentence(page) == "No management server is Up. One thing needs a person."
    need = text_of(operator, f"/needs-a-person/{Attention.objects.get().id}/")
    assert need.count("The command that starts") == 3
    assert "No management server is Up: nothing can be asked of the cloud." in need
