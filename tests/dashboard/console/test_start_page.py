"""Starting a run: the plan follows what is chosen, and one press starts one run."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from maintenance.kept_plan import kept_plan
from maintenance.models import IdempotentAnswer, Instance, Run
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
    return re.findall(r'<th scope="row"><a class="host" href="[^"]+" title="([^"]+)"', plan)


def form_of(inventory, *clusters: str, page: str = "", **fields: Any) -> dict[str, Any]:
    """What the browser sends for these clusters, with the plan and the key of the page it shows."""
    sent: dict[str, Any] = {
        **RULES, "kind": "clusters", "clusters": [str(inventory.clusters[name].id) for name in clusters],
    }  # fmt: skip
    if page:
        sent |= {name: hidden(page, name) for name in ("key", "plan_hash", "seen", "order", "cluster_order")}
    return sent | fields


def test_a_scope_in_the_address_is_planned_at_once(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    words = page.replace("\N{NO-BREAK SPACE}", " ")

    assert order_of(page) == ["kvm1", "kvm2", "kvm3"]
    assert "3 hosts in 1 cluster" in words
    assert "Start: 3 hosts, one at a time" in words
    assert "3 instances of 1 tenant move live." in words
    assert "learned after three hosts have ended well" in words
    assert "3 hosts in 1 cluster; 3 would leave service." in words


def test_without_a_scope_start_says_why_it_cannot_be_pressed(operator, inventory):
    page = operator.get("/rolling/new/").text

    assert "Choose what to maintain first." in page
    assert 'formaction="/rolling/new/start/"' not in page


def test_a_host_that_is_left_out_is_skipped_by_the_run(operator, inventory):
    fields = {"leave_out": inventory.id("kvm2")}
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **fields)).text
    assert "Left out" in page

    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, **fields))

    assert Run.objects.get().targets.get(name="kvm2").state == "Skipped"


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


def fill(inventory, *names: str) -> None:
    """Nothing more fits on these hosts."""
    Instance.objects.filter(host__in=inventory.ids(*names)).update(memory_mb=65_000)


def test_a_host_that_would_wait_now_is_named_with_the_reason_and_asked_again(operator, inventory):
    fill(inventory, "kvm2")
    sent = {"leave_out": inventory.id("kvm2")}
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **sent)).text
    fill(inventory, "kvm3")

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, **sent))

    assert answer.status_code == 409
    assert "kvm1 was “ready”, now “would wait” (i-kvm1 cannot move" in answer.text
    assert not Run.objects.exists()
    again = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=answer.text, **sent))
    assert again.status_code == 303


def test_a_plan_made_again_by_itself_names_what_has_changed_meanwhile(operator, inventory):
    sent = {"leave_out": inventory.id("kvm2")}
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **sent)).text
    fill(inventory, "kvm2", "kvm3")

    by_itself = operator.post(
        "/rolling/new/plan/", form_of(inventory, "c1", page=page, by_itself="1", **sent)
    ).text

    assert "The plan has changed since you looked" in by_itself
    assert "kvm1 was “ready”, now “would wait”" in by_itself
    assert "Not started" not in by_itself
    assert "autofocus" not in by_itself
    assert hidden(by_itself, "plan_hash") != hidden(page, "plan_hash")


def test_a_plan_made_again_by_itself_says_nothing_when_it_is_the_same(operator, inventory):
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1")).text
    Instance.objects.update(memory_mb=3000)

    again = operator.post("/rolling/new/plan/", form_of(inventory, "c1", page=page, by_itself="1")).text

    assert 'id="start-differences"' not in again


def test_what_a_person_changed_is_not_told_as_a_change_of_the_cloud(operator, inventory):
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1")).text

    again = operator.post(
        "/rolling/new/plan/", form_of(inventory, "c1", page=page, leave_out=inventory.id("kvm2"))
    ).text

    assert 'id="start-differences"' not in again


def test_a_host_that_another_run_has_blocks_the_start_and_names_that_run(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    other = start_run(inventory, "c1")

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page))

    assert answer.status_code == 409
    assert f"Not started: run {other.number} has some of these hosts" in answer.text
    assert "Started by <b><bdi>ada</bdi></b>" in answer.text
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

    assert "1 host blocks the start: see what is in the way." in blocked
    assert 'formaction="/rolling/new/start/"' not in blocked
    assert 'formaction="/rolling/new/start/"' in passed


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("max_unavailable", "0", "from 1 to 1000"),
        ("clusters_in_parallel", "many", "from 1 to 1000"),
        ("timeout_s", "soon", "is no length of time"),
        ("drain_timeout_s", "30 h", "Give 1 s to 24 h"),
        ("payload", "x" * 9000, "At most 8,192 bytes"),
        ("payload", "a\0b", "Null characters are not allowed"),
        ("on_failure", "explode", "not one of the available choices"),
        ("not_before", "2020-01-01T10:00", "That moment has passed"),
        ("not_before", "9999-12-31T23:59", "within a year"),
        ("not_before", "soon", "Give a day and a time"),
    ],
)
def test_what_cannot_be_used_is_said_beside_it_and_stays_typed(operator, inventory, field, typed, words):
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **{field: typed})).text

    assert words in page
    assert f'<a href="#{field}">' in page
    assert f'id="{field}-error"' in page
    assert "Mend what is marked first." in page


def test_start_pressed_with_an_error_leads_to_the_list_of_errors_and_starts_nothing(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, timeout_s="soon"))

    assert answer.status_code == 400
    assert re.search(r'id="start-errors" role="alert" tabindex="-1" autofocus', answer.text)
    assert not Run.objects.exists()


def test_the_address_of_start_opened_alone_leads_to_the_form_and_starts_nothing(operator, inventory):
    answer = operator.get("/rolling/new/start/")

    assert (answer.status_code, answer["Location"]) == (303, "/rolling/new/")


def test_start_pressed_without_a_scope_says_what_is_missing(operator, inventory):
    answer = operator.post("/rolling/new/start/", {**RULES, "kind": "zones", "key": "k"})

    assert answer.status_code == 400
    assert "Choose at least one zone, pod, cluster or host." in answer.text


def test_not_before_is_on_the_clock_of_whoever_typed_it(operator, inventory):
    tomorrow = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    typed = {"not_before": f"{tomorrow + timedelta(hours=2):%Y-%m-%dT%H:%M}", "minutes_east": "120"}
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **typed)).text

    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, **typed))

    assert "Start later: 3\N{NO-BREAK SPACE}hosts, one at a time" in page
    assert Run.objects.get().not_before == tomorrow


def test_a_form_that_has_started_a_run_does_not_start_another_one_with_other_choices(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page))

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, reason="another"))

    assert answer.status_code == 409
    assert f"this form has already started run {Run.objects.get().number}" in answer.text


def test_what_a_dead_web_process_started_is_found_and_not_started_again(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    form = form_of(inventory, "c1", page=page)
    first = operator.post("/rolling/new/start/", form, headers={"X-Request-ID": "first-press"})
    IdempotentAnswer.objects.update(status=None, answer={"request_id": "first-press"})

    again = operator.post("/rolling/new/start/", form)

    assert again["Location"] == first["Location"]
    assert Run.objects.count() == 1


def test_the_plan_is_kept_with_the_run(operator, inventory):
    page = operator.post("/rolling/new/plan/", form_of(inventory, "c1", leave_out=inventory.id("kvm2"))).text
    operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page, leave_out=inventory.id("kvm2")))

    kept = kept_plan(Run.objects.get())

    assert [(line.name, line.verdict) for line in kept.lines] == [
        ("kvm1", "ready"), ("kvm2", "left_out"), ("kvm3", "ready"),
    ]  # fmt: skip
    assert kept.lines[0].goes_to == [("kvm2", 1)]
    assert kept.lines[0].spare_ratio == pytest.approx(0.95, abs=0.01)


def test_the_address_holds_the_choices_but_no_free_text(operator, inventory):
    sent = {
        "leave_out": inventory.id("kvm2"), "move": f"top:{inventory.id('kvm3')}", "max_unavailable": "2",
        "payload": "secret=1", "reason": "because",
    }  # fmt: skip
    answer = operator.post("/rolling/new/plan/", form_of(inventory, "c1", **sent))
    address = answer["HX-Replace-Url"]

    again = operator.get(address)

    assert again.status_code == 200
    assert order_of(again.text) == ["kvm3", "kvm1", "kvm2"]
    assert hidden(again.text, "plan_hash") == hidden(answer.text, "plan_hash")
    assert "secret" not in address
    assert "because" not in address


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
