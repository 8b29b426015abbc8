"""The lists of zones, pods, clusters and hosts: filters, search, order and pages stand in the address."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Cluster, Host, HostOut, Instance
from tests.dashboard.console.places import adrift, fill, go_out, many_hosts, text_of
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import add_cluster

NAMES = re.compile(
    r'class="host" href="/(?:zones|pods|clusters|hosts)/[^"]+"><bdi>(?:<span>[^<]*</span>)?([^<]+)</bdi>'
)


def listed(page: str) -> list[str]:
    return NAMES.findall(page)


def row_of(page: str, name: str) -> str:
    """The words of the row whose first link is this name."""
    rows = re.findall(r"<tr id=.*?</tr>", page, re.DOTALL)
    return text_of(next(row for row in rows if f"<bdi>{name}</bdi>" in row))


@pytest.mark.parametrize(
    ("path", "names"),
    [("zones", ["zone1"]), ("pods", ["pod1"]), ("clusters", ["c1", "c2"])],
)
def test_each_kind_of_place_has_its_list(viewer, inventory, path, names):
    page = viewer.get(f"/{path}/").text

    assert listed(page) == names
    assert "All 6 hosts are in service." in page


def test_places_are_listed_in_natural_order_and_its_reverse(viewer, inventory):
    add_cluster(inventory, "c10")
    add_cluster(inventory, "C1b")

    assert listed(viewer.get("/clusters/").text) == ["c1", "C1b", "c2", "c10"]
    assert listed(viewer.get("/clusters/?sort=-name").text) == ["c10", "c2", "C1b", "c1"]


def test_a_row_says_how_its_hosts_serve_what_runs_on_them_and_which_runs_are_there(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    go_out(put_host(run, "kvm1", TargetState.WORKING))
    inventory.hosts["kvm2"].resource_state = "Maintenance"
    inventory.hosts["kvm2"].save()
    inventory.hosts["kvm3"].state = "Down"
    inventory.hosts["kvm3"].save()

    page = viewer.get("/clusters/").text

    row = row_of(page, "c1")
    assert "0 of 3 in service" in row
    assert "1 out by us" in row
    assert "1 taken by others" in row
    assert "1 down" in row
    assert f"run {run.number}" in row
    assert row_of(page, "c2").count("3 of 3 in service") == 1
    assert "run" not in row_of(page, "c2")


def test_a_row_counts_the_hosts_with_all_four_scripts_and_those_that_differ(viewer, inventory):
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm2"], "Maintenance")
    fill(inventory, "c2")
    inventory.hosts["kvm4"].hooks = None
    inventory.hosts["kvm4"].save()

    page = viewer.get("/clusters/").text

    assert "all four on 3 of 3" in row_of(page, "c1")
    assert "1 host differs" in row_of(page, "c1")
    assert "all four on 2 of 3, 1 not known" in row_of(page, "c2")
    assert "differ" not in row_of(page, "c2")


def test_a_cloud_that_cannot_be_read_turns_its_places_unknown_and_what_we_took_out_stays_known(
    viewer, inventory
):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    go_out(put_host(run, "kvm1", TargetState.WORKING))
    inventory.was_last_read(timedelta(minutes=5))

    row = row_of(viewer.get("/clusters/").text, "c1")

    assert "2 unknown" in row
    assert "1 out by us" in row
    assert "in service" not in row


def test_a_place_without_hosts_says_so(viewer, inventory):
    Host.objects.filter(cluster=inventory.clusters["c2"]).update(gone_at=inventory.cloud.read_at)

    page = viewer.get("/clusters/").text

    assert "no hosts" in row_of(page, "c2")
    assert listed(viewer.get("/clusters/?state=empty").text) == ["c2"]


def test_a_place_that_is_gone_is_listed_no_more(viewer, inventory):
    Cluster.objects.filter(name="c2").update(gone_at=inventory.cloud.read_at)

    assert listed(viewer.get("/clusters/").text) == ["c1"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=C1", ["c1"]),
        ("search=nobody", []),
        ("state=out", ["c1"]),
        ("state=in-run", ["c1"]),
        ("state=others", ["c2"]),
        ("state=drift", ["c2"]),
        ("state=missing", ["c1"]),
        ("state=unknown", []),
        ("zone=ZONE", ["c1", "c2"]),
        ("pod=POD", ["c1", "c2"]),
        ("zone=11111111-1111-4111-8111-111111111111", []),
        ("state=nonsense&zone=nonsense&sort=nonsense&page=x", ["c1", "c2"]),
    ],
)
def test_places_are_narrowed_by_the_address(viewer, inventory, query, names):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    go_out(put_host(run, "kvm1", TargetState.WORKING))
    Host.objects.filter(name="kvm4").update(resource_state="Maintenance")
    fill(inventory, "c2")
    adrift(inventory.hosts["kvm5"], "Maintenance")

    asked = query.replace("ZONE", str(inventory.zone.id)).replace("POD", str(inventory.pod.id))
    page = viewer.get(f"/clusters/?{asked}").text

    assert listed(page) == names
    assert ("Nothing matches." in page) == (not names)


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("-hosts", "c3"),
        ("-service", "c2"),
        ("-instances", "c3"),
        ("-scripts", "c1"),
        ("-runs", "c2"),
        ("runs", "c1"),
    ],
)
def test_places_are_sorted_by_each_column_where_they_are_stored(viewer, inventory, sort, first):
    add_cluster(inventory, "c3")
    for name in ("c2", "c3"):
        fill(inventory, name)
    many_hosts(inventory, "c3", 2, complete=True)
    start_run(inventory, "c2")
    Host.objects.filter(name="kvm4").update(resource_state="Maintenance")

    page = viewer.get(f"/clusters/?sort={sort}").text

    assert listed(page)[0] == first
    key = sort.removeprefix("-")
    direction = "descending" if sort.startswith("-") else "ascending"
    assert page.count("aria-sort=") == 1
    assert re.search(rf'aria-sort="{direction}"><a class="sort" id="sort-{key}"', page)


def test_a_second_click_on_a_heading_turns_the_order_round_and_keeps_the_filters(viewer, inventory):
    page = viewer.get("/clusters/?search=c&sort=-hosts&page=1").text

    assert 'id="sort-hosts" href="?search=c&amp;sort=hosts"' in page
    assert 'id="sort-instances" href="?search=c&amp;sort=-instances"' in page
    assert 'id="sort-name" href="?search=c"' in page


def test_a_filter_that_is_sent_keeps_the_order(viewer, inventory):
    page = viewer.get("/hosts/?sort=-instances").text

    assert '<option value="-instances" selected>' in page


# ---- hosts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort=name", ["kvm1", "kvm2", "kvm3", "kvm4", "kvm5", "kvm6"]),
        ("sort=-place", ["kvm6", "kvm5", "kvm4", "kvm3", "kvm2", "kvm1"]),
        ("sort=-name", ["kvm6", "kvm5", "kvm4", "kvm3", "kvm2", "kvm1"]),
        ("sort=state", ["kvm5", "kvm4", "kvm1", "kvm2", "kvm3", "kvm6"]),
        ("sort=-instances", ["kvm2", "kvm3", "kvm4", "kvm5", "kvm6", "kvm1"]),
        ("sort=-scripts", ["kvm6", "kvm1", "kvm2", "kvm3", "kvm4", "kvm5"]),
        ("sort=-software", ["kvm3", "kvm1", "kvm2", "kvm4", "kvm5", "kvm6"]),
        ("scripts=drift", ["kvm6"]),
        ("scripts=whole", ["kvm4", "kvm5", "kvm6"]),
        ("scripts=missing", ["kvm1", "kvm2", "kvm3"]),
        ("scripts=warning", ["kvm2"]),
        ("scripts=unknown", []),
        ("state=down", ["kvm5"]),
        ("zone=ZONE&search=4", ["kvm4"]),
    ],
)
def test_hosts_are_sorted_and_narrowed_by_the_address(viewer, inventory, query, names):
    fill(inventory, "c2")
    adrift(inventory.hosts["kvm6"], "PreFlight")
    Host.objects.filter(name="kvm5").update(state="Down")
    Host.objects.filter(name="kvm4").update(resource_state="Maintenance")
    Host.objects.filter(name="kvm3").update(kernel_version="6.1.0-9")
    Host.objects.filter(name="kvm2").update(hooks_warnings=["a warning"])
    Instance.objects.filter(name="i-kvm1").update(state="Stopped")

    page = viewer.get(f"/hosts/?{query.replace('ZONE', str(inventory.zone.id))}").text

    assert listed(page) == names


def test_a_host_that_differs_says_in_which_stages(viewer, inventory):
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm2"], "Maintenance")

    page = viewer.get("/hosts/").text

    assert "Maintenance differs" in row_of(page, "kvm2")
    assert "Maintenance: other than in its cluster" in page
    assert "differ" not in row_of(page, "kvm1")


def test_fifty_rows_a_page_and_the_last_page_holds_the_rest(viewer, inventory):
    many_hosts(inventory, "c1", 100)

    first, last = viewer.get("/hosts/?search=kvm").text, viewer.get("/hosts/?search=kvm&page=99").text

    assert len(listed(first)) == 50
    assert len(listed(last)) == 6
    assert "Page 3 of 3" in last
    assert 'href="?search=kvm&amp;page=2"' in first


@pytest.mark.parametrize("kind", ["zones", "pods", "clusters", "hosts"])
def test_what_is_chosen_starts_one_run_over_one_kind(operator, viewer, inventory, kind):
    page = operator.get(f"/{kind}/").text

    assert re.search(rf'<input type="checkbox" name="{kind}" value="[0-9a-f-]+" form="pick"', page)
    assert 'id="pick" method="get" action="/rolling/new/"' in page
    assert "Operators and administrators can do this." in viewer.get(f"/{kind}/").text


@pytest.mark.parametrize("state", ["", "?state=drift&sort=-scripts", "?sort=-runs&state=in-run"])
@pytest.mark.parametrize("path", ["/zones/", "/pods/", "/clusters/", "/hosts/"])
def test_a_hundred_times_the_hosts_cost_the_same_queries(viewer, inventory, path, state):
    """Three hosts that differ and are in a run; then three hundred."""
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm2"], "Maintenance")
    HostOut.objects.all().delete()
    start_run(inventory, "c1")
    few = queries_of(viewer, path + state)

    many_hosts(inventory, "c1", 300)
    many_hosts(inventory, "c2", 20)

    assert queries_of(viewer, path + state) == few
    assert few <= 36


def queries_of(client, path: str) -> int:
    client.get(path)  # what is learned once is learned
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(path).status_code == 200
    return len(asked)
