"""The lists: CloudStack's keys, pages, filters, and Unknown for what could not be read lately."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.api.hosts import HostRow
from maintenance.models import Cluster, Host, Instance, Pod, Zone

HOST_KEYS = {
    *("id", "name", "state", "resourcestate", "hypervisor", "zoneid", "zonename", "podid", "podname"),
    *(
        "clusterid",
        "clustername",
        "managementserverid",
        "managementservername",
        "hooks",
        "instances",
        "seen_at",
    ),
}


def names(answer):
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_a_host_has_cloudstacks_keys_and_ours(viewer, inventory):
    answer = viewer.get("hosts/?search=kvm1").json()
    assert answer["count"] == 1
    host = answer["results"][0]
    assert set(host) >= HOST_KEYS
    assert list(host) == list(HostRow().fields)  # as they are described
    assert host["id"] == inventory.id("kvm1")
    assert (host["state"], host["resourcestate"]) == ("Up", "Enabled")
    assert (host["clustername"], host["podname"], host["zonename"]) == ("c1", "pod1", "zone1")
    assert host["managementservername"] == "mgmt1"
    assert host["hooks"] == {
        "PreFlight": True,
        "PreMaintenance": False,
        "Maintenance": True,
        "PostMaintenance": True,
    }
    assert host["instances"] == 1
    assert viewer.get(f"hosts/{host['id']}/").json() == host


def test_hooks_that_were_not_read_are_null(viewer, inventory):
    Host.objects.filter(name="kvm1").update(hooks=None)
    host = viewer.get(f"hosts/{inventory.id('kvm1')}/").json()
    assert set(host["hooks"].values()) == {None}


@pytest.mark.parametrize(
    ("list_", "keys"),
    [
        ("clouds", {"id", "name", "kind", "state", "read_at", "as_of", "read_error"}),
        ("zones", {"id", "name", "cloudid", "seen_at"}),
        ("pods", {"id", "name", "zoneid", "zonename"}),
        (
            "clusters",
            {"id", "name", "podid", "podname", "zoneid", "zonename", "hypervisortype", "allocationstate"},
        ),
        (
            "instances",
            {"id", "name", "state", "account", "domain", "hostid", "hostname", "cpunumber", "memory"},
        ),
    ],
)
def test_each_kind_is_a_list_and_a_single_row(viewer, inventory, list_, keys):
    rows = viewer.get(f"{list_}/").json()["results"]
    assert rows
    assert set(rows[0]) >= keys
    assert viewer.get(f"{list_}/{rows[0]['id']}/").json() == rows[0]
    assert viewer.get(f"{list_}/{uuid4()}/").status_code == 404


def test_what_could_not_be_read_lately_is_unknown(viewer, inventory):
    inventory.was_last_read(timedelta(minutes=5))
    host = viewer.get(f"hosts/{inventory.id('kvm1')}/").json()
    assert (host["state"], host["resourcestate"]) == ("Unknown", "Unknown")
    assert viewer.get("instances/").json()["results"][0]["state"] == "Unknown"
    assert viewer.get("clouds/").json()["results"][0]["state"] == "Unknown"
    assert names(viewer.get("hosts/?state=Up")) == []
    assert len(names(viewer.get("hosts/?state=Unknown"))) == 6


def test_a_host_that_the_cloud_no_longer_lists_is_in_no_list_and_unknown_by_its_id(viewer, inventory):
    Host.objects.filter(name="kvm1").update(gone_at=timezone.now())
    assert "kvm1" not in names(viewer.get("hosts/"))
    assert names(viewer.get("hosts/?search=kvm1&state=Unknown")) == []
    assert viewer.get(f"hosts/{inventory.id('kvm1')}/").json()["state"] == "Unknown"


@pytest.mark.parametrize("list_", ["zones", "pods", "clusters", "hosts", "instances"])
def test_every_list_leaves_out_what_is_gone(viewer, inventory, list_):
    row = viewer.get(f"{list_}/").json()["results"][0]
    model = {"zones": Zone, "pods": Pod, "clusters": Cluster, "hosts": Host, "instances": Instance}[list_]
    model.objects.filter(id=row["id"]).update(gone_at=timezone.now())
    assert row["name"] not in names(viewer.get(f"{list_}/"))
    assert viewer.get(f"{list_}/{row['id']}/").json()["gone_at"] is not None


def test_filters_narrow_the_list(viewer, inventory):
    Host.objects.filter(name="kvm2").update(state="Down")
    c2 = inventory.clusters["c2"].id
    assert names(viewer.get(f"hosts/?cluster={c2}")) == ["kvm4", "kvm5", "kvm6"]
    assert names(viewer.get(f"hosts/?cluster={c2}&search=M5")) == ["kvm5"]
    assert names(viewer.get("hosts/?state=Down")) == ["kvm2"]
    assert names(viewer.get(f"hosts/?zone={uuid4()}")) == []
    assert len(names(viewer.get(f"hosts/?pod={inventory.pod.id}&cloud={inventory.cloud.id}"))) == 6
    assert names(viewer.get(f"instances/?host={inventory.id('kvm3')}")) == ["i-kvm3"]


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "k%1", "x" * 100])
def test_a_search_is_text_and_no_pattern(viewer, inventory, text):
    assert names(viewer.get("hosts/", data={"search": text})) == []


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("foo=1", "foo"),
        ("format=yaml", "format"),
        ("callback=x", "callback"),
        ("name__startswith=k", "name__startswith"),
        ("order_by=name", "order_by"),
        ("state=Up&state=Down", "state"),
        ("cluster=1", "cluster"),
        ("cluster=", "cluster"),
        ("search=", "search"),
        ("search=%00", "search"),
        ("search=" + "x" * 10_000, "search"),
        ("page_size=0", "page_size"),
        ("page_size=-1", "page_size"),
        ("page_size=1e3", "page_size"),
        ("page_size=%D9%A1%D9%A2", "page_size"),
        ("page_size=" + "9" * 400, "page_size"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
    ],
)
def test_a_query_parameter_that_means_nothing_is_400_and_named(viewer, inventory, query, named):
    answer = viewer.get(f"hosts/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == named


def test_pages_follow_each_other_and_lead_back(viewer, inventory):
    first = viewer.get("hosts/?page_size=4").json()
    assert first["count"] == 6
    assert first["previous"] is None
    second = viewer.client.get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == [f"kvm{n}" for n in range(1, 7)]
    assert second["next"] is None
    assert viewer.client.get(second["previous"]).json()["results"] == first["results"]


def test_hosts_of_the_same_name_are_all_listed_once(viewer, inventory):
    Host.objects.update(name="twin")
    seen, page = [], viewer.get("hosts/?page_size=2").json()
    while True:
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        page = viewer.client.get(page["next"]).json()
    assert sorted(seen) == sorted(str(host.id) for host in inventory.hosts.values())


def test_a_page_holds_500_rows_at_most(viewer, inventory):
    like = Host.objects.get(name="kvm1")
    for number in range(510):
        like.id, like.name = uuid4(), f"more{number}"
        like.save(force_insert=True)
    assert len(viewer.get("hosts/?page_size=1000").json()["results"]) == 500
    assert len(viewer.get("hosts/").json()["results"]) == 100


def test_a_cursor_of_another_list_is_refused(viewer, inventory):
    cursor = viewer.get("hosts/?page_size=1").json()["next"].split("cursor=")[1].split("&")[0]
    assert viewer.get(f"hosts/?cursor={cursor}").status_code == 200
    assert viewer.get(f"instances/?cursor={cursor}").status_code == 400


@pytest.mark.parametrize("list_", ["hosts", "instances", "clusters", "pods"])
def test_a_page_takes_as_many_queries_for_six_rows_as_for_one(viewer, inventory, list_):
    taken = []
    for size in (1, 6):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            viewer.get(f"{list_}/?page_size={size}")
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_a_tenant_sees_nothing_of_it(tenant, inventory):
    for list_ in (
        "clouds",
        "zones",
        "pods",
        "clusters",
        "hosts",
        "instances",
        "events",
        "rolling-maintenances",
    ):
        assert tenant.get(f"{list_}/").status_code == 403
