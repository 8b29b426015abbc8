"""The page of all management servers, and of one: what people see of them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.screens.servers.fleet import fleet
from dashboard.screens.servers.moves import why_not
from maintenance.actions.server_offers import moves_of
from maintenance.models import Agent, ManagementServer, Target
from tests.dashboard.console.places import text_of
from tests.dashboard.console.servers import (
    add_agents,
    add_job,
    cut_job_off,
    make_servers,
    prepare,
    server,
    set_state,
    unread,
)
from tests.dashboard.walk_page import Element, Page

STATES = (
    "Up",
    "PreparingForMaintenance",
    "Maintenance",
    "PreparingForShutDown",
    "ReadyToShutDown",
    "ShuttingDown",
    "Down",
)


@pytest.fixture(autouse=True)
def servers(inventory) -> None:
    make_servers(inventory)


def page_of(client, name: str = "", query: str = "") -> Page:
    address = f"/management-servers/{server(name).id}/{query}" if name else f"/management-servers/{query}"
    return Page(client.get(address).text, address)


def words(page: Page, element: str = "main") -> str:
    found = page.by_id(element)
    assert found is not None, element
    return _spaced(found)


def _spaced(element: Element) -> str:
    """What it says, each cell and line apart."""
    said = (child if isinstance(child, str) else _spaced(child) for child in element.children)
    return " ".join(" ".join(said).split())


def sentence(page: Page) -> str:
    return " ".join(page.find("h1")[0].text.split())


def row(client, name: str) -> str:
    return words(page_of(client), f"server-row-{server(name).id}")


# ---- all of them ----------------------------------------------------------------------------------------------------


def test_when_all_are_up_the_page_says_so_and_what_they_carry(viewer, inventory):
    add_agents(inventory, "mgmt1", 2)
    add_job("mgmt2")

    assert sentence(page_of(viewer)) == "All 3 management servers are Up. 2 agents, 1 job pending."


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("PreparingForMaintenance", "mgmt2 is preparing. Two servers carry the cloud."),
        ("Maintenance", "mgmt2 is in maintenance. Two servers carry the cloud."),
        ("PreparingForShutDown", "mgmt2 is preparing to shut down. Two servers carry the cloud."),
        ("ReadyToShutDown", "mgmt2 is ready to shut down. Two servers carry the cloud."),
        ("ShuttingDown", "mgmt2 is shutting down. Two servers carry the cloud."),
        ("Down", "mgmt2 is down. Two servers carry the cloud."),
        ("Dreaming", "mgmt2 is in an unknown state. Two servers carry the cloud."),
    ],
)
def test_the_first_sentence_tells_which_is_not_up_and_how_many_carry_the_cloud(viewer, state, says):
    set_state("mgmt2", state)

    assert sentence(page_of(viewer)) == says


def test_one_that_is_down_is_told_before_one_that_prepares(viewer):
    set_state("mgmt1", "PreparingForMaintenance")
    set_state("mgmt3", "Down")

    assert sentence(page_of(viewer)).startswith("mgmt3 is down. mgmt1 is preparing. One server carries")


@pytest.mark.parametrize("state", STATES)
def test_each_state_is_shown_as_the_cloud_spells_it_and_only_up_is_green(viewer, state):
    set_state("mgmt2", state)

    shown = page_of(viewer).by_id(f"server-row-{server('mgmt2').id}")

    assert shown is not None
    mark = next(one for one in shown.find("span") if one["class"] == "state")
    assert mark.text.strip() == state
    assert (mark["data-state"] == "Up") == (state == "Up")
    assert len(shown.find("svg")) >= 1


def test_a_state_that_nobody_knows_is_unknown_and_keeps_the_clouds_word(viewer):
    set_state("mgmt2", "Dreaming")

    assert "Dreaming" in row(viewer, "mgmt2")
    assert 'data-state="Unknown"' in viewer.get("/management-servers/").text


def test_servers_that_could_not_be_read_lately_are_unknown_and_nothing_can_be_asked_of_them(
    operator, inventory
):
    unread(inventory.cloud)

    page = page_of(operator)

    assert sentence(page).startswith("How the management servers are is not known.")
    assert "Up" not in row(operator, "mgmt1").split()
    assert "could not be read lately" in row(operator, "mgmt1")
    assert "/prepare/" not in operator.get(f"/management-servers/{server('mgmt1').id}/").text


def test_a_row_tells_jobs_agents_now_and_where_agents_would_rather_be(viewer, inventory):
    add_agents(inventory, "mgmt1", 3)
    add_agents(inventory, "mgmt1", 2, prefer="mgmt2")
    add_job("mgmt1")

    assert "4.21.0.0 1 5 3 –" in row(viewer, "mgmt1")
    assert "4.21.0.0 0 0 2 –" in row(viewer, "mgmt2")


def test_while_one_prepares_the_others_say_why_they_cannot(operator):
    prepare("mgmt2")

    assert "mgmt2 is preparing; one at a time." in row(operator, "mgmt1")
    assert "Shown below" in row(operator, "mgmt2")


def test_the_rail_counts_the_servers_and_shows_the_worst_state(viewer):
    set_state("mgmt2", "Down")

    found = page_of(viewer).by_id("nav-servers")

    assert found is not None
    assert found.text.split() == ["3", "Down"]
    assert found["data-state"] == "Down"


def test_without_servers_the_page_says_why(viewer):
    ManagementServer.objects.all().delete()

    page = page_of(viewer)

    assert sentence(page) == "No management server is listed."
    assert "has not been read yet" in words(page)


# ---- the one that prepares ------------------------------------------------------------------------------------------


def steps(client) -> list[str]:
    page = page_of(client)
    found = next(one for one in page.find("ol") if "stages" in one["class"].split())
    return [_spaced(step) for step in found.find("li")]


def test_a_server_that_waits_for_jobs_shows_its_five_steps(viewer, inventory):
    add_agents(inventory, "mgmt2", 5)
    add_job("mgmt2")
    add_job("mgmt2")
    prepare("mgmt2")
    add_job("mgmt2", gone_at=timezone.now())

    told = steps(viewer)

    assert told[0].startswith("Refuse new work Done new jobs get 503, “try again in about 43 min”")
    assert told[1].startswith("Wait for jobs 2 of 3 left")
    assert told[2] == "Move agents 5 agents still here begins when the last job ends"
    assert told[3].startswith("Stop listening Waiting")
    assert told[4].startswith("Maintenance Waiting")


def test_when_the_last_job_has_ended_agents_move_and_then_the_listener_stops(viewer, inventory):
    add_agents(inventory, "mgmt2", 5)
    prepare("mgmt2", movement={"agents_left": 2})

    assert steps(viewer)[1] == "Wait for jobs Done none is left"
    assert steps(viewer)[2].startswith("Move agents 2 left")

    Target.objects.get().steps.update(movement={"agents_left": 0})
    assert steps(viewer)[2].startswith("Move agents Done")
    assert steps(viewer)[3].startswith("Stop listening 4 running")


def test_why_it_waits_is_told_in_words_with_what_can_be_done(viewer):
    why = {"code": "job", "words": "CopyTemplateCmd is slow.", "what_to_do": "Wait for it."}
    prepare("mgmt2", movement={"why": [why]})

    told = words(page_of(viewer), "servers-preparing")

    assert "Why it waits CopyTemplateCmd is slow. Wait for it." in told


def test_who_asked_why_and_until_when_stand_beside_the_clock(viewer):
    step = prepare("mgmt2")

    told = words(page_of(viewer), "servers-preparing")

    assert f"run {step.run.number} , started" in told
    assert "by ada" in told
    assert "CHG-4417 “ kernel on mgmt2 ”" in told
    assert "agents leave by roundrobin" in told
    assert "then back to Up by itself; nothing is forced" in told
    assert 'data-as="left"' in viewer.get("/management-servers/").text


def test_a_forced_one_says_what_happens_to_its_jobs(viewer):
    prepare("mgmt2", is_forced=True)

    assert "forced: jobs left are cut off" in words(page_of(viewer), "servers-preparing")


def test_agents_are_named_with_where_they_go_and_why_one_is_stuck(viewer, inventory):
    add_agents(inventory, "mgmt2", 2)
    first, second = Agent.objects.order_by("name")
    listed = [
        {"id": str(first.id), "name": first.name, "kind": "host", "goes_to": "mgmt3", "stuck": ""},
        {
            "id": str(second.id),
            "name": second.name,
            "kind": "host",
            "goes_to": "",
            "stuck": "its host is in the way",
        },
    ]
    prepare("mgmt2", movement={"agents": listed, "agents_left": 2, "agents_stuck": 1})

    told = words(page_of(viewer), "servers-preparing")

    assert "2 still here · 1 stuck" in told
    assert "agent1 KVM host zone1 mgmt2 mgmt3 Leaving" in told
    assert "Stuck its host is in the way" in told


def test_agents_now_and_then_are_counted_from_their_lists(viewer, inventory):
    add_agents(inventory, "mgmt2", 4)
    add_agents(inventory, "mgmt3", 1)
    prepare("mgmt2")

    told = words(page_of(viewer), "servers-preparing")

    assert "mgmt1 now 0 → , then 4" in told
    assert "mgmt2 now 4 → , then 0" in told
    assert "When it is Up again they go home: 0, 4, 1." in told


def test_one_that_others_prepare_in_the_cloud_is_told_from_what_was_read(viewer, inventory):
    add_agents(inventory, "mgmt2", 1)
    add_job("mgmt2", "CopyTemplateCmd")
    set_state("mgmt2", "PreparingForMaintenance")

    told = words(page_of(viewer), "servers-preparing")

    assert "asked for in the cloud by others" in told
    assert "CopyTemplateCmd" in told
    assert "agent1" in told
    assert "its window is not told" in told


# ---- one server -----------------------------------------------------------------------------------------------------


def test_a_servers_page_tells_its_state_machine_and_tasks_by_name(viewer, inventory):
    add_agents(inventory, "mgmt1", 3)
    ManagementServer.objects.filter(name="mgmt1").update(
        tasks={"agent listener": True, "agent monitor": False}, pending_jobs=2
    )
    add_job("mgmt1")

    page = page_of(viewer, "mgmt1")

    assert sentence(page) == "mgmt1 is Up. 3 agents, 1 job pending."
    head = words(page, "server-head")
    for said in (
        "10.2.0.11",
        "4.21.0.0",
        "Rocky Linux 9.5",
        "17.0.13",
        "it counts 2, internal ones included",
    ):
        assert said in head
    assert "agent listener running" in words(page, "server-tasks")
    assert "agent monitor stopped, though it is Up" in words(page, "server-tasks")


def test_who_has_it_since_when_and_why_stands_at_the_top(viewer):
    step = prepare("mgmt2")

    head = words(page_of(viewer, "mgmt2"), "server-head")

    assert f"run {step.run.number} has it" in head
    assert "started by ada" in head
    assert "“ kernel on mgmt2 ”" in head


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "CopyTemplateCmd"),
        ("?show=agents", "agent1"),
        ("?show=peers", "mgmt2 – Up the cloud lists it as Down"),
        ("?show=history", "kernel on mgmt2"),
        ("?show=no-such-section", "CopyTemplateCmd"),
    ],
)
def test_its_sections_are_links_that_need_no_script(viewer, inventory, query, says):
    add_agents(inventory, "mgmt1", 1)
    add_job("mgmt1", "CopyTemplateCmd")
    prepare("mgmt1")
    set_state("mgmt2", "Down")

    page = page_of(viewer, "mgmt1", query)

    assert says in words(page)
    assert sum(one["aria-current"] == "page" and "?show=" in one["href"] for one in page.find("a")) == 1


def test_connected_agents_are_shown_by_the_page(viewer, inventory):
    add_agents(inventory, "mgmt1", 60)

    first = viewer.get(f"/management-servers/{server('mgmt1').id}/?show=agents").text
    second = viewer.get(f"/management-servers/{server('mgmt1').id}/?show=agents&page=2").text

    assert first.count('id="agent-') == 50
    assert second.count('id="agent-') == 10
    assert "Page 2 of 2" in text_of(second)


def test_what_a_server_was_cut_off_from_stands_on_its_page(viewer):
    cut_job_off("mgmt2", "vol-77")

    assert "vol-77" in words(page_of(viewer, "mgmt2"))
    assert "vol-77" not in words(page_of(viewer, "mgmt1"))


def test_a_server_that_is_gone_or_never_was_has_no_page(viewer):
    gone = set_state("mgmt2", "Up", gone_at=timezone.now())

    assert viewer.get(f"/management-servers/{gone.id}/").status_code == 404
    assert viewer.get(f"/management-servers/{uuid4()}/").status_code == 404


# ---- what may be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*STATES, "Dreaming"])
def test_a_button_can_be_pressed_exactly_when_the_rules_allow_it(operator, state):
    set_state("mgmt2", state)
    shown = fleet()
    known = shown.find(server("mgmt2").id)
    assert known is not None

    for offered in moves_of(server("mgmt2"), timezone.now()):
        assert (not why_not(shown, known, offered.move)) == offered.is_possible, offered


def test_the_last_server_that_is_up_says_why_it_cannot_leave(administrator):
    set_state("mgmt1", "Maintenance")
    set_state("mgmt3", "Down")

    told = words(page_of(administrator, "mgmt2"), "server-moves")

    assert "Prepare for maintenance… Fewer than two servers are Up" in told
    assert "Shut down… No other server is Up" in told


def test_a_viewer_sees_the_buttons_and_who_may_press_them(viewer):
    page = page_of(viewer, "mgmt1")

    told = words(page, "server-moves")
    assert told.count("Operators and administrators can do this.") == 4
    assert told.count("Administrators can do this.") == 2  # shut down, restart
    assert page.find("details") == []


# ---- cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?show=agents", "?show=jobs", "?show=history"])
def test_ten_thousand_agents_and_jobs_cost_as_many_queries_as_one(viewer, inventory, query):
    address = f"/management-servers/{server('mgmt2').id}/{query}"
    add_agents(inventory, "mgmt2", 1)
    add_job("mgmt2")
    prepare("mgmt2")
    counted = []
    for more in (0, 10_000):
        add_agents(inventory, "mgmt2", more)
        for _ in range(more // 100):
            add_job("mgmt2")
        viewer.get(address)
        with CaptureQueriesContext(connection) as asked:
            own = viewer.get(address)
        with CaptureQueriesContext(connection) as asked_of_all:
            viewer.get("/management-servers/")
        counted.append((len(asked), len(asked_of_all)))

    assert counted[0] == counted[1]
    assert len(own.content) < 300_000


def test_the_window_of_one_that_does_not_prepare_is_not_shown(viewer):
    set_state("mgmt2", "Maintenance", window_ends_at=timezone.now() + timedelta(minutes=5))

    assert 'data-as="left"' not in viewer.get("/management-servers/").text
