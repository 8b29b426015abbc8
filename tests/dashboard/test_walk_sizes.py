"""No page grows with the fleet: with nothing, with one, with ten thousand of each, and with the longest names."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.screens.events import cluster_names
from dashboard.screens.runs.usual import forget
from maintenance.domain.states import RunKind, RunState
from maintenance.models import Cluster, FeedEvent, Host, Instance, Run
from tests.dashboard.inventory import Inventory, make_inventory
from tests.dashboard.people import make_person
from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_names import KINDS, NAMED, name_flaws, rename_all, shown
from tests.dashboard.walk_page import Page

LISTS = (
    "/",
    "/zones/",
    "/pods/",
    "/clusters/",
    "/hosts/",
    "/rolling/",
    "/needs-a-person/",
    "/management-servers/",
    "/jobs/",
    "/events/",
    "/settings/",
    "/settings/people/",
    "/settings/tokens/",
    "/settings/clouds/",
    "/settings/walls/",
    "/wall/",
    "/wall/hosts/",
)
MANY, EACH = 10_000, 40  # hosts, and how many of them a cluster has
BYTES_MAX = 700_000  # of HTML, as it is before it is packed
ROWS_MAX = 120
A_ROW_A_CLUSTER = {"/wall/hosts/"}  # for readers of the screen: what the others see as cells
# What answers otherwise: to doors that are open already, to what only a form sends, where nothing was printed, and
# runs over management servers, whose one page has all that is told of them.
OTHERWISE = {
    "portal": {403},  # only tenants have it
    "login": {302},
    "first-run": {303},
    "me-tokens": {303},
    "run-start": {303},
    "settings-person-password": {303},
    "run-output": {200, 404},
    "run-hosts": {200, 302},
    "run-print": {200, 302},
    "wall-link": {303},
}


def browser() -> Client:
    client = Client()
    client.force_login(make_person("administrator"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def asked(client: Client, address: str) -> tuple[int, Page, int]:
    """How many queries, the page, and its bytes. What is usual here is learned anew: nothing is remembered."""
    forget()
    cluster_names.forget()
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status_code}"
    return len(queries), Page(answer.text, address), len(answer.content)


@pytest.fixture
def patient(db) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@pytest.mark.parametrize("address", LISTS)
def test_with_nothing_each_list_says_so_in_words(db, address):
    page = asked(browser(), address)[1]

    assert len(page.find("h1")) == 1
    main = page.by_id("main")
    assert main is not None
    assert len(" ".join(main.text.split())) > 30, "an empty page tells nobody why"


def test_one_of_each_is_shown_in_the_singular(patient):
    inventory = make_inventory()
    Host.objects.exclude(name="kvm1").delete()
    Cluster.objects.exclude(name="c1").delete()
    client = browser()

    for address, word in (
        ("/zones/", "zone"),
        ("/pods/", "pod"),
        ("/clusters/", "cluster"),
        ("/hosts/", "host"),
    ):
        title = asked(client, address)[1].find("h1")[0].text
        assert f"{word}s" not in title.partition(".")[0], title
    assert inventory.hosts["kvm1"].name in asked(client, "/hosts/")[1].root.text


@pytest.mark.timeout(300)
def test_ten_thousand_hosts_cost_each_page_no_query_more(patient):
    inventory = make_inventory()
    client = browser()
    things = [
        f"/zones/{inventory.zone.id}/",
        f"/pods/{inventory.pod.id}/",
        f"/clusters/{inventory.clusters['c1'].id}/",
        f"/hosts/{inventory.hosts['kvm1'].id}/",
        f"/rolling/new/?zones={inventory.zone.id}",
    ]
    pages = [*LISTS, *things]
    fill(inventory, hosts=150)
    few = {address: asked(client, address)[0] for address in pages}

    fill(inventory, hosts=MANY)

    found = []
    for address in pages:
        queries, page, size = asked(client, address)
        rows = max((len(table.find("tr")) for table in page.find("table")), default=0)
        if queries > few[address]:
            found.append(f"{address}: {queries} queries, {few[address]} for 150 hosts")
        if size > BYTES_MAX:
            found.append(f"{address}: {size} bytes")
        if rows > ROWS_MAX and address not in A_ROW_A_CLUSTER:
            found.append(f"{address}: {rows} rows")
    assert not found, "\n" + "\n".join(found)


def fill(inventory: Inventory, *, hosts: int) -> None:
    """So many hosts more, in clusters of EACH, with an instance, a run and two events for each cluster."""
    now = timezone.now()
    listed = {"cloud": inventory.cloud, "changed_at": now}
    clusters = Cluster.objects.bulk_create(
        Cluster(
            id=uuid4(),
            name=f"m{hosts}-{n}",
            pod=inventory.pod,
            hypervisor="KVM",
            allocation_state="Enabled",
            **listed,
        )
        for n in range(hosts // EACH + 1)
    )
    made = Host.objects.bulk_create(
        [
            Host(
                id=uuid4(),
                name=f"many{hosts}-{n}",
                cluster=clusters[n // EACH],
                state="Up" if n % 97 else "Down",
                resource_state="Enabled" if n % 89 else "Maintenance",
                hypervisor="KVM",
                management_server=inventory.server,
                cpu_cores=16,
                memory_mb=65_536,
                **listed,
            )
            for n in range(hosts)
        ],
        batch_size=2000,
    )
    Instance.objects.bulk_create(
        [
            Instance(
                id=uuid4(),
                name=f"i{hosts}-{n}",
                host=host,
                state="Running",
                account="shop",
                domain="ROOT",
                cpu_cores=1,
                memory_mb=512,
                **listed,
            )
            for n, host in enumerate(made)
        ],
        batch_size=2000,
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", KINDS)
def test_names_as_people_give_them_are_shown_whole_and_by_themselves_on_every_page(scene, kind):
    """A name of any script stands in an element that keeps its direction to itself, and is never cut off."""
    given = rename_all(kind)
    client = scene.client("administrator")
    found, seen, pages = [], set(), 0
    for route, address in addresses(scene.things, page_routes()):
        answer = client.get(address)
        if answer.status_code not in OTHERWISE.get(route, {200}):
            found.append(f"{address}: {answer.status_code}")
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            page = Page(answer.text, address)
            found += name_flaws(page, given)
            seen |= shown(page, given)
            pages += 1

    assert pages > 60
    assert not found, f"\n{len(found)}:\n" + "\n".join(sorted(set(found)))
    unseen = [named for number, named in enumerate(NAMED) if not any(f"‹{number}·" in mark for mark in seen)]
    assert not unseen, f"no page shows {unseen}"


def test_old_events_and_runs_come_page_by_page(patient):
    inventory = make_inventory()
    now = timezone.now()
    Run.objects.bulk_create(
        Run(
            number=n + 1,
            kind=RunKind.ROLLING,
            cloud=inventory.cloud,
            state=RunState.SUCCEEDED,
            scope_kind="hosts",
            scope_ids=[],
            scope_words="kvm1",
            timeout_s=60,
            drain_timeout_s=60,
            started_by="ada",
            created_at=now - timedelta(hours=n),
            finished_at=now - timedelta(hours=n),
        )
        for n in range(300)
    )
    FeedEvent.objects.bulk_create(
        FeedEvent(
            kind="host.changed", at=now, actor="engine", object={"host_name": f"h{n}"}, before={}, after={}
        )
        for n in range(1000)
    )
    client = browser()

    for address in ("/rolling/", "/events/"):
        _, page, size = asked(client, address)
        assert size < BYTES_MAX
        assert any("page=" in use.url or "before=" in use.url for use in page.links()), address
