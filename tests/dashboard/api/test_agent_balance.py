"""Agent balance by REST: settings and spread, previews, changes that an engine asks the cloud for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from dashboard.api import agent_balance
from maintenance.agents_view import changed
from maintenance.backends.base import Never
from maintenance.backends.servers import BalanceChange
from maintenance.balance_settings import balance_as_json, balance_from_json
from maintenance.engine import cloud_changes
from maintenance.engine.cloud_changes import ask_due_change
from maintenance.models import Agent, AuditEntry, Cloud, CloudChange
from tests.dashboard.people import Api, api_of, make_person
from tests.maintenance.balanced import HOSTS, Balanced, add_agents, make_balanced

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "agent-balance/"


@pytest.fixture
def cloud() -> Balanced:
    return make_balanced()


@pytest.fixture
def viewer() -> Api:
    return api_of(make_person("viewer"))


@pytest.fixture
def administrator() -> Api:
    return api_of(make_person("administrator"))


@pytest.fixture
def at_once(monkeypatch) -> None:
    """Nobody waits for an engine that there is not."""
    monkeypatch.setattr(agent_balance, "WAIT_S", 0.0)


class Obeying:
    """A cloud that does what it is asked, and whose settings are read at the same moment."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses

    def change_balance(self, change, *, expires_at):
        if self.refuses:
            raise Never(self.refuses)
        cloud = Cloud.objects.get()
        cloud.balance = balance_as_json(changed(balance_from_json(cloud.balance), change))
        cloud.save(update_fields=["balance"])

    def rebalance(self, *, expires_at):
        if self.refuses:
            raise Never(self.refuses)


@contextmanager
def an_engine(monkeypatch, adapter: Obeying) -> Iterator[None]:
    """What an engine's thread does, until the block ends."""
    monkeypatch.setattr(cloud_changes, "cloud_of_kind", lambda kind, cloud_id: adapter)
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            ask_due_change()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def patch(api: Api, body, **options):
    headers = {"Idempotency-Key": options["key"]} if "key" in options else {}
    return api.client.patch(f"/api/v1/{PATH}", body, content_type="application/json", headers=headers)


# ---- reading --------------------------------------------------------------------------------------------------------


def test_it_tells_the_settings_and_how_agents_are_spread(viewer, cloud):
    cloud.gather("ms1")
    cloud.settings(check_interval_of_cluster_s={str(cloud.cluster.id): 5})
    Agent.objects.exclude(name="kvm4").update(check_interval_s=5)
    shown = viewer.get(PATH).json()

    assert (shown["algorithm"], shown["host"], shown["checkinterval"]) == ("roundrobin", list(HOSTS), 60)
    assert shown["clusters"] == [{"id": str(cloud.cluster.id), "name": "east-c1", "checkinterval": 5}]
    assert (shown["maintenancetimeout"], shown["ignoremaintenancehosts"]) == (60, False)
    assert [(s["name"], s["expected"], s["actual"]) for s in shown["servers"]] == [
        ("ms1", 2, 6),
        ("ms2", 2, 0),
        ("ms3", 2, 0),
    ]
    assert [(z["zonename"], z["skew"], z["expectedskew"]) for z in shown["zones"]] == [("east", 6, 0)]
    assert (shown["agents"], shown["skew"], shown["fewest"]["moves"]) == (6, 6, 4)
    assert shown["drift"]["count"] == 5
    assert shown["drift"]["agents"][0] | {"id": ""} == {
        "id": "",
        "name": "kvm2",
        "host": "10.0.0.2,10.0.0.3,10.0.0.1@roundrobin",
        "expectedhost": "10.0.0.2,10.0.0.3,10.0.0.1@roundrobin",
        "checkinterval": 5,
        "expectedcheckinterval": 5,
        "managementserverid": str(cloud.servers["ms1"].id),
        "managementservername": "ms1",
        "reasons": ["not-on-preferred"],
    }
    kept = shown["drift"]["agents"][2]
    assert (kept["name"], kept["reasons"]) == ("kvm4", ["other-interval"])
    assert (kept["checkinterval"], kept["expectedcheckinterval"]) == (60, 5)
    assert (shown["known"], shown["findings"], shown["change"]) == (True, [], None)


def test_it_asks_as_many_questions_for_ten_agents_as_for_hundreds(viewer, cloud):
    def questions() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert viewer.get(PATH).status_code == 200
        return len(asked)

    questions()
    before = questions()
    add_agents(cloud, 400)
    assert questions() == before


def test_of_several_clouds_one_is_named(viewer, cloud):
    other = Cloud.objects.create(name="other", kind="lab", balance=cloud.cloud.balance)
    refused = viewer.get(PATH)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cloud")
    assert viewer.get(f"{PATH}?cloud={other.id}").json()["agents"] == 0
    assert viewer.get(f"{PATH}?cloud={uuid4()}").status_code == 404
    assert viewer.get(f"{PATH}?cloud=7").status_code == 400


def test_a_cloud_that_tells_no_settings_says_so(viewer, cloud):
    Cloud.objects.update(balance=None)
    refused = viewer.get(PATH)
    assert refused.status_code == 409
    assert "not read yet" in refused.json()["detail"]


# ---- previews -------------------------------------------------------------------------------------------------------


def test_a_viewer_may_look_at_what_a_change_would_do(viewer, cloud):
    shown = viewer.post(f"{PATH}preview/", {"algorithm": "static"}).json()
    assert [(s["name"], s["before"], s["after"]) for s in shown["servers"]] == [
        ("ms1", 2, 6),
        ("ms2", 2, 0),
        ("ms3", 2, 0),
    ]
    assert (shown["moving"], shown["bythemselves"], shown["sentlists"], shown["certain"]) == (4, 4, 6, True)
    assert shown["first"][0]["name"] == "kvm2"
    assert [finding["code"] for finding in shown["findings"]] == ["static-gathers"]
    assert not CloudChange.objects.exists()


def test_a_preview_of_a_rebalance_is_asked_for_by_name(viewer, cloud):
    cloud.gather("ms1")
    assert viewer.post(f"{PATH}preview/", {"rebalance": True}).json()["moving"] == 4
    refused = viewer.post(f"{PATH}preview/", {"rebalance": True, "algorithm": "static"})
    assert refused.status_code == 400


# ---- changes --------------------------------------------------------------------------------------------------------


def test_a_change_is_answered_with_the_settings_read_back(administrator, cloud, monkeypatch):
    with an_engine(monkeypatch, Obeying()):
        answer = patch(administrator, {"algorithm": "static", "checkinterval": 0, "reason": "test"})

    assert answer.status_code == 200, answer.content
    assert answer.json()["change"]["state"] == "Done"
    settings = answer.json()["settings"]
    assert (settings["algorithm"], settings["checkinterval"]) == ("static", 0)
    assert AuditEntry.objects.get().reason == "test"


def test_a_change_that_the_cloud_has_not_answered_is_202(administrator, cloud, at_once):
    answer = patch(
        administrator,
        {"host": [" 10.0.0.2 ", "10.0.0.1"], "clusters": {str(cloud.cluster.id): 5}},
    )

    assert answer.status_code == 202, answer.content
    assert (answer.json()["change"]["state"], answer.json()["settings"]["host"]) == ("Pending", list(HOSTS))
    assert CloudChange.objects.get().change == {
        "hosts": ["10.0.0.2", "10.0.0.1"],
        "check_interval_of_cluster_s": {str(cloud.cluster.id): 5},
    }


def test_a_refusal_is_409_in_the_clouds_words(administrator, cloud, monkeypatch):
    with an_engine(monkeypatch, Obeying("management server 10.0.0.9 is unknown")):
        changed_ = patch(administrator, {"algorithm": "shuffle"})
        sent_home = administrator.post(f"{PATH}rebalance/")
    for refused in (changed_, sent_home):
        assert refused.status_code == 409
        assert "management server 10.0.0.9 is unknown" in refused.json()["detail"]


def test_a_rebalance_is_asked_of_the_cloud(administrator, cloud, monkeypatch):
    with an_engine(monkeypatch, Obeying()):
        answer = administrator.post(f"{PATH}rebalance/", {"reason": "after the outage"})
    assert answer.status_code == 200
    assert (answer.json()["change"]["kind"], answer.json()["change"]["state"]) == ("rebalance", "Done")


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"algorithm": "random"}, "algorithm", "static, roundrobin, shuffle"),
        ({"algorithm": None}, "algorithm", ""),
        ({"host": []}, "host", "no management server"),
        ({"host": "10.0.0.1"}, "host", ""),
        ({"checkinterval": -1}, "checkinterval", "whole number"),
        ({"checkinterval": "5"}, "checkinterval", "whole number"),
        ({"clusters": {"east": 5}}, "clusters", "no id"),
        ({"clusters": {str(uuid4()): 5}}, "clusters", "no cluster"),
        ({"clusters": [5]}, "clusters", "object"),
        ({"clusters": [{"id": str(uuid4())}]}, "clusters", "{id, checkinterval}"),
        ({"clusters": [{"id": "east", "checkinterval": 5}]}, "clusters", "no id"),
        ({"clusters": 2 * [{"id": "east", "checkinterval": 5}]}, "clusters", "twice"),
        ({"host": ["10.0.0.1", "not an address!"]}, "host", "'not an address!'"),
        ({"maintenancetimeout": 0}, "maintenancetimeout", "whole number"),
        ({"ignoremaintenancehosts": "no"}, "ignoremaintenancehosts", "true or false"),
        ({"indirect.agent.lb.algorithm": "static"}, "indirect.agent.lb.algorithm", "no such field"),
        ({}, "algorithm", "nothing to change"),
    ],
)
def test_what_cannot_be_set_is_400_by_its_field(administrator, cloud, at_once, body, field, words):
    refused = patch(administrator, body)
    assert refused.status_code == 400, refused.content
    error = refused.json()["errors"][0]
    assert error["field"].split(".east")[0].startswith(field)
    assert words in error["detail"]
    assert not CloudChange.objects.exists()


def test_what_get_gives_can_be_sent_back(administrator, cloud, at_once):
    own = [{"id": str(cloud.cluster.id), "name": "c1", "checkinterval": 5}]

    answer = patch(administrator, {"clusters": own})

    assert answer.status_code == 202, answer.content
    assert CloudChange.objects.get().change == {"check_interval_of_cluster_s": {str(cloud.cluster.id): 5}}


def test_hosts_of_which_none_is_up_and_a_second_change_are_conflicts(administrator, cloud, at_once):
    assert patch(administrator, {"host": ["10.9.9.9"]}).status_code == 409
    assert patch(administrator, {"algorithm": "static"}).status_code == 202
    refused = patch(administrator, {"algorithm": "shuffle"})
    assert (refused.status_code, refused.json()["owner"]["by"]) == (409, "administrator")


def test_a_change_that_was_looked_at_is_refused_when_it_would_do_something_else(
    administrator, cloud, at_once
):
    seen = administrator.post(f"{PATH}preview/", {"algorithm": "static"}).json()["previewhash"]
    cloud.gather("ms3")
    refused = patch(administrator, {"algorithm": "static", "previewhash": seen})
    assert (refused.status_code, "new preview" in refused.json()["detail"]) == (409, True)
    now = administrator.post(f"{PATH}preview/", {"algorithm": "static"}).json()["previewhash"]
    assert patch(administrator, {"algorithm": "static", "previewhash": now}).status_code == 202


def test_the_same_key_asks_once(administrator, cloud, at_once):
    first = patch(administrator, {"algorithm": "static"}, key="k1")
    again = patch(administrator, {"algorithm": "static"}, key="k1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json()["change"]["id"] == first.json()["change"]["id"]
    assert CloudChange.objects.count() == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "tenant"])
def test_only_administrators_change_it(role, cloud, at_once):
    api = api_of(make_person(role))
    assert patch(api, {"algorithm": "static"}).status_code == 403
    assert api.post(f"{PATH}rebalance/").status_code == 403
    assert not CloudChange.objects.exists()
    assert api.get(PATH).status_code == (403 if role == "tenant" else 200)


def test_every_setting_of_a_change_has_a_field_of_its_own():
    given = {
        "algorithm": "static",
        "host": ["a"],
        "checkinterval": 1,
        "clusters": {uuid4(): 2},
        "maintenancetimeout": 3,
        "ignoremaintenancehosts": True,
    }
    assert None not in asdict(agent_balance.change_of(given)).values()
    assert agent_balance.change_of({}) == BalanceChange()
