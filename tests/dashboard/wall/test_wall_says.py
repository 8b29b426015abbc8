"""What a wall says: the verdict, three problems, twelve clusters, three servers; the rest is counted, never hidden."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.live.drawn_once import one_push
from dashboard.live.render import drawing_of
from dashboard.live.touched import Part
from dashboard.screens.wall.clusters import SHOWN_MAX, WITH_REST_MAX, clusters
from dashboard.screens.wall.hosts import TABLE_ROWS, cells_of, host_map
from dashboard.screens.wall.names import Named, split
from dashboard.screens.wall.now import now_of
from dashboard.screens.wall.problems import problems
from dashboard.screens.wall.profile import EVERYTHING, Profile, profile_id
from dashboard.screens.wall.servers import servers
from dashboard.screens.wall.verdict import verdict
from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Attention, EngineProcess, Host, HostOut, ManagementServer, PendingJob, Run
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import add_cluster
from tests.dashboard.people import make_person
from tests.dashboard.wall.fleets import DAY_S, fleet_at_work, quiet_fleet

pytestmark = pytest.mark.django_db
CODES = Profile(profile_id((), shows_names=False), shows_names=False)


def says() -> str:
    return verdict(now_of(EVERYTHING)).says


def need(run: Run, host: str, cause: Cause = Cause.STAGE_FAILED, taken_by: str = "") -> Attention:
    with unit_of_work() as work:
        ask_for_person(work, cause, run=run, target=run.targets.get(name=host), message="see its output")
    found = Attention.objects.get(run=run, cause=cause, target__name=host)
    Attention.objects.filter(id=found.id).update(taken_by=taken_by)
    return found


def test_a_quiet_fleet_says_so_and_what_is_planned_next():
    inventory = quiet_fleet()
    at = timezone.now() + timedelta(hours=9)
    start_run(inventory, "c1", not_before=at)
    now = now_of(EVERYTHING)

    assert verdict(now).says == "All quiet"
    assert verdict(now).mark.glyph == "done"
    band = clusters(now)
    assert band.serving == ["6\N{NO-BREAK SPACE}hosts in service", "6\N{NO-BREAK SPACE}instances up"]
    assert band.next is not None
    assert (band.next.at, band.next.says) == (at, "c1, 3\N{NO-BREAK SPACE}hosts")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: None, "All quiet"),
        (lambda: EngineProcess.objects.all().delete(), "No engine answers"),
        (lambda: ManagementServer.objects.update(state="Down"), "No server is Up"),
        (lambda: Host.objects.filter(name="kvm1").update(state="Down"), "1 host down"),
        (lambda: Host.objects.filter(name__lt="kvm3").update(resource_state="Maintenance"), "2 hosts out"),
        (lambda: Host.objects.filter(name="kvm1").update(state="Odd"), "1 host unknown"),
    ],
)
def test_the_verdict_is_quiet_only_when_everything_is_well(change, said):
    quiet_fleet()
    change()

    assert says() == said
    assert now_of(EVERYTHING).is_quiet == (said == "All quiet")


def test_a_cloud_that_cannot_be_read_is_never_green():
    inventory = quiet_fleet()
    inventory.cloud.unknown_s = None
    inventory.was_last_read(timedelta(minutes=2))
    now = now_of(EVERYTHING)

    assert verdict(now).says == "Cloud not read"
    assert {one.mark.state for one in clusters(now).shown} == {"Unknown"}
    assert {one.mark.state for one in servers(now).shown} == {"Unknown"}
    assert {letter for one in host_map(EVERYTHING).clusters for letter in one.letters} == {"q"}
    first = problems(now).shown[0]
    assert (first.name.head, first.what, first.since) == ("lab", "not read", inventory.cloud.read_at)


def test_work_is_told_with_how_far_it_is():
    fleet_at_work()
    now = now_of(EVERYTHING)

    assert verdict(now).says == "Maintenance running"
    assert "<b>1 of 6</b> hosts" in verdict(now).facts
    shown = clusters(now).shown
    assert [(one.mark.state, one.says) for one in shown] == [("Working", "1/3"), ("Waiting", "0/3")]
    assert shown[0].at_work == Named("kvm2")
    assert [letter.state for letter in shown[0].cells] == ["Up", "Working", "Waiting"]


def test_a_run_that_is_paused_is_not_told_as_if_it_went_on():
    fleet_at_work()
    in_state(Run.objects.get(), RunState.PAUSED)

    assert says() == "Maintenance paused"


def test_at_most_three_problems_each_with_which_since_when_and_who_and_the_rest_is_counted():
    inventory = quiet_fleet()
    run = in_state(start_run(inventory, "c1", "c2"), RunState.PAUSED)
    first = need(run, "kvm1", Cause.NO_ROOM)
    failed = need(run, "kvm2", Cause.STAGE_FAILED, taken_by="ada")
    for host in ("kvm3", "kvm4", "kvm5"):
        need(run, host, Cause.NO_ROOM)
    now = now_of(EVERYTHING)

    assert says() == "5 need a person"
    band = problems(now)
    assert [(one.name.head, one.what, one.who) for one in band.shown] == [
        ("kvm2", "stage failed", Named("ada")),
        ("kvm1", "no room for its VMs", None),
        ("kvm3", "no room for its VMs", None),
    ]
    assert band.shown[0].since == failed.since
    assert band.shown[1].since == first.since
    assert band.rest == "+ 2 more: no room for its VMs 2"


def test_what_nobody_has_comes_before_what_somebody_has():
    run = in_state(start_run(quiet_fleet(), "c1"), RunState.PAUSED)
    need(run, "kvm1", taken_by="ada")
    need(run, "kvm2")

    assert [one.name.head for one in problems(now_of(EVERYTHING)).shown] == ["kvm2", "kvm1"]


def test_clusters_stand_worst_first_and_those_beyond_are_counted_by_state():
    inventory = quiet_fleet()
    for n in range(3, SHOWN_MAX + 1):
        add_cluster(inventory, f"c{n}")
    Host.objects.filter(name="kvm10").update(state="Down")
    assert len(clusters(now_of(EVERYTHING)).shown) == SHOWN_MAX
    add_cluster(inventory, "c13")

    band = clusters(now_of(EVERYTHING))

    assert (band.shown[0].name.head, band.shown[0].says) == ("c4", "1 down")
    assert len(band.shown) == WITH_REST_MAX
    assert band.rest == "+ 4 more: 4 in service"


def test_servers_tell_state_jobs_and_agents_left_and_the_worst_of_many():
    inventory = quiet_fleet()
    listed = {"cloud": inventory.cloud, "version": "4.21", "changed_at": timezone.now()}
    for n in range(2, 6):
        ManagementServer.objects.create(id=uuid4(), name=f"mgmt{n}", state="Up", agents=4, **listed)
    ManagementServer.objects.filter(name="mgmt4").update(state="PreparingForMaintenance", agents=5)
    PendingJob.objects.create(
        id=uuid4(), name="MigrateVM", cloud=inventory.cloud, changed_at=timezone.now(), created=timezone.now(),
        management_server=ManagementServer.objects.get(name="mgmt4"),
    )  # fmt: skip

    band = servers(now_of(EVERYTHING))

    assert (band.shown[0].name.head, band.shown[0].mark.word) == ("mgmt4", "Preparing")
    assert band.shown[0].facts == "1\N{NO-BREAK SPACE}job, 5 agents left"
    assert (band.more, band.rest) == ("+ 3 more", "all Up")
    assert says() == "1 server not Up"


def test_without_names_every_thing_has_a_code_and_people_are_somebody():
    inventory = fleet_at_work()
    run = Run.objects.get()
    need(run, "kvm2", taken_by="ada")
    now = now_of(CODES)

    only = problems(now).shown[0]
    assert only.name == Named("host", f" {inventory.hosts['kvm2'].id.hex[:5]}")  # the code is never cut off
    assert only.who == Named("somebody")
    assert {one.name.head.split()[0] for one in clusters(now).shown} == {"cluster"}
    assert servers(now).shown[0].name.head == "server"


def test_a_profile_of_one_cloud_knows_nothing_of_another():
    quiet_fleet()
    other = Profile(uuid4(), (uuid4(),))
    now = now_of(other)

    assert verdict(now).says == "No cloud yet"
    assert not now.servers
    assert not host_map(other).clusters


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("kvm5", Named("kvm5")),
        ("ref-trl-711-k-M7-apanic-kvm5", Named("ref-trl-711-k-M7-apani", "c-kvm5")),
        ("node-👩🏽‍🚒👩🏽‍🚒", Named("node-👩🏽‍🚒👩🏽‍🚒")),
        ("מארח-אבג-12", Named("מארח-", "אבג-12")),
    ],
)
def test_a_long_name_gives_way_before_its_end_and_never_within_a_letter(name, shown):
    assert split(name) == shown


def test_each_host_is_one_letter_in_the_order_of_names():
    inventory = fleet_at_work()
    run = Run.objects.get()
    put_host(run, "kvm4", TargetState.FAILED)
    Host.objects.filter(name="kvm3").update(state="Down")
    Host.objects.filter(name="kvm5").update(resource_state="Maintenance")
    target = run.targets.get(name="kvm6")
    HostOut.objects.create(
        host=inventory.hosts["kvm6"], cluster=inventory.clusters["c2"], run=run, target=target
    )

    shown = host_map(EVERYTHING)

    keys = [inventory.clusters[name].id.hex[:12] for name in ("c1", "c2")]
    assert shown.packed == f"{keys[0]}\tuwx\n{keys[1]}\tftn"
    assert [(row.name.head, row.zone.head) for row in shown.rows] == [("c1", "zone1"), ("c2", "zone1")]
    alone = cells_of(EVERYTHING, [inventory.clusters["c2"].id])
    assert [cells.line for cells in alone.values()] == [f"{keys[1]}\tftn"]


def test_cells_stand_in_the_order_of_numbers_in_names():
    inventory = quiet_fleet()
    for name, to, state in (
        ("kvm1", "kvm-10", "Down"),
        ("kvm2", "KVM-9b", "Up"),
        ("kvm3", "kvm-009a", "Alert"),
    ):
        Host.objects.filter(name=name).update(name=to, state=state)
    Host.objects.filter(name="kvm-009a").update(resource_state="Maintenance")

    cells = cells_of(EVERYTHING, [inventory.clusters["c1"].id])

    assert [one.letters for one in cells.values()] == ["tux"]  # kvm-009a, KVM-9b, kvm-10


def test_the_table_of_clusters_comes_in_pages_and_leads_to_their_hosts(client):
    inventory = quiet_fleet()
    for n in range(3, TABLE_ROWS + 2):
        add_cluster(inventory, f"c{n}")
    client.force_login(make_person("viewer"))

    first, last = client.get("/wall/hosts/").text, client.get("/wall/hosts/?page=9").text

    assert first.count("<tr id=") == TABLE_ROWS
    assert 'href="?page=2"' in first
    assert last.count("<tr id=") == 1
    assert f"/hosts/?cluster={inventory.clusters[f'c{TABLE_ROWS + 1}'].id}" in last
    assert first.count("\tuuu") == last.count("\tuuu") == TABLE_ROWS + 1  # the map is whole on each


def test_fifty_clusters_that_change_together_are_read_together():
    inventory = quiet_fleet()
    for n in range(3, 51):
        add_cluster(inventory, f"c{n}")
    topic = f"wallhosts:{EVERYTHING.id}"
    parts = [(Part(topic, "cluster", str(one.id)), "") for one in inventory.clusters.values()]

    def asked(parts) -> int:
        with CaptureQueriesContext(connection) as queries, one_push(part for part, _role in parts):
            for part, role in parts:
                drawn = drawing_of(part).build(str(EVERYTHING.id), part.one, role)
                assert drawn is not None
                assert drawn["letters"] == "uuu"
        return len(queries)

    assert asked(parts) == asked(parts[:1])


def test_a_hundred_clusters_cost_no_query_more_than_two():
    inventory = quiet_fleet()
    Host.objects.filter(name="kvm1").update(state="Down")

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            now = now_of(EVERYTHING)
            for band in (verdict, problems, clusters, servers):
                band(now)
            host_map(EVERYTHING)
        return len(queries)

    add_cluster(inventory, "c3")
    add_cluster(inventory, "c4")
    few = asked()
    for n in range(5, 40):
        add_cluster(inventory, f"c{n}")

    assert asked() == few
    assert inventory.cloud.unknown_s == DAY_S
