"""`Idempotency-Key`: once per key and body, whatever the caller repeats and whoever dies in between."""

from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection, connections
from django.utils import timezone

from dashboard.api.idempotency import HEADER
from maintenance import actions
from maintenance.models import IdempotentAnswer, Run
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import api_of, make_person

START = "rolling-maintenances/"


def test_the_same_key_and_body_get_the_first_answer_again(operator, inventory):
    body = {"hosts": inventory.ids("kvm1"), "reason": "once"}
    first = operator.post(START, body, key="k1")
    Run.objects.update(state="Running")  # the world goes on; the answer stays
    again = operator.post(START, {"reason": "once", "hosts": inventory.ids("kvm1")}, key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Run.objects.count() == 1


def test_the_same_key_with_another_body_is_422(operator, inventory):
    assert operator.post(START, {"hosts": inventory.ids("kvm1")}, key="k1").status_code == 201
    assert operator.post(START, {"hosts": inventory.ids("kvm2")}, key="k1").status_code == 422
    assert operator.post(START, {"nonsense": 1}, key="k1").status_code == 422
    assert Run.objects.count() == 1


def test_a_key_belongs_to_one_person_and_one_address(operator, inventory):
    admin = api_of(make_person("administrator"))
    first = operator.post(START, {"hosts": inventory.ids("kvm1")}, key="k1").json()
    second = admin.post(START, {"hosts": inventory.ids("kvm2")}, key="k1")
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    assert operator.post(f"{START}{first['id']}/cancel/", key="k1").status_code == 200


def test_an_error_does_not_spend_the_key(operator, inventory):
    assert operator.post(START, {"hosts": []}, key="k1").status_code == 400
    assert operator.post(START, {"hosts": inventory.ids("kvm1")}, key="k1").status_code == 201


def test_a_key_is_forgotten_after_24_hours(operator, inventory):
    operator.post(START, {"hosts": inventory.ids("kvm1")}, key="k1")
    IdempotentAnswer.objects.update(at=timezone.now() - timedelta(hours=25))
    assert operator.post(START, {"hosts": inventory.ids("kvm2")}, key="k1").status_code == 201
    assert IdempotentAnswer.objects.count() == 1


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_a_key_that_is_none_is_400(operator, inventory, key):
    answer = operator.post(START, {"hosts": inventory.ids("kvm1")}, headers={HEADER: key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == HEADER
    assert not Run.objects.exists()


def test_what_a_dead_process_did_is_not_done_again(operator, inventory):
    """It committed the run and died before it could write its answer."""
    body = {"hosts": inventory.ids("kvm1")}
    first = operator.post(START, body, key="k1", headers={"X-Request-ID": "first-request"}).json()
    IdempotentAnswer.objects.update(status=None, answer={"request_id": "first-request"})
    again = operator.post(START, body, key="k1")
    assert again.status_code == 201
    assert again.json()["id"] == first["id"]
    assert Run.objects.count() == 1


def test_what_a_dead_process_did_not_do_is_done_now(operator, inventory):
    """It died before anything was committed."""
    body = {"hosts": inventory.ids("kvm1")}
    operator.post(START, body, key="k1", headers={"X-Request-ID": "first-request"})
    Run.objects.all().delete()
    IdempotentAnswer.objects.update(status=None, answer={"request_id": "another-request"})
    assert operator.post(START, body, key="k1").status_code == 201
    assert Run.objects.count() == 1


def test_of_many_at_once_one_starts_the_run(transactional_db):
    inventory = make_inventory()
    person = make_person("operator")
    answers = []

    def press() -> None:
        answers.append(api_of(person).post(START, {"hosts": inventory.ids("kvm1")}, key="k1"))
        connections.close_all()

    presses = [Thread(target=press) for _ in range(6)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join(20)
    statuses = sorted(answer.status_code for answer in answers)
    assert 201 in statuses
    assert set(statuses) <= {201, 409}
    assert {answer.json()["id"] for answer in answers if answer.status_code == 201} == {
        str(Run.objects.get().id)
    }


def test_while_the_first_is_being_done_the_second_is_told_to_come_back(transactional_db, monkeypatch):
    inventory = make_inventory()
    operator = api_of(make_person("operator"))
    meanwhile = []

    def slowly(*args, **kwargs):
        thread = Thread(target=second)
        thread.start()
        thread.join(20)
        return start(*args, **kwargs)

    def second() -> None:
        meanwhile.append(operator.post(START, body, key="k1"))
        connections.close_all()

    start, body = actions.start_rolling_maintenance, {"hosts": inventory.ids("kvm1")}
    monkeypatch.setattr(actions, "start_rolling_maintenance", slowly)
    assert operator.post(START, body, key="k1").status_code == 201
    assert meanwhile[0].status_code == 409
    assert meanwhile[0].headers["Retry-After"] == "1"


def test_the_lock_of_a_key_is_given_back(operator, inventory):
    operator.post(START, {"hosts": inventory.ids("kvm1")}, key="k1")
    operator.post(START, {"hosts": []}, key="k2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        # The feed's own lock, and that of the run's number, last as long as the test's transaction.
        assert cursor.fetchone()[0] <= 2
