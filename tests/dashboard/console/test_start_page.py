"""Starting a run: the plan follows what is chosen, and one press starts one run."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from maintenance.models import Run
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.runs import start_run
from tests.dashboard.inventory import make_inventory

RULES = {
    "on_failure": "pause",
    "max_unavailable": "1",
    "clusters_in_parallel": "1",
    "timeout_s": "30 min",
    "drain_timeout_s": "30 min",
}


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no {name} on the page"
    return found[1]


def order_of(page: str) -> list[str]:
    plan = page.partition('aria-labelledby="plan-title"')[2].partition("</section>")[0]
    return re.findall(r'class="host" href="[^"]+" title="([^"]+)"', plan)


def form_of(inventory, *clusters: str, page: str = "", **fields: Any) -> dict[str, Any]:
    """What the browser sends for these clusters, with the plan and the key of the page it shows."""
    sent: dict[str, Any] = {
        **RULES, "kind": "clusters", "clusters": [str(inventory.clusters[name].id) for name in clusters],
    }  # fmt: skip
    if page:
        sent |= {name: hidden(page, name) for name in ("key", "plan_hash", "seen")}
    return sent | fields


def test_a_scope_in_the_address_is_planned_at_once(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    words = page.replace("\N{NO-BREAK SPACE}", " ")

    assert order_of(page) == ["kvm1", "kvm2", "kvm3"]
    assert "3 hosts in 1 cluster" in words
    assert "Start: 3 hosts, one at a time" in words
    assert "3 instances of 1 tenant move live." in words
    assert "learned after three hosts have ended well" in words


def test_without_a_scope_start_says_why_it_cannot_be_pressed(operator, inventory):
    page = operator.get("/rolling/new/").text

    assert "Choose what to maintain first." in page
    assert 'formaction="/rolling/new/start/"' not in page


def test_a_host_moves_up_and_down_and_clusters_stay_together(operator, inventory):
    both = form_of(inventory, "c1", "c2")
    down = operator.post("/rolling/new/plan/", {**both, "move": f"down:{inventory.id('kvm1')}"}).text
    over = operator.post("/rolling/new/plan/", {**both, "move": f"up:{inventory.id('kvm4')}"}).text

    assert order_of(down) == ["kvm2", "kvm1", "kvm3", "kvm4", "kvm5", "kvm6"]
    assert order_of(over) == ["kvm4", "kvm5", "kvm6", "kvm1", "kvm2", "kvm3"]
    kept = operator.post(
        "/rolling/new/plan/", {**both, "order": re.findall(r'name="order" value="([^"]+)"', down)}
    ).text
    assert order_of(kept) == order_of(down)


def test_a_host_that_is_left_out_is_skipped_by_the_run(operator, inventory):
    fields = {"leave_out": inventory.id("kvm2")}
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **fields)).text
    assert "Left out" in page

    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, **fields))

    assert Run.objects.get().targets.get(host_name="kvm2").state == "Skipped"


def test_hosts_chosen_in_another_scope_before_do_not_spoil_this_one(operator, inventory):
    strange = {"order": inventory.ids("kvm5", "kvm2"), "leave_out": inventory.id("kvm6")}

    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **strange)).text

    assert order_of(page)[0] == "kvm2"
    assert "This cannot be started" not in page


def test_start_starts_the_plan_that_was_shown_with_its_rules(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    rules = {
        "on_failure": "skip", "timeout_s": "90 s", "drain_timeout_s": "2 h", "payload": " a  b ", "reason": "Kernel",
        "ticket": "CHG-1", "max_unavailable": "2",
    }  # fmt: skip
    again = operator.post("/rolling/new/plan/", form_of(inventory, "c1", page=page, **rules)).text

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=again, **rules))

    run = Run.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/rolling/{run.id}/")
    assert (run.on_failure, run.timeout_s, run.drain_timeout_s, run.max_unavailable) == ("skip", 90, 7200, 2)
    assert (run.payload, run.reason, run.ticket, run.started_by) == (" a  b ", "Kernel", "CHG-1", "operator")


def test_an_empty_payload_is_no_argument(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text

    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, payload=""))

    assert Run.objects.get().payload is None


def test_a_second_press_leads_to_the_same_run(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    form = form_of(inventory, "c1", page=page)

    first, second = (operator.post("/rolling/new/start/", form) for _ in range(2))

    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_presses_at_the_same_moment_start_one_run():
    inventory = make_inventory()
    client = logged_in("operator")
    page = client.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    form = form_of(inventory, "c1", page=page)

    def press(_: int) -> str:
        try:
            return logged_in("operator").post("/rolling/new/start/", form)["Location"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as people:
        places = set(people.map(press, range(4)))

    assert places == {f"/rolling/{Run.objects.get().id}/"}


def test_when_the_cloud_has_changed_the_difference_is_shown_and_asked_again(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    host = inventory.hosts["kvm2"]
    host.hooks = {}
    host.save()

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page))

    assert answer.status_code == 409
    assert (
        "kvm2 was “ready”, now “will be skipped” (no Maintenance script: it never leaves service)."
        in answer.text
    )
    assert Run.objects.count() == 0
    again = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=answer.text))
    assert again.status_code == 303


def test_a_host_that_another_run_has_blocks_the_start_and_names_that_run(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    other = start_run(inventory, "c1")

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page))

    assert answer.status_code == 409
    assert f"run {other.number} (started by ada) already has" in answer.text
    assert f'href="/rolling/{other.id}/"' in answer.text
    assert Run.objects.count() == 1


def test_a_host_that_is_not_up_blocks_the_start_or_is_passed_by(operator, inventory):
    host = inventory.hosts["kvm3"]
    host.state = "Down"
    host.save()
    blocked = operator.post("/rolling/new/plan/", form_of(inventory, "c1")).text.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    passed = operator.post("/rolling/new/plan/", form_of(inventory, "c1", skip_unready="on")).text

    assert "1 host blocks the start; see the plan." in blocked
    assert 'formaction="/rolling/new/start/"' not in blocked
    assert 'formaction="/rolling/new/start/"' in passed


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("max_unavailable", "0", "greater than or equal to 1"),
        ("clusters_in_parallel", "many", "Enter a whole number"),
        ("timeout_s", "soon", "is no length of time"),
        ("drain_timeout_s", "30 h", "Give 1 s to 24 h"),
        ("payload", "x" * 9000, "At most 8,192 bytes"),
        ("payload", "a\0b", "Null characters are not allowed"),
        ("on_failure", "explode", "not one of the available choices"),
    ],
)
def test_what_cannot_be_used_is_said_beside_it_and_stays_typed(operator, inventory, field, typed, words):
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **{field: typed})).text

    assert words in page
    assert "Mend what is marked first." in page


def test_an_id_that_nothing_has_is_said_in_the_scope(operator, inventory):
    unknown = "00000000-0000-4000-8000-000000000000"

    page = operator.get(f"/rolling/new/?hosts={unknown}").text

    assert f"no host has the id {unknown}" in page


def test_what_was_typed_is_inert(operator, inventory):
    evil = '"><script>alert(1)</script>'

    page = operator.post(
        "/rolling/new/plan/", form_of(inventory, "c1", reason=evil, payload=evil, timeout_s=evil[:15])
    ).text

    assert "<script>alert" not in page
