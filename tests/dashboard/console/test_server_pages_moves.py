"""What people may ask of management servers from the console: the forms, the words to type, and how it says no."""

import pytest

from dashboard.pages import servers as pages
from maintenance.domain.states import RunKind, RunState
from maintenance.models import Run, Target
from tests.dashboard.console.servers import make_servers, prepare, server, set_state
from tests.dashboard.walk_page import Page


@pytest.fixture(autouse=True)
def servers(inventory, monkeypatch) -> None:
    """No engine runs here: nobody waits for one."""
    monkeypatch.setattr(pages, "READ_BACK_S", 0.0)
    make_servers(inventory)


def ask(client, name: str, what: str, **fields: str):
    return client.post(f"/management-servers/{server(name).id}/{what}/", fields, follow=True)


def said(answer) -> str:
    found = [one for one in Page(answer.text, "/").find("div") if one["class"] == "messages"]
    return " ".join(found[0].text.split()) if found else ""


def test_preparing_begins_a_run_with_what_was_chosen(administrator):
    answer = ask(
        administrator, "mgmt2", "prepare",
        **{
            "prepareForMaintenance-word": "MAINTENANCE", "prepareForMaintenance-algorithm": "shuffle",
            "prepareForMaintenance-forced": "on", "prepareForMaintenance-reason": "kernel",
            "prepareForMaintenance-ticket": "CHG-1",
        },
    )  # fmt: skip

    run = Run.objects.get()
    assert (run.kind, run.started_by) == (RunKind.SERVER_MAINTENANCE, "administrator")
    assert (run.algorithm, run.forced, run.reason, run.ticket) == ("shuffle", True, "kernel", "CHG-1")
    assert f"run {run.number} does it" in said(answer)


@pytest.mark.parametrize("typed", ["", "maintenance", "MAINTENANCE!", "SHUTDOWN"])
def test_nothing_is_prepared_before_the_word_is_typed_exactly(administrator, typed):
    answer = ask(administrator, "mgmt2", "prepare", **{"prepareForMaintenance-word": typed})

    assert "type MAINTENANCE, in capitals" in said(answer)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("what", "prefix"),
    [("prepare-shutdown", "prepareForShutdown"), ("trigger-shutdown", "triggerShutdown")],
)
def test_nothing_is_shut_down_before_the_word_is_typed_exactly(administrator, what, prefix):
    assert "type SHUTDOWN" in said(ask(administrator, "mgmt2", what, **{f"{prefix}-word": "Shutdown"}))
    assert not Run.objects.exists()

    ask(administrator, "mgmt2", what, **{f"{prefix}-word": "SHUTDOWN", f"{prefix}-reason": "disk"})
    assert (Run.objects.get().kind, Run.objects.get().reason) == (RunKind.SERVER_SHUTDOWN, "disk")


@pytest.mark.parametrize(
    ("ticked", "rebalance"), [({"cancelMaintenance-rebalance": "on"}, True), ({}, False)]
)
def test_cancelling_sends_agents_home_at_once_unless_that_was_unticked(administrator, ticked, rebalance):
    set_state("mgmt2", "Maintenance")

    ask(administrator, "mgmt2", "cancel", **ticked)

    assert Run.objects.get().rebalance is rebalance


def test_a_shutdown_can_be_cancelled(administrator):
    set_state("mgmt2", "ReadyToShutDown")

    ask(administrator, "mgmt2", "cancel-shutdown")

    assert Run.objects.get().kind == RunKind.SERVER_SHUTDOWN


def test_an_illegal_move_says_why_and_what_is_possible(administrator):
    set_state("mgmt2", "Maintenance")

    answer = ask(administrator, "mgmt2", "prepare-shutdown", **{"prepareForShutdown-word": "SHUTDOWN"})

    assert "mgmt2 is Maintenance: prepareForShutdown is not possible" in said(answer)
    assert "cancelMaintenance, triggerShutdown" in said(answer)
    assert "Nothing was changed" in said(answer)


def test_a_conflict_names_who_is_in_the_way_and_what_is_possible(administrator):
    prepare("mgmt1")

    answer = ask(administrator, "mgmt2", "prepare", **{"prepareForMaintenance-word": "MAINTENANCE"})

    assert "mgmt1 is PreparingForMaintenance; one management server prepares at a time" in said(answer)
    assert "Possible for mgmt2 now: prepareForMaintenance, prepareForShutdown, triggerShutdown." in said(
        answer
    )


def test_what_the_cloud_refused_comes_back_in_its_words(administrator, monkeypatch):
    refused = pages.read_back.__globals__["ServerAnswer"](
        "Up", "Failed", was_seen=False, refused="node is away"
    )
    monkeypatch.setattr(pages, "read_back", lambda *_args, **_more: refused)

    answer = ask(administrator, "mgmt2", "prepare", **{"prepareForMaintenance-word": "MAINTENANCE"})

    assert "Not done: node is away." in said(answer)
    assert "Possible for mgmt2 now" in said(answer)


def test_one_server_is_restarted_as_a_run(administrator):
    ask(
        administrator,
        "mgmt2",
        "restart",
        **{"restart-word": "MAINTENANCE", "restart-reason": "new certificate"},
    )

    run = Run.objects.get()
    assert (run.kind, run.scope_ids, run.settle_s) == (RunKind.SERVER_RESTART, [server("mgmt2").id], 30)


def test_all_are_restarted_in_the_chosen_order(administrator):
    places = {"mgmt1": 3, "mgmt2": 1, "mgmt3": 2}
    fields = {f"all-place-{server(name).id}": str(place) for name, place in places.items()}

    answer = administrator.post(
        "/management-servers/restart/",
        {
            **fields, "all-servers": [str(server(name).id) for name in places], "all-word": "MAINTENANCE",
            "all-settle_s": "45", "all-algorithm": "static", "all-forced": "on", "all-reason": "upgrade",
        },
    )  # fmt: skip

    run = Run.objects.get()
    assert answer["Location"] == f"/rolling/{run.id}/"
    assert list(Target.objects.order_by("order").values_list("name", flat=True)) == [
        "mgmt2",
        "mgmt3",
        "mgmt1",
    ]
    assert (run.settle_s, run.algorithm, run.forced, run.reason) == (45, "static", True, "upgrade")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"all-word": "no"}, "type MAINTENANCE"),
        ({"all-word": "MAINTENANCE", "all-settle_s": "soon"}, "the settle time is a whole number of seconds"),
        ({"all-word": "MAINTENANCE", "all-settle_s": "30"}, "no management server was named"),
        ({"all-word": "MAINTENANCE", "all-settle_s": "99999"}, "settle_s is between 0 and"),
    ],
)
def test_a_restart_of_all_that_cannot_be_says_why(administrator, fields, says):
    servers = {"all-servers": [str(server("mgmt1").id)]} if fields.get("all-settle_s") == "99999" else {}

    answer = administrator.post("/management-servers/restart/", fields | servers, follow=True)

    assert says in said(answer)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "what", ["prepare", "cancel", "prepare-shutdown", "trigger-shutdown", "cancel-shutdown", "restart"]
)
def test_a_viewer_asks_nothing_of_a_server(viewer, what):
    assert ask(viewer, "mgmt2", what).status_code == 403
    assert viewer.post("/management-servers/restart/").status_code == 403


# ---- no server takes work -------------------------------------------------------------------------------------------


def test_while_every_server_is_blocked_pages_that_start_things_say_when_to_try_again(administrator):
    for name in ("mgmt1", "mgmt2", "mgmt3"):
        set_state(name, "Maintenance")

    for address in ("/management-servers/", f"/management-servers/{server('mgmt1').id}/", "/rolling/new/"):
        assert "refuses new work. Try again in about 1 min." in administrator.get(address).text, address

    set_state("mgmt3", "Up")
    assert "refuses new work" not in administrator.get("/management-servers/").text
    assert Run.objects.filter(state=RunState.RUNNING).count() == 0


def test_an_operator_sees_that_administrators_shut_down_and_restart(operator):
    page = operator.get(f"/management-servers/{server('mgmt2').id}/").text

    assert page.count("Your role is operator. Administrators can do this.") == 2
    assert ask(operator, "mgmt2", "restart", **{"restart-word": "MAINTENANCE"}).status_code == 403
    assert not Run.objects.exists()
