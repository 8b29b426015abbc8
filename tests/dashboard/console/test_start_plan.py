"""The plan on the page that starts a run: order, what is left out, what is in the way, and fleets."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.hook_stages import STAGES
from maintenance.models import Cluster, Host, Instance
from tests.dashboard.console.runs import in_state, start_run
from tests.dashboard.console.test_start_page import form_of, hidden, order_of

PLAN = "/rolling/new/plan/"


def words_of(page: str) -> str:
    return page.replace("\N{NO-BREAK SPACE}", " ")


def grow(inventory, *, clusters: int, hosts_each: int) -> None:
    """More clusters, as they are in a fleet."""
    plain = {"cloud": inventory.cloud, "changed_at": timezone.now()}
    for c in range(clusters):
        cluster = Cluster.objects.create(
            id=uuid4(), name=f"big{c}", pod=inventory.pod, hypervisor="KVM", allocation_state="Enabled", **plain
        )  # fmt: skip
        Host.objects.bulk_create(
            Host(
                id=uuid4(), name=f"node{c}-{n}", cluster=cluster, state="Up", resource_state="Enabled",
                hypervisor="KVM", cpu_cores=16, memory_mb=65_536, hooks={s: {"present": True} for s in STAGES}, **plain,
            )
            for n in range(hosts_each)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        (["down:kvm1"], ["kvm2", "kvm1", "kvm3", "kvm4", "kvm5", "kvm6"]),
        (["up:kvm3", "up:kvm3"], ["kvm3", "kvm1", "kvm2", "kvm4", "kvm5", "kvm6"]),
        (["top:kvm6"], ["kvm1", "kvm2", "kvm3", "kvm6", "kvm4", "kvm5"]),
        (["before:kvm3:kvm1"], ["kvm3", "kvm1", "kvm2", "kvm4", "kvm5", "kvm6"]),
        (["after:kvm1:kvm3"], ["kvm2", "kvm3", "kvm1", "kvm4", "kvm5", "kvm6"]),
        (["cluster-up:c2"], ["kvm4", "kvm5", "kvm6", "kvm1", "kvm2", "kvm3"]),
        (["cluster-top:c2", "down:kvm4"], ["kvm5", "kvm4", "kvm6", "kvm1", "kvm2", "kvm3"]),
        (["up:kvm1", "down:kvm6", "before:kvm1:kvm5", "up:nothing", "nonsense"], [f"kvm{n}" for n in range(1, 7)]),
        (["top:kvm3", "natural"], [f"kvm{n}" for n in range(1, 7)]),
    ],
)  # fmt: skip
def test_moves_are_made_one_after_another_and_clusters_stay_together(operator, inventory, moves, expected):
    ids = {name: str(host.id) for name, host in inventory.hosts.items()}
    ids |= {name: str(cluster.id) for name, cluster in inventory.clusters.items()}
    sent = [":".join(ids.get(part, part) for part in move.split(":")) for move in moves]

    page = operator.post(PLAN, form_of(inventory, "c1", "c2", move=sent)).text

    assert order_of(page) == expected
    kept = {"order": hidden(page, "order"), "cluster_order": hidden(page, "cluster_order")}
    assert order_of(operator.post(PLAN, form_of(inventory, "c1", "c2", **kept)).text) == expected


def test_the_order_that_is_carried_is_only_what_differs(operator, inventory):
    page = operator.post(PLAN, form_of(inventory, "c1", "c2", move=f"top:{inventory.id('kvm5')}")).text

    assert set(hidden(page, "order").split(",")) == set(inventory.ids("kvm4", "kvm5", "kvm6"))
    assert "The order is yours." in page


def test_a_host_in_the_way_is_left_out_where_it_stands_and_taken_back(operator, inventory):
    host = inventory.hosts["kvm3"]
    host.state = "Down"
    host.save()
    before = operator.post(PLAN, form_of(inventory, "c1")).text
    left_out = operator.post(PLAN, form_of(inventory, "c1", leave=str(host.id))).text
    back = operator.post(PLAN, form_of(inventory, "c1", leave_out=str(host.id), take_back=str(host.id))).text

    assert f'name="leave" value="{host.id}"' in before
    assert f'href="/hosts/{host.id}/"' in before
    assert "Blocks the start" not in left_out
    assert "Left out" in left_out
    assert "Blocks the start" in back


def test_one_button_passes_by_all_hosts_that_are_not_up(operator, inventory):
    Host.objects.filter(name__in=["kvm1", "kvm3"]).update(state="Down")
    before = words_of(operator.post(PLAN, form_of(inventory, "c1", "c2")).text)
    after = operator.post(PLAN, form_of(inventory, "c1", "c2", pass_by="on")).text

    assert "Pass by all 2 such hosts" in before
    assert 'id="skip_unready" value="on" checked' in after
    assert 'formaction="/rolling/new/start/"' in after


def test_a_host_of_another_run_is_told_with_the_run_who_and_since_when(operator, inventory):
    run = start_run(inventory, "c1")

    page = operator.post(PLAN, form_of(inventory, "c1", "c2")).text

    assert page.count(f'<a class="btn" href="/rolling/{run.id}/">Open run {run.number}</a>') == 3
    assert f"run {run.number} has it (started by ada, c1)" in page
    assert "Leave out all 3 that block the start" in page
    assert re.search(rf'<a href="/rolling/{run.id}/">Run {run.number}</a> <small>by <bdi>ada</bdi>', page)


def test_instances_that_cannot_move_are_named_with_the_way_to_them(operator, inventory):
    Instance.objects.filter(name="i-kvm1").update(state="Migrating")

    page = operator.post(PLAN, form_of(inventory, "c1")).text

    assert "<li><b><bdi>i-kvm1</bdi></b>: it is Migrating</li>" in page
    assert f'href="/hosts/{inventory.id("kvm1")}/#host-instances"' in page
    assert "i-kvm1 cannot move" in page
    assert 'formaction="/rolling/new/start/"' in page, "it would be held, which is no reason not to start"


def test_what_is_out_already_in_the_clusters_is_told_even_when_it_is_not_in_the_scope(operator, inventory):
    Host.objects.filter(name="kvm3").update(resource_state="Maintenance")
    asked = {**form_of(inventory, "c1"), "kind": "hosts", "hosts": inventory.id("kvm1")}

    page = operator.post(PLAN, asked).text

    assert (
        f'<a href="/hosts/{inventory.id("kvm3")}/"><bdi>kvm3</bdi></a> <small>Up, Maintenance</small>' in page
    )
    assert "kvm3 is out of service already, and that is the limit" in page


def test_a_run_at_work_in_the_cluster_holds_to_its_smaller_limit(operator, inventory):
    run = start_run(inventory, "c1", leave_out=(inventory.hosts["kvm1"].id,), max_unavailable=1)
    in_state(run, "Running")
    Host.objects.filter(name="kvm3").update(resource_state="Maintenance")
    asked = {
        **form_of(inventory, "c1"),
        "kind": "hosts",
        "hosts": inventory.id("kvm1"),
        "max_unavailable": "2",
    }

    assert "that is the limit" in operator.post(PLAN, asked).text


def test_the_tightest_moment_is_told(operator, inventory):
    Instance.objects.filter(name="i-kvm2").update(memory_mb=60_000)
    Instance.objects.filter(name="i-kvm3").update(memory_mb=60_000)

    page = words_of(operator.post(PLAN, form_of(inventory, "c1")).text)

    assert "7 % memory spare" in page
    assert "while kvm1 is out of c1" in page


def test_the_hosts_that_changed_are_marked_after_a_start_that_was_refused(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    Host.objects.filter(name="kvm2").update(hooks={})

    answer = operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page)).text

    changed = re.findall(r'<tr id="plan-([0-9a-f-]+)"[^>]* data-changed>', answer)
    assert changed == [inventory.id("kvm2")]


def test_hosts_that_came_and_went_since_are_told(operator, inventory):
    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    Host.objects.filter(name="kvm2").update(gone_at=timezone.now())
    Host.objects.filter(name="kvm4").update(cluster=inventory.clusters["c1"])

    answer = words_of(operator.post("/rolling/new/start/", form_of(inventory, "c1", page=page)).text)

    assert "kvm4 is new in this scope: ready." in answer
    assert "1 host left this scope." in answer


def test_a_fleet_is_shown_as_its_clusters_and_each_opens_where_it_stands(operator, inventory):
    grow(inventory, clusters=3, hosts_each=60)
    big = Cluster.objects.get(name="big1")
    scope = {**form_of(inventory), "kind": "zones", "zones": str(inventory.zone.id)}
    folded = operator.post(PLAN, scope).text
    opened = operator.post(PLAN, {**scope, "show": f"{big.id}:1"}).text
    second = operator.post(PLAN, {**scope, "opened": f"{big.id}:1", "show": f"{big.id}:2"}).text

    assert order_of(folded) == []
    assert "60 hosts" in words_of(folded)
    assert order_of(opened)[:2] == ["node1-0", "node1-1"]
    assert len(order_of(opened)) == 50
    assert order_of(second) == [f"node1-{n}" for n in range(50, 60)]


def test_what_is_left_out_in_a_cluster_that_is_closed_stays_left_out(operator, inventory):
    grow(inventory, clusters=1, hosts_each=60)
    scope = {**form_of(inventory), "kind": "zones", "zones": str(inventory.zone.id)}
    page = operator.post(PLAN, {**scope, "leave_out": inventory.id("kvm2")}).text

    assert order_of(page) == []
    assert hidden(page, "leave_out") == inventory.id("kvm2")
    assert "1: Left out" in page


def test_the_questions_to_the_database_do_not_grow_with_the_fleet(operator, inventory):
    scope = {**form_of(inventory), "kind": "zones", "zones": str(inventory.zone.id)}
    operator.post(PLAN, scope)
    with CaptureQueriesContext(connection) as few:
        operator.post(PLAN, scope)
    grow(inventory, clusters=5, hosts_each=40)
    operator.post(PLAN, scope)  # remembered anew: on a busy machine what was is too old by now
    with CaptureQueriesContext(connection) as many:
        page = operator.post(PLAN, scope)

    assert len(many) <= len(few)
    assert len(page.content) < 250_000


def test_names_of_clouds_are_inert_in_the_plan(operator, inventory):
    evil = "<script>alert(1)</script>"
    Host.objects.filter(name="kvm1").update(name=evil)
    Instance.objects.filter(name="i-kvm1").update(name=evil, state="Error")
    Cluster.objects.filter(name="c1").update(name=evil)

    page = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text

    assert "<script>alert" not in page


def test_hosts_in_the_way_because_the_cloud_is_not_read_say_so(operator, inventory):
    known = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text
    inventory.was_last_read(timedelta(minutes=5))

    unknown = operator.get(f"/rolling/new/?clusters={inventory.clusters['c1'].id}").text

    words = "lab was not read lately: how its hosts are is not known. Make the plan again once it is."
    assert words not in known
    assert words in unknown
    assert 'data-state="Unknown"' in unknown
