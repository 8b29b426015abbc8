"""A server's page before and while it is prepared: where agents go, who may hold it, forms that keep what was said."""

import pytest

from dashboard.live.render import draw
from dashboard.live.touched import Part
from dashboard.pages import servers as pages
from dashboard.screens.servers import fleet as fleets
from maintenance.models import Agent, ManagementServer, Run
from tests.dashboard.console.servers import add_agents, make_servers, prepare, server, set_state
from tests.dashboard.walk_page import Element, Page


@pytest.fixture(autouse=True)
def servers(inventory, monkeypatch) -> None:
    monkeypatch.setattr(pages, "READ_BACK_S", 0.0)
    make_servers(inventory)


def words(client, name: str, element: str = "main") -> str:
    found = Page(client.get(f"/management-servers/{server(name).id}/").text, "/").by_id(element)
    assert found is not None
    return spaced(found)


def spaced(element: Element) -> str:
    """What it says, each cell and line apart."""
    said = (child if isinstance(child, str) else spaced(child) for child in element.children)
    return " ".join(" ".join(said).replace("\N{NO-BREAK SPACE}", " ").split())


def send_to(order: list[str], agents: list[Agent]) -> None:
    for agent in agents:
        agent.servers_listed = order
        agent.save(update_fields=["servers_listed"])


# ---- where agents go ------------------------------------------------------------------------------------------------


def test_before_the_hand_over_it_says_how_many_agents_go_to_which_server(operator, inventory):
    add_agents(inventory, "mgmt2", 5)
    send_to(["10.2.0.12", "10.2.0.13", "10.2.0.11"], list(Agent.objects.order_by("host_order"))[:2])

    assert "5 agents go: 3 to mgmt1 and 2 to mgmt3." in words(operator, "mgmt2", "server-moves")


def test_the_table_says_the_same_as_the_sentence_did(operator, inventory):
    add_agents(inventory, "mgmt2", 5)
    send_to(["10.2.0.12", "10.2.0.13", "10.2.0.11"], list(Agent.objects.order_by("host_order"))[:2])
    set_state("mgmt2", "PreparingForMaintenance")

    page = words(operator, "mgmt2", "server-left")

    rows = page.split("KVM host")[1:]
    assert (sum("mgmt1" in row for row in rows), sum("mgmt3" in row for row in rows)) == (3, 2)


def test_an_agent_goes_to_no_server_that_is_down_and_to_no_address_that_is_none(operator, inventory):
    add_agents(inventory, "mgmt2", 1)
    send_to(["10.2.0.12", "10.9.9.9", "10.2.0.11", "10.2.0.13"], list(Agent.objects.all()))
    set_state("mgmt1", "Down")
    assert "1 agent goes: 1 to mgmt3." in words(operator, "mgmt2", "server-moves")
    set_state("mgmt2", "PreparingForMaintenance")

    assert "zone1 mgmt2 mgmt3" in words(operator, "mgmt2", "server-left")


@pytest.mark.parametrize(
    ("told", "shown"), [("10.9.9.9", "not known yet"), ("10.2.0.13", "mgmt3"), ("mgmt1", "mgmt1")]
)
def test_what_a_step_told_as_its_target_is_shown_only_where_it_is_a_server(operator, inventory, told, shown):
    add_agents(inventory, "mgmt2", 1)
    one = Agent.objects.get()
    listed = [{"id": str(one.id), "name": one.name, "kind": "host", "goes_to": told, "stuck": ""}]
    prepare("mgmt2", movement={"agents": listed, "agents_left": 1})

    page = words(operator, "mgmt2", "server-left")

    assert f"zone1 mgmt2 {shown}" in page
    assert "10.9.9.9" not in page


# ---- what waiting costs ---------------------------------------------------------------------------------------------


def test_waiting_costs_nothing_only_while_another_server_is_up(operator):
    prepare("mgmt2", movement={"why": [{"code": "job", "words": "A job.", "what_to_do": "Wait."}]})
    assert "Waiting costs nothing" in words(operator, "mgmt2", "server-preparing")
    ManagementServer.objects.exclude(name="mgmt2").update(state="Down")

    page = words(operator, "mgmt2", "server-preparing")

    assert "Waiting costs nothing" not in page
    assert "No other server is Up: nothing new can be asked of the cloud" in page


def test_the_listener_refuses_new_agents_while_its_server_prepares(operator):
    assert "agent listener running" in words(operator, "mgmt2", "server-tasks")
    set_state("mgmt2", "PreparingForMaintenance")

    assert "agent listener runs, refuses new agents" in words(operator, "mgmt2", "server-tasks")
    assert "agent monitor running" in words(operator, "mgmt2", "server-tasks")


# ---- the check before it --------------------------------------------------------------------------------------------


def test_hosts_in_maintenance_are_named_beside_prepare_with_the_setting(operator, inventory):
    add_agents(inventory, "mgmt2", 3)
    first, second, _third = Agent.objects.order_by("host_order")
    assert "maintenance state" not in words(operator, "mgmt2", "server-moves")
    Agent.objects.filter(id=first.id).update(resource_state="PrepareForMaintenance")
    Agent.objects.filter(id=second.id).update(resource_state="ErrorInPrepareForMaintenance")

    page = words(operator, "mgmt2", "server-moves")

    assert f"{first.name} ( PrepareForMaintenance ), {second.name} ( ErrorInPrepareForMaintenance )" in page
    assert "management.server.maintenance.ignore.maintenance.hosts is off" in page
    inventory.cloud.balance |= {"ignore_maintenance_hosts": True}
    inventory.cloud.save()
    assert "ignore.maintenance.hosts is on: they are passed over" in words(operator, "mgmt2", "server-moves")


def test_many_such_hosts_are_counted_after_the_first(operator, inventory):
    add_agents(inventory, "mgmt2", 30)
    Agent.objects.update(resource_state="Maintenance")

    assert "and 22 more." in words(operator, "mgmt2", "server-moves")


# ---- forms ----------------------------------------------------------------------------------------------------------


def press(client, what: str, fields: dict[str, str]) -> Page:
    address = f"/management-servers/{server('mgmt2').id}/"
    return Page(client.post(f"{address}{what}/", fields, follow=True).text, address)


@pytest.mark.parametrize(("what", "form"), [("prepare", "prepareForMaintenance"), ("restart", "restart")])
def test_a_form_keeps_what_was_chosen_after_a_refusal_and_not_the_word(administrator, what, form):
    page = press(
        administrator,
        what,
        {
            f"{form}-word": "maintenanc", f"{form}-algorithm": "roundrobin", f"{form}-forced": "on",
            f"{form}-reason": 'new "kernel"', f"{form}-ticket": "CHG-1",
        },
    )  # fmt: skip

    assert not Run.objects.exists()
    assert page.by_id(f"ask-{form}").attributes.get("open") is not None
    assert page.by_id(f"{form}-reason")["value"] == 'new "kernel"'
    assert page.by_id(f"{form}-ticket")["value"] == "CHG-1"
    assert "value" not in page.by_id(f"{form}-word").attributes
    chosen = [
        one["value"] for one in page.by_id(f"{form}-algorithm").find("option") if "selected" in one.attributes
    ]
    assert chosen == ["roundrobin"]
    ticked = [
        one["name"]
        for one in page.find("input")
        if "checked" in one.attributes and one["name"].startswith(form)
    ]
    assert ticked == [f"{form}-forced"]


def test_after_it_was_asked_for_the_form_is_empty_again(administrator):
    fields = {"prepareForMaintenance-word": "MAINTENANCE", "prepareForMaintenance-reason": "kernel"}

    answer = administrator.post(f"/management-servers/{server('mgmt2').id}/prepare/", fields)

    assert (answer.status_code, answer["Location"]) == (303, f"/management-servers/{server('mgmt2').id}/")


# ---- cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_all_parts_of_a_push_read_the_servers_once(monkeypatch):
    read = []
    monkeypatch.setattr(fleets, "_preferred", lambda: read.append(1) or {})
    topic = f"server:{server('mgmt2').id}"
    parts = [(Part(topic, name), "operator") for name in ("head", "moves", "preparing", "left", "peers")]
    parts += [(Part("servers", name), "operator") for name in ("verdict", "table", "preparing", "restart")]

    drawn = draw(parts)
    assert not [one for one in drawn.values() if isinstance(one, Exception)]
    assert len(read) == 1
    draw(parts[:1])

    assert len(read) == 2
