"""The page of a zone, a pod, a cluster: its sentence, what it is made of, room, runs, the button that starts one."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, Cluster, Host, HostOut, Instance, Pod, Target, Zone
from tests.dashboard.console.places import adrift, fill, go_out, many_hosts, section, text_of, urls
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import an_id


def sentence(page: str) -> str:
    return text_of(page.partition("<h1")[2].partition(">")[2].partition("</h1>")[0]).replace(" :", ":")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("zone", "zone1: all 6 hosts are in service."),
        ("pod", "pod1: all 6 hosts are in service."),
        ("cluster", "c1: all 3 hosts are in service."),
    ],
)
def test_a_place_says_first_how_its_hosts_are(viewer, inventory, kind, says):
    assert sentence(viewer.get(urls(inventory)[kind]).text) == says


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"state": "Down"}, "c1: 2 of 3 hosts are in service. 1 down."),
        ({"resource_state": "Maintenance"}, "c1: 2 of 3 hosts are in service. 1 taken by others."),
        ({"state": "Rebalancing"}, "c1: 2 of 3 hosts are in service. 1 unknown."),
    ],
)
def test_a_host_that_is_away_is_told_as_what_it_is(viewer, inventory, columns, says):
    Host.objects.filter(name="kvm2").update(**columns)

    assert sentence(viewer.get(urls(inventory)["cluster"]).text) == says


def test_a_host_at_work_and_what_needs_a_person_come_before_that(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = go_out(put_host(run, "kvm1", TargetState.WORKING))
    url = urls(inventory)["cluster"]

    assert sentence(viewer.get(url).text) == "c1: 2 of 3 hosts are in service. One is at work."
    Attention.objects.create(
        cause="held", title="kvm1", message="m", run=run, target=target, host_id=target.host_id
    )
    assert sentence(viewer.get(url).text) == "c1: 2 of 3 hosts are in service. One thing needs a person."


def test_an_empty_cluster_says_that_there_is_nothing_to_maintain(operator, inventory):
    Host.objects.filter(cluster=inventory.clusters["c1"]).update(gone_at=inventory.cloud.read_at)

    page = operator.get(urls(inventory)["cluster"]).text

    assert sentence(page) == "c1: no host is listed here. There is nothing to maintain."
    assert "Nothing is listed here." in page
    assert "No host is listed here." in page
    assert 'href="/rolling/new/?clusters=' not in page


@pytest.mark.parametrize("kind", ["zone", "pod", "cluster"])
def test_a_place_of_a_cloud_that_cannot_be_read_is_unknown_and_nothing_on_it_is_green(
    operator, inventory, kind
):
    inventory.was_last_read(timedelta(minutes=5))

    page = operator.get(urls(inventory)[kind]).text

    assert "how it is now is not known." in sentence(page)
    assert "Room is not known." in page
    main = page.partition('id="place-lines"')[2].partition("panel-foot")[0]
    assert 'data-state="Up"' not in main
    assert "was Running" in section(page, "place-instances")


@pytest.mark.parametrize(("kind", "model"), [("zone", Zone), ("pod", Pod), ("cluster", Cluster)])
def test_a_place_that_is_gone_keeps_its_page_and_its_history(operator, inventory, kind, model):
    in_state(start_run(inventory, "c1", reason="Kernel"), RunState.SUCCEEDED)
    model.objects.update(gone_at=inventory.cloud.read_at)

    page = operator.get(urls(inventory)[kind]).text

    assert "no longer listed. lab does not know it any more." in sentence(page)
    assert "Kernel" in section(page, "place-runs")
    assert "The cloud no longer lists it." in page


@pytest.mark.parametrize("kind", ["zones", "pods", "clusters"])
def test_a_place_nobody_listed_is_not_found(viewer, inventory, kind):
    assert viewer.get(f"/{kind}/{an_id()}/").status_code == 404


def test_places_lead_up_and_down_to_each_other(viewer, inventory):
    found = urls(inventory)
    zone, pod, cluster = (viewer.get(found[kind]).text for kind in ("zone", "pod", "cluster"))

    assert f'href="{found["pod"]}"' in zone
    assert f'href="{found["cluster"]}"' in zone
    assert f'href="{found["zone"]}"' in pod
    assert f'href="{found["cluster"]}"' in pod
    for above in ("zone", "pod"):
        assert f'href="{found[above]}"' in cluster
    host = f"/hosts/{inventory.id('kvm1')}/"
    assert f'href="{host}"' in cluster
    for kind in ("zone", "pod", "cluster"):
        assert f'href="{found[kind]}"' in viewer.get(host).text


@pytest.mark.parametrize(("kind", "field"), [("zone", "zones"), ("pod", "pods"), ("cluster", "clusters")])
def test_start_leads_to_the_form_with_its_scope_filled_in(operator, inventory, kind, field):
    url = urls(inventory)[kind]
    key = url.split("/")[2]

    page = operator.get(url).text

    assert f'href="/rolling/new/?{field}={key}"' in page
    form = operator.get(f"/rolling/new/?{field}={key}").text
    assert re.search(rf'value="{key}"[^>]* checked', form)


def test_start_is_not_for_viewers_and_says_for_whom(viewer, inventory):
    page = viewer.get(urls(inventory)["cluster"]).text

    head = page.partition('id="place-head"')[2].partition("</section>")[0]
    assert "Operators and administrators can do this." in head
    assert "/rolling/new/" not in head


def test_start_waits_while_every_host_is_in_another_run_and_names_it(operator, inventory):
    run = start_run(inventory, "c1")
    found = urls(inventory)

    cluster, zone = operator.get(found["cluster"]).text, operator.get(found["zone"]).text

    assert f"Run {run.number} (started by ada) has every host here." in cluster
    assert "/rolling/new/?clusters=" not in cluster
    assert "/rolling/new/?zones=" in zone  # c2 is free


def test_runs_in_progress_come_before_those_that_went_and_count_the_hosts_here(viewer, inventory):
    in_state(start_run(inventory, "c1", "c2", reason="Earlier"), RunState.FAILED)
    run = start_run_after_the_end_of_others(inventory)

    shown = section(viewer.get(urls(inventory)["cluster"]).text, "place-runs")

    assert shown.index("Now") < shown.index("Earlier")
    assert "1 of 3 finished" in shown
    assert f"Run {run.number} by ada" in shown


def start_run_after_the_end_of_others(inventory):
    Target.objects.update(is_open=False)
    run = in_state(start_run(inventory, "c1", reason="Now"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.DONE)
    return run


def test_a_cluster_lists_its_hosts_and_draws_a_cell_for_each(viewer, inventory):
    go_out(put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm2", TargetState.DRAINING))

    page = viewer.get(urls(inventory)["cluster"]).text

    cells = page.partition('id="place-lines"')[2].partition("panel-foot")[0]
    assert re.findall(r'<li data-state="(\w+)"><a', cells) == ["Up", "Draining", "Up"]
    assert re.findall(r'id="host-row-([^"]+)"', page) == inventory.ids("kvm1", "kvm2", "kvm3")


def test_of_many_clusters_those_with_hosts_away_are_drawn(viewer, inventory):
    like = inventory.clusters["c1"]
    Cluster.objects.bulk_create(
        Cluster(id=uuid4(), cloud=inventory.cloud, pod=inventory.pod, name=f"a{n}", hypervisor="KVM",
                changed_at=like.changed_at)
        for n in range(20)
    )  # fmt: skip
    url = urls(inventory)["zone"]
    assert f'id="line-{like.id}"' not in viewer.get(url).text
    assert "and 10 more clusters: every host there is in service" in text_of(viewer.get(url).text)

    Host.objects.filter(cluster__in=inventory.clusters.values()).update(state="Down")

    assert f'id="line-{like.id}"' in viewer.get(url).text


def test_of_many_hosts_in_a_cluster_those_away_are_drawn(viewer, inventory):
    many_hosts(inventory, "c1", 60)
    last = Host.objects.get(name="kvm66")
    url = urls(inventory)["zone"]
    assert f'href="/hosts/{last.id}/" title' not in viewer.get(url).text

    Host.objects.filter(id=last.id).update(state="Down")

    assert f'href="/hosts/{last.id}/" title="kvm66: Down"' in viewer.get(url).text


def test_instances_on_their_way_are_named_with_their_host(viewer, inventory):
    Instance.objects.filter(name="i-kvm2").update(state="Migrating")
    Instance.objects.filter(name="i-kvm3").update(state="Stopped")

    shown = section(viewer.get(urls(inventory)["cluster"]).text, "place-instances")

    assert "Running 1" in shown
    assert "Migrating 1" in shown
    assert "Stopped 1" in shown
    assert "i-kvm2" in shown
    assert "on kvm2" in shown
    assert "i-kvm1" not in shown


def test_scripts_that_differ_are_a_fact_of_the_place_that_leads_to_those_hosts(viewer, inventory):
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm3"], "PreFlight")
    cluster = inventory.clusters["c1"]

    page = viewer.get(urls(inventory)["cluster"]).text

    assert f'href="/hosts/?cluster={cluster.id}&amp;scripts=drift"' in page
    assert "1 host differs" in text_of(page)


# ---- cost ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zone", "pod", "cluster"])
def test_a_page_costs_the_same_queries_for_three_hosts_and_for_three_hundred(viewer, inventory, kind):
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm2"], "Maintenance")
    start_run(inventory, "c1")
    HostOut.objects.all().delete()
    url = urls(inventory)[kind]
    few = queries_of(viewer, url)

    many_hosts(inventory, "c1", 300)

    assert queries_of(viewer, url) == few
    assert few <= 56


def queries_of(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)
