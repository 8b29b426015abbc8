"""Starting a rolling maintenance by REST: what is taken, what is refused, and that refusing changes nothing."""

from threading import Thread
from uuid import uuid4

import pytest
from django.db import connections

from maintenance.models import AuditEntry, FeedEvent, Host, IdempotentAnswer, Run, Target
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import api_of, make_person

START = "rolling-maintenances/"


def nothing_was_changed():
    return not any(model.objects.exists() for model in (Run, Target, AuditEntry, FeedEvent, IdempotentAnswer))


def test_a_start_is_201_with_the_run_and_its_address(operator, inventory):
    answer = operator.post(
        START,
        {
            "clusters": [str(inventory.clusters["c1"].id)],
            "payload": 'kernel "6.1" $(id)\n',
            "timeout_s": 60,
            "on_failure": "skip",
            "max_unavailable": 2,
            "clusters_in_parallel": 2,
            "reason": "new kernel",
        },
    )
    assert answer.status_code == 201, answer.content
    run = answer.json()
    assert run["state"] == "Queued"
    assert run["word"] == "Waiting"
    assert run["progress"] == {"total": 3, "done": 0, "skipped": 0, "failed": 0, "waiting": 3, "active": 0}
    assert answer.headers["Location"] == f"/api/v1/rolling-maintenances/{run['id']}/"
    made = Run.objects.get(id=run["id"])
    assert (made.payload, made.timeout_s, made.on_failure) == ('kernel "6.1" $(id)\n', 60, "skip")
    assert (made.max_unavailable, made.clusters_in_parallel, made.reason) == (2, 2, "new kernel")
    assert made.started_by == "operator"


def test_the_audit_names_the_request(operator, inventory):
    answer = operator.post(
        START, {"hosts": inventory.ids("kvm1")}, headers={"X-Request-ID": "my-own-request-1"}
    )
    assert answer.headers["X-Request-ID"] == "my-own-request-1"
    assert AuditEntry.objects.get().request_id == "my-own-request-1"


@pytest.mark.parametrize("kind", ["zones", "pods", "clusters", "hosts"])
def test_any_one_kind_of_scope_can_be_given(operator, inventory, kind):
    ids = {
        "zones": [str(inventory.zone.id)],
        "pods": [str(inventory.pod.id)],
        "clusters": [str(cluster.id) for cluster in inventory.clusters.values()],
        "hosts": inventory.ids(*inventory.hosts),
    }
    answer = operator.post(START, {kind: ids[kind], "cloud": str(inventory.cloud.id)})
    assert answer.status_code == 201, answer.content
    assert answer.json()["progress"]["total"] == 6
    assert answer.json()["scope"]["kind"] == kind


KVM1 = "the id of kvm1"  # replaced by the real one

BAD_BODIES = [
    ({}, "hosts"),
    ({"hosts": []}, "hosts"),
    ({"hosts": [KVM1], "zones": [KVM1]}, "hosts"),
    ({"hosts": [KVM1], "pods": []}, "pods"),
    ({"hosts": [KVM1, KVM1]}, "hosts"),
    ({"hosts": "all"}, "hosts"),
    ({"hosts": None}, "hosts"),
    ({"hosts": {"id": KVM1}}, "hosts"),
    ({"hosts": [1]}, "hosts[0]"),
    ({"hosts": [KVM1, "../x"]}, "hosts[1]"),
    ({"hosts": [[KVM1]]}, "hosts[0]"),
    ({"hosts": [KVM1], "cloud": "lab"}, "cloud"),
    ({"hosts": [KVM1], "timeout_s": 0}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": -1}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": 86_401}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": 10**18}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": "60"}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": 60.0}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": True}, "timeout_s"),
    ({"hosts": [KVM1], "timeout_s": None}, "timeout_s"),
    ({"hosts": [KVM1], "drain_timeout_s": 0}, "drain_timeout_s"),
    ({"hosts": [KVM1], "max_unavailable": 0}, "max_unavailable"),
    ({"hosts": [KVM1], "clusters_in_parallel": 0}, "clusters_in_parallel"),
    ({"hosts": [KVM1], "on_failure": "forced"}, "on_failure"),
    ({"hosts": [KVM1], "on_failure": 1}, "on_failure"),
    ({"hosts": [KVM1], "skip_unready": "true"}, "skip_unready"),
    ({"hosts": [KVM1], "skip_unready": 1}, "skip_unready"),
    ({"hosts": [KVM1], "payload": "a\0b"}, "payload"),
    ({"hosts": [KVM1], "payload": "é" * 4097}, "payload"),
    ({"hosts": [KVM1], "payload": ["a"]}, "payload"),
    ({"hosts": [KVM1], "reason": "x" * 501}, "reason"),
    ({"hosts": [KVM1], "reason": "a\0b"}, "reason"),
    ({"hosts": [KVM1], "not_before": "tomorrow"}, "not_before"),
    ({"hosts": [KVM1], "not_before": "2026-11-21T22:00:00"}, "not_before"),
    ({"hosts": [KVM1], "not_before": "0000-00-00T00:00:00Z"}, "not_before"),
    ({"hosts": [KVM1], "forced": True}, "forced"),
    ({"hosts": [KVM1], "state": "Succeeded"}, "state"),
    ({"hosts": [KVM1], "started_by": "admin"}, "started_by"),
]


@pytest.mark.parametrize(("body", "named"), BAD_BODIES)
def test_a_body_that_cannot_be_used_is_400_naming_the_field(operator, inventory, body, named):
    def real(value):
        if isinstance(value, list):
            return [real(one) for one in value]
        return inventory.id("kvm1") if value == KVM1 else value

    answer = operator.post(START, {name: real(value) for name, value in body.items()}, key="k")
    assert answer.status_code == 400, answer.content
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors", "request_id"} <= set(problem)
    assert problem["errors"][0]["field"] == named
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert nothing_was_changed()


def test_the_same_id_in_capitals_is_the_same_host(operator, inventory):
    kvm1 = inventory.id("kvm1")
    assert operator.post(START, {"hosts": [kvm1, kvm1.upper()]}).status_code == 400
    assert operator.post(START, {"hosts": [kvm1.upper()]}).status_code == 201


def test_10001_ids_are_too_many(operator, inventory):
    answer = operator.post(START, {"hosts": [str(uuid4()) for _ in range(10_001)]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "hosts"


def test_an_unknown_id_is_400_naming_it(operator, inventory):
    unknown = str(uuid4())
    answer = operator.post(START, {"hosts": [inventory.id("kvm1"), unknown]})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "hosts", "detail": f"no host has the id {unknown}", "value": unknown}
    ]
    assert nothing_was_changed()


def test_a_host_that_another_run_has_is_409_naming_that_run(operator, inventory):
    first = operator.post(START, {"hosts": inventory.ids("kvm1", "kvm2")}).json()
    answer = operator.post(START, {"hosts": inventory.ids("kvm2", "kvm3")})
    assert answer.status_code == 409
    owner = answer.json()["owner"]
    assert (owner["run"], owner["number"], owner["by"]) == (first["id"], first["number"], "operator")
    assert owner["since"]
    assert [item["hostname"] for item in answer.json()["items"]] == ["kvm2"]
    assert Run.objects.count() == 1


def test_hosts_that_are_not_up_and_enabled_are_all_listed(operator, inventory):
    Host.objects.filter(name="kvm1").update(state="Down")
    Host.objects.filter(name="kvm3").update(resource_state="Disabled")
    body = {"clusters": [str(inventory.clusters["c1"].id)]}
    answer = operator.post(START, body)
    assert answer.status_code == 409
    assert {item["hostname"] for item in answer.json()["items"]} == {"kvm1", "kvm3"}
    assert nothing_was_changed()
    assert operator.post(START, body | {"skip_unready": True}).json()["progress"]["skipped"] == 2


def test_a_plan_that_has_changed_is_409(operator, inventory):
    answer = operator.post(START, {"hosts": inventory.ids("kvm1"), "plan_hash": "0" * 64})
    assert answer.status_code == 409
    assert answer.json()["plan_hash"] != "0" * 64


def test_a_viewer_may_not_start_and_the_body_is_not_even_read(viewer, inventory):
    assert viewer.post(START, b"{nonsense").status_code == 403
    assert nothing_was_changed()


def test_of_many_starts_at_once_over_the_same_hosts_one_wins(transactional_db):
    inventory = make_inventory()
    person = make_person("operator")
    answers = []

    def start() -> None:
        body = {"clusters": [str(inventory.clusters["c1"].id)]}
        answers.append(api_of(person).post(START, body))
        connections.close_all()

    starts = [Thread(target=start) for _ in range(10)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    winner = str(Run.objects.get().id)
    assert {answer.json()["owner"]["run"] for answer in answers if answer.status_code == 409} == {winner}
