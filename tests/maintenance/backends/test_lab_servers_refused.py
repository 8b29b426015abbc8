"""What the lab refuses about a management server: by CloudStack's rules, in their order, in words; and requests that
come late, twice or not at all."""

from typing import Any
from uuid import uuid4

import pytest

from maintenance.backends.base import Expired, Later, Never, NoReply
from maintenance.backends.lab import steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import ManagementServer, ServerRequest, World
from maintenance.backends.lab.outside import lab_door
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.world import lab_world
from tests.maintenance.backends.lab_hosts import MS1, MS2, MS3, soon
from tests.maintenance.backends.lab_servers import (
    begin_jobs,
    bring_into,
    cancel,
    kill,
    let_pass,
    moments,
    no_jobs,
    prepare,
    state_of,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

WRONGS = (
    # words of the refusal, and what makes it go away, in CloudStack's order
    ("there is no algorithm 'fastest'", "algorithm"),
    ("only one management server is Up", "only-one"),
    ("there is no management server", "unknown"),
    ("PreparingForMaintenance: prepareForMaintenance is not possible", "wrong-state"),
    ("one management server prepares at a time", "second"),
    ("names no other management server that is Up", "host-setting"),
    ("cannot be reached", "unreachable"),
    ("refuses: shutdown has been triggered", "own"),
)


def test_everything_wrong_with_a_preparation_is_told_one_by_one_in_cloudstacks_order(lab: LabCloud):
    no_jobs()
    lab.read_servers()
    begin_jobs(MS2, None)
    prepare(lab, MS2)
    kill(MS3)
    with lab_world() as world:
        by_hand.set_reachable(world, MS1, False)
        by_hand.set_refusal(world, MS1, "shutdown has been triggered")
    set_hosts(["10.2.0.11"])
    asked = {"server": uuid4(), "algorithm": "fastest"}

    def put_right(what: str) -> None:
        match what:
            case "algorithm":
                asked["algorithm"] = "shuffle"
            case "only-one":
                with lab_world() as world:
                    by_hand.start(world, MS3)
            case "unknown":
                asked["server"] = MS2
            case "wrong-state":
                asked["server"] = MS1
            case "second":
                ManagementServer.objects.filter(id=MS2).update(state="Maintenance")
            case "host-setting":
                set_hosts(["10.2.0.11", "10.2.0.13"])
            case "unreachable":
                with lab_world() as world:
                    by_hand.set_reachable(world, MS1, True)
            case "own":
                with lab_world() as world:
                    by_hand.set_refusal(world, MS1, "")

    for words, what in WRONGS:
        with pytest.raises(Never, match=words):
            prepare(lab, asked["server"], algorithm=asked["algorithm"])  # type: ignore[arg-type]
        put_right(what)
    prepare(lab, MS1)

    assert moments(MS1)[0][1] == "PreparingForMaintenance"


def set_hosts(addresses: list[str]) -> None:
    """The cloud's setting `host`."""
    world = World.objects.get()
    world.settings |= {"host": addresses}
    world.save()


def test_no_server_up_is_the_first_thing_told_after_a_wrong_algorithm(lab: LabCloud):
    no_jobs()
    ManagementServer.objects.update(state="Maintenance")

    with pytest.raises(Never, match="there is no algorithm"):
        prepare(lab, MS1, algorithm="x")
    with pytest.raises(Never, match="no management server is Up"):
        prepare(lab, MS1)


@pytest.mark.parametrize("ask", ["prepare_server_shutdown", "trigger_server_shutdown"])
def test_the_last_server_that_is_up_does_not_go_down(lab: LabCloud, ask: str):
    bring_into(lab, MS1, "Maintenance")
    kill(MS2)

    with pytest.raises(Never, match="no other management server is Up"):
        getattr(lab, ask)(MS3, expires_at=soon())

    assert state_of(lab, MS3) == "Up"


@pytest.mark.parametrize("ask", ["prepare_server_shutdown", "trigger_server_shutdown"])
def test_a_server_does_not_go_down_while_another_prepares(lab: LabCloud, ask: str):
    bring_into(lab, MS1, "PreparingForShutDown")

    with pytest.raises(Never, match="one management server prepares at a time"):
        getattr(lab, ask)(MS2, expires_at=soon())


ASKS: dict[str, dict[str, Any]] = {
    "prepare_server": {"algorithm": None, "forced": False},
    "cancel_server_maintenance": {"rebalance": True},
    "prepare_server_shutdown": {},
    "trigger_server_shutdown": {},
    "cancel_server_shutdown": {},
    "start_server": {},
}
LEGAL_FROM = {
    "prepare_server": "Up",
    "cancel_server_maintenance": "Maintenance",
    "prepare_server_shutdown": "Up",
    "trigger_server_shutdown": "Up",
    "cancel_server_shutdown": "ReadyToShutDown",
    "start_server": "Down",
}


@pytest.mark.parametrize("ask", ASKS)
def test_a_request_past_its_expiry_is_refused_and_does_nothing(lab: LabCloud, ask: str):
    bring_into(lab, MS1, LEGAL_FROM[ask])
    before = moments(MS1)

    with pytest.raises(Expired):
        getattr(lab, ask)(MS1, **ASKS[ask], expires_at=soon(-1))

    assert moments(MS1) == before


@pytest.mark.parametrize("ask", ASKS)
def test_a_request_that_arrives_twice_is_carried_out_once(lab: LabCloud, ask: str):
    bring_into(lab, MS1, LEGAL_FROM[ask])
    requests = ServerRequest.objects.count()
    fault(ask, "double")

    getattr(lab, ask)(MS1, **ASKS[ask], expires_at=soon())

    assert ServerRequest.objects.count() == requests + 1


@pytest.mark.parametrize("ask", ASKS)
def test_a_request_whose_reply_is_lost_was_carried_out(lab: LabCloud, ask: str):
    bring_into(lab, MS1, LEGAL_FROM[ask])
    requests = ServerRequest.objects.count()
    fault(ask, "lose-reply")

    with pytest.raises(NoReply):
        getattr(lab, ask)(MS1, **ASKS[ask], expires_at=soon())

    assert ServerRequest.objects.exclude(done_at=None).count() == requests + 1


def test_a_request_that_arrives_late_is_carried_out_at_that_moment(lab: LabCloud):
    no_jobs()
    fault("prepare_server_shutdown", "late", seconds=20)
    with pytest.raises(NoReply):
        lab.prepare_server_shutdown(MS1, expires_at=soon(60))
    let_pass(19)
    assert state_of(lab, MS1) == "Up"
    arrives_at = ServerRequest.objects.get().arrives_at

    let_pass(100)

    assert state_of(lab, MS1) == "ReadyToShutDown"
    assert abs((moments(MS1)[0][0] - arrives_at).total_seconds() + 100) < 0.001


def test_a_request_that_arrives_late_and_past_its_expiry_is_refused_and_the_refusal_is_noted(lab: LabCloud):
    fault("prepare_server", "late", seconds=30)
    with pytest.raises(NoReply):
        lab.prepare_server(MS1, algorithm=None, forced=False, expires_at=soon(20))

    let_pass(40)

    assert state_of(lab, MS1) == "Up"
    assert ServerRequest.objects.get().refusal.startswith("Expired")


def test_a_cancel_that_arrives_late_meets_the_state_of_then(lab: LabCloud):
    bring_into(lab, MS1, "PreparingForMaintenance")
    fault("cancel_server_maintenance", "late", seconds=30)
    with pytest.raises(NoReply):
        lab.cancel_server_maintenance(MS1, rebalance=True, expires_at=soon(60))
    steering_clear()
    cancel(lab, MS1)

    let_pass(31)

    assert state_of(lab, MS1) == "Up"
    assert "not possible" in ServerRequest.objects.exclude(refusal="").get().refusal


def fault(call: str, kind: str, **more: Any) -> None:
    with lab_door() as door:
        steering.add_fault(door, call, kind, **more)


def steering_clear() -> None:
    with lab_door() as door:
        steering.clear_faults(door)


def test_a_busy_cloud_says_later_and_nothing_is_done(lab: LabCloud):
    fault("prepare_server", "error", text="530 busy")

    with pytest.raises(Later, match="530 busy"):
        prepare(lab, MS1)

    assert ServerRequest.objects.count() == 0
