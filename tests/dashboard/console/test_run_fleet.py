"""A run over many hosts: counts, a map of clusters in fixed places, those at work, and what needs a person by cause."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Run, Target
from tests.dashboard.console.runs import in_state, put_host, run_step, start_run
from tests.dashboard.inventory import Inventory, add_cluster


@pytest.fixture
def fleet(inventory: Inventory) -> Run:
    """Twenty clusters of three listed hosts each: one cell a host would be too many. A busy machine takes longer to
    make them and to read what is shown than a request may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    for n in range(3, 21):
        add_cluster(inventory, f"c{n}")
    run = in_state(start_run(inventory, *inventory.clusters, clusters_in_parallel=5), RunState.RUNNING)
    run.targets.update(state=TargetState.READY)
    return run


def page_of(client, run: Run, query: str = "") -> str:
    return str(client.get(f"/rolling/{run.id}/{query}").text).replace("\N{NO-BREAK SPACE}", " ")


def tiles(page: str) -> dict[str, str]:
    """What each tile is marked with, in the order of the map."""
    found = re.findall(r'<span class="tile" id="tile-[^"]*" data-state="(\w*)".*?<bdi>(\w+)</bdi>', page)
    return {name: state for state, name in found}


def test_clusters_stand_in_fixed_places_and_show_their_worst_host(operator, fleet):
    before = tiles(page_of(operator, fleet))
    put_host(fleet, "kvm4", TargetState.WORKING)
    put_host(fleet, "kvm7", TargetState.WORKING)
    put_host(fleet, "kvm8", TargetState.NEEDS_PERSON)
    for name in ("kvm58", "kvm59", "kvm60"):
        put_host(fleet, name, TargetState.DONE)

    page = page_of(operator, fleet)
    after = tiles(page)

    assert list(before) == list(after) == [f"c{n}" for n in range(1, 21)]
    assert set(before.values()) == {"Waiting"}
    changed = {name: state for name, state in after.items() if state != "Waiting"}
    assert changed == {"c2": "Working", "c3": "NeedsPerson", "c20": "Done"}
    assert "zone1 · pod1 · c20: 3 of 3 finished" in page
    assert "20 clusters" in page


def test_a_filter_dims_and_moves_nothing_and_stays_in_every_address(operator, fleet):
    put_host(fleet, "kvm4", TargetState.WORKING)

    page = page_of(operator, fleet, "?show=at-work")

    assert list(tiles(page)) == [f"c{n}" for n in range(1, 21)]
    assert 'data-show="at-work"' in page
    assert re.findall(r'data-shows="at-work".*?<bdi>(\w+)</bdi>', page) == ["c2"]
    links = re.findall(r'<li><a href="([^"]*)#opened"', page)
    assert len(links) == 20
    assert all("show=at-work" in link for link in links)


def test_an_opened_tile_shows_its_hosts_and_the_one_in_focus_with_what_can_be_done(
    operator, fleet, inventory
):
    cluster, host = inventory.clusters["c2"].id, inventory.hosts["kvm5"].id

    opened = page_of(operator, fleet, f"?open={cluster}")
    focused = page_of(operator, fleet, f"?open={cluster}&host={host}")

    assert re.findall(r'class="hostcell".*?<bdi>(\w+)</bdi>', opened) == ["kvm4", "kvm5", "kvm6"]
    assert "Choose a host" in opened
    row = focused.partition('class="rows targets focus-row"')[2].partition("</ol>")[0]
    assert "kvm5" in row
    assert "Could start now: yes." in row
    assert 'aria-label="Skip kvm5"' in row


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        ("kvm5", "?open={c2}&host={kvm5}"),
        ("KVM60", "?open={c20}&host={kvm60}"),
        ("c20", "?open={c20}"),
        ("kvm", "hosts/?search=kvm"),
    ],
)
def test_the_search_leads_to_the_host_the_cluster_or_the_list(operator, fleet, inventory, wanted, leads):
    named = {name: cluster.id for name, cluster in inventory.clusters.items()}
    named |= {name: host.id for name, host in inventory.hosts.items()}

    answer = operator.get(f"/rolling/{fleet.id}/?find={wanted}")

    assert answer.status_code == 302
    assert answer["Location"] == f"/rolling/{fleet.id}/" + leads.format(**named)


def test_what_is_not_found_is_said_beside_the_search_and_stays_typed(operator, fleet):
    page = page_of(operator, fleet, "?find=%3Cb%3Enobody")

    assert "No host or cluster of this run is called" in page
    assert 'value="&lt;b&gt;nobody"' in page
    assert "<b>nobody" not in page


def test_those_at_work_are_listed_latest_first_and_the_rest_is_counted(operator, fleet):
    for n in range(1, 16):
        target = put_host(fleet, f"kvm{n * 3}", TargetState.WORKING)
        run_step(target, "Maintenance", ago_s=n * 10)

    page = page_of(operator, fleet)
    now = page.partition('id="run-now"')[2].partition("</section>")[0]

    shown = re.findall(r'id="now-[^"]*".*?class="host"[^>]*>.*?(kvm\d+)<', now)
    assert shown == [f"kvm{n * 3}" for n in range(15, 3, -1)]
    assert "15 hosts, the latest first" in now
    assert "3 more" in now


def test_hosts_out_for_any_reason_count_against_what_is_allowed(operator, fleet, inventory):
    put_host(fleet, "kvm4", TargetState.WORKING)
    down = inventory.hosts["kvm6"]
    down.state = "Down"
    down.save()

    page = page_of(operator, fleet)

    assert "1 of 5 allowed out" in page
    assert "1 was already out, by others or by itself" in page


def test_the_pace_is_told_once_enough_hosts_have_ended(operator, fleet):
    began = timezone.now() - timedelta(minutes=30)
    Run.objects.filter(id=fleet.id).update(started_at=began)
    assert "an hour" not in page_of(operator, fleet)

    for n in range(1, 11):
        put_host(fleet, f"kvm{n}", TargetState.DONE)

    assert "20 hosts an hour" in page_of(operator, fleet)


def test_many_problems_are_grouped_by_cause_and_only_some_are_shown_one_by_one(operator, fleet):
    with unit_of_work() as work:
        for n in range(1, 13):
            target = put_host(fleet, f"kvm{n}", TargetState.NEEDS_PERSON, detail="not back")
            cause = Cause.HOST_NOT_BACK if n > 2 else Cause.NO_ROOM
            ask_for_person(work, cause, run=fleet, target=target, message="see there")

    page = page_of(operator, fleet)
    problems = page.partition('id="run-problems"')[2].partition("</section>")[0]

    assert "10 hosts in 4 clusters" in problems
    assert "2 hosts in 1 cluster" in problems
    assert f'href="/needs-a-person/?cause={Cause.HOST_NOT_BACK}"' in problems
    assert problems.count('<article class="problem"') == 6
    assert "and 6 more with these causes" in problems


def test_the_questions_to_the_database_do_not_grow_with_the_fleet(operator, fleet, inventory):
    for n in (1, 2, 3):
        put_host(fleet, f"kvm{n}", (TargetState.DONE, TargetState.WORKING, TargetState.READY)[n % 3])
    asked = f"?open={inventory.clusters['c1'].id}&host={inventory.hosts['kvm3'].id}"
    page_of(operator, fleet, asked)
    with CaptureQueriesContext(connection) as of_few:
        page_of(operator, fleet, asked)
    Target.objects.bulk_create(
        Target(
            run=fleet, host_id=uuid4(), cluster_id=cluster.id, name=f"{cluster.name}-host-{n}",
            cluster_name=cluster.name, zone_name="zone1", order=1000 + n, is_open=False,
            state=(TargetState.READY, TargetState.DONE, TargetState.WORKING)[n % 3],
        )
        for cluster in inventory.clusters.values()
        for n in range(100)
    )  # fmt: skip
    page_of(operator, fleet, asked)  # remembered anew: on a busy machine what was is too old by now

    with CaptureQueriesContext(connection) as of_many:
        page = page_of(operator, fleet, asked)

    assert len(of_many) <= len(of_few)
    assert len(tiles(page)) == 20
    assert page.count('class="hostcell"') == 103
    assert len(page) < 250_000
