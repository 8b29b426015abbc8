"""What may be asked of management servers by REST: one call, 202 with the run and the server, or why not."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from maintenance.domain.states import RunKind, TargetState
from maintenance.models import Cloud, IdempotentAnswer, ManagementServer, Run, Target
from tests.dashboard.console.runs import start_run
from tests.dashboard.console.server_runs import (
    ended_stage,
    leaving,
    make_servers,
    put_server,
    server_run,
    server_step,
)
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import api_of, make_person
from tests.waiting import wait_until

MOVES = (
    "prepare-for-maintenance",
    "cancel-maintenance",
    "prepare-for-shutdown",
    "trigger-shutdown",
    "cancel-shutdown",
    "restart",
)


@pytest.fixture(autouse=True)
def _nobody_reads_back(settings):
    """No engine is at work here: the answer is what is known at once."""
    settings.SERVER_READ_BACK_S = 0


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2", "mgmt10")


def ask(api, server, move, body=None, **how):
    return api.post(f"management-servers/{server.id}/{move}/", body, **how)


@pytest.mark.parametrize(
    ("move", "body", "kind"),
    [
        (
            "prepare-for-maintenance",
            {"algorithm": "shuffle", "forced": True, "reason": "kernel", "ticket": "CHG-7"},
            RunKind.SERVER_MAINTENANCE,
        ),
        ("prepare-for-shutdown", {"reason": "kernel"}, RunKind.SERVER_SHUTDOWN),
        ("trigger-shutdown", {"ticket": "CHG-7"}, RunKind.SERVER_SHUTDOWN),
        ("restart", {"settle_s": 5, "reason": "kernel"}, RunKind.SERVER_RESTART),
    ],
)
def test_a_move_begins_a_run_that_names_the_server(administrator, servers, move, body, kind):
    answer = ask(administrator, servers["mgmt2"], move, body)
    assert answer.status_code == 202, answer.content
    shown = answer.json()
    run = Run.objects.get(id=shown["run"]["id"])
    assert (run.kind, run.started_by) == (kind, "administrator")
    assert (shown["run"]["kind"], shown["run"]["reason"]) == (kind, body.get("reason", ""))
    assert (shown["server"]["name"], shown["server"]["run"]["id"]) == ("mgmt2", str(run.id))


def test_how_a_server_is_prepared_is_kept_with_the_run(administrator, servers):
    body = {"algorithm": "shuffle", "forced": True, "ticket": "CHG-7"}
    rules = ask(administrator, servers["mgmt2"], "prepare-for-maintenance", body).json()["run"][
        "server_rules"
    ]
    assert (rules["algorithm"], rules["forced"]) == ("shuffle", True)


def test_an_algorithm_that_is_none_is_400_naming_the_three(administrator, servers):
    answer = ask(administrator, servers["mgmt2"], "prepare-for-maintenance", {"algorithm": "random"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "algorithm"
    assert "static, roundrobin, shuffle" in answer.json()["detail"]
    assert not Run.objects.exists()


@pytest.mark.parametrize("move", MOVES)
def test_a_server_that_is_not_there_is_404_and_a_field_that_is_not_there_400(administrator, servers, move):
    assert administrator.post(f"management-servers/{uuid4()}/{move}/").status_code == 404
    refused = ask(administrator, servers["mgmt2"], move, {"force": True})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "force")
    assert not Run.objects.exists()


@pytest.mark.parametrize("move", MOVES)
def test_a_viewer_is_refused_before_anybody_looks_for_the_server(viewer, move):
    assert viewer.post(f"management-servers/{uuid4()}/{move}/").status_code == 403
    assert viewer.post("management-server-restarts/", {"nonsense": 1}).status_code == 403


@pytest.mark.parametrize(
    ("move", "state"),
    [
        ("cancel-maintenance", "Up"),
        ("cancel-shutdown", "ShuttingDown"),
        ("prepare-for-maintenance", "Maintenance"),
        ("trigger-shutdown", "PreparingForMaintenance"),
        ("prepare-for-shutdown", "Down"),
        ("restart", "Down"),
    ],
)
def test_a_move_that_the_state_does_not_allow_is_409_naming_the_legal_ones(
    administrator, servers, move, state
):
    ManagementServer.objects.filter(name="mgmt2").update(state=state)
    answer = ask(administrator, servers["mgmt2"], move)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:pitstop:illegal-move"
    assert f"mgmt2 is {state}" in answer.json()["detail"]
    assert isinstance(answer.json()["legal"], list)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("others", "move", "words"),
    [
        ("Maintenance", "prepare-for-maintenance", "only one management server is Up"),
        ("Maintenance", "trigger-shutdown", "no other management server is Up"),
        ("Maintenance", "prepare-for-shutdown", "no other management server is Up"),
    ],
)
def test_the_last_server_that_is_up_is_never_taken(administrator, servers, others, move, words):
    ManagementServer.objects.exclude(name="mgmt1").update(state=others)
    answer = ask(administrator, servers["mgmt1"], move)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pitstop:conflict")
    assert words in answer.json()["detail"]


def test_one_server_prepares_at_a_time(administrator, servers):
    ManagementServer.objects.filter(name="mgmt10").update(state="PreparingForShutDown")
    answer = ask(administrator, servers["mgmt1"], "prepare-for-maintenance")
    assert answer.status_code == 409
    assert "mgmt10 is PreparingForShutDown" in answer.json()["detail"]


def test_agents_that_would_have_nowhere_to_go_are_a_409(administrator, inventory, servers):
    inventory.cloud.balance |= {"hosts": ["10.0.0.1"]}
    inventory.cloud.save()
    answer = ask(administrator, servers["mgmt1"], "prepare-for-maintenance")
    assert answer.status_code == 409
    assert "nowhere to go" in answer.json()["detail"]


def test_a_server_that_another_run_has_is_409_naming_that_run(administrator, inventory, servers):
    run = server_run(inventory, [servers["mgmt2"]])
    answer = ask(administrator, servers["mgmt2"], "prepare-for-maintenance")
    assert answer.status_code == 409
    assert answer.json()["owner"]["run"] == str(run.id)


def test_an_action_that_all_servers_block_is_503_with_the_time_to_wait(administrator, inventory):
    """Nothing new can be asked of a cloud none of whose servers takes work."""
    make_servers(inventory)
    window = timezone.now() + timedelta(seconds=240)
    ManagementServer.objects.update(state="PreparingForMaintenance", window_ends_at=window)
    answer = administrator.post("rolling-maintenances/", {"hosts": inventory.ids("kvm1")})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert 200 < int(answer.headers["Retry-After"]) <= 240
    assert "in about 4 min" in answer.json()["detail"]
    assert not Run.objects.exists()


# ---- roles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", ["trigger-shutdown", "restart"])
def test_only_administrators_have_a_server_go_down(operator, servers, move):
    assert ask(operator, servers["mgmt2"], move).status_code == 403
    assert operator.post("management-server-restarts/").status_code == 403
    assert not Run.objects.exists()


def test_operators_prepare_servers_and_take_them_back(operator, servers):
    assert ask(operator, servers["mgmt2"], "prepare-for-maintenance").status_code == 202
    ManagementServer.objects.filter(name="mgmt2").update(state="Maintenance")
    assert ask(operator, servers["mgmt2"], "cancel-maintenance").status_code == 202


# ---- rolling --------------------------------------------------------------------------------------------------------


def test_all_servers_that_are_up_are_restarted_in_the_order_in_which_people_count(administrator, servers):
    answer = administrator.post("management-server-restarts/", {"reason": "kernel", "settle_s": 5})
    assert answer.status_code == 202, answer.content
    run = Run.objects.get()
    assert (run.kind, run.settle_s) == (RunKind.SERVER_RESTART, 5)
    assert [t.name for t in run.targets.order_by("order")] == ["mgmt1", "mgmt2", "mgmt10"]
    assert answer.json()["server"]["name"] == "mgmt1"


def test_a_restart_of_all_leaves_nobody_out_in_silence(administrator, servers):
    ManagementServer.objects.filter(name="mgmt2").update(state="Maintenance")
    ManagementServer.objects.filter(name="mgmt10").update(state="Down")

    answer = administrator.post("management-server-restarts/", {})

    assert answer.status_code == 409, answer.content
    for told in ("mgmt2 is Maintenance, mgmt10 is Down", "wait until they are", "name the servers"):
        assert told in answer.json()["detail"]
    assert not Run.objects.exists()


def test_a_restart_of_all_is_refused_while_servers_are_not_known(administrator, servers):
    Cloud.objects.update(servers_read_at=timezone.now() - timedelta(hours=1))

    answer = administrator.post("management-server-restarts/")

    assert answer.status_code == 409
    assert "mgmt1 is not known now" in answer.json()["detail"]


def test_a_restart_that_names_servers_does_not_look_at_the_others(administrator, servers):
    ManagementServer.objects.filter(name="mgmt10").update(state="Maintenance")
    order = [str(servers["mgmt2"].id)]
    assert administrator.post("management-server-restarts/", {"management_servers": order}).status_code == 202


@pytest.mark.parametrize("move", ["prepare-for-maintenance", "restart"])
def test_a_server_that_a_run_has_is_in_the_wrong_state_first_of_all(administrator, servers, move):
    assert ask(administrator, servers["mgmt2"], "prepare-for-maintenance").status_code == 202
    ManagementServer.objects.filter(name="mgmt2").update(state="PreparingForMaintenance")

    answer = ask(administrator, servers["mgmt2"], move)

    told = answer.json()
    assert (answer.status_code, told["type"]) == (409, "urn:pitstop:illegal-move")
    assert told["legal"] == ["cancelMaintenance"]
    assert "mgmt2 is PreparingForMaintenance" in told["detail"]
    assert f"run {Run.objects.get().number} (started by" in told["detail"]


def test_the_order_that_is_given_is_the_order_of_the_run(administrator, servers):
    order = [str(servers[name].id) for name in ("mgmt10", "mgmt1")]
    answer = administrator.post("management-server-restarts/", {"management_servers": order})
    assert answer.status_code == 202
    assert [t.name for t in Run.objects.get().targets.order_by("order")] == ["mgmt10", "mgmt1"]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"management_servers": []}, 400, "management_servers"),
        ({"management_servers": ["1"]}, 400, "management_servers"),
        ({"servers": []}, 400, "servers"),
        ({"algorithm": "random"}, 400, "algorithm"),
        ({"settle_s": -1}, 400, "settle_s"),
        ({"settle_s": 86_401}, 400, "settle_s"),
        ({"forced": "yes"}, 400, "forced"),
        ({"management_servers": [str(uuid4())]}, 404, ""),
    ],
)
def test_a_restart_that_means_nothing_is_refused_and_named(administrator, servers, body, status, named):
    answer = administrator.post("management-server-restarts/", body)
    assert answer.status_code == status, answer.content
    assert not named or answer.json()["errors"][0]["field"].startswith(named)
    assert not Run.objects.exists()


def test_no_server_is_restarted_while_a_run_works_on_hosts(administrator, inventory, servers):
    start_run(inventory)
    answer = administrator.post("management-server-restarts/")
    assert answer.status_code == 409
    assert "works on hosts" in answer.json()["detail"]


def test_a_restart_of_servers_is_steered_like_any_run(administrator, inventory, servers):
    run = server_run(inventory, [servers["mgmt1"], servers["mgmt2"]])
    put_server(run, "mgmt1", TargetState.DRAINING)
    at = f"rolling-maintenances/{run.id}"
    assert administrator.post(f"{at}/hosts/{servers['mgmt2'].id}/skip/").status_code == 200
    assert administrator.post(f"{at}/pause/").status_code == 200
    assert administrator.post(f"{at}/resume/").status_code == 200
    assert administrator.post(f"{at}/cancel/").status_code == 200
    assert run.targets.get(name="mgmt2").state == TargetState.SKIPPED


# ---- once, and read back --------------------------------------------------------------------------------------------


def test_the_same_key_begins_one_run(administrator, servers):
    first = ask(administrator, servers["mgmt2"], "restart", {"settle_s": 1}, key="k1")
    again = ask(administrator, servers["mgmt2"], "restart", {"settle_s": 1}, key="k1")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Run.objects.count() == 1


@pytest.mark.parametrize("move", ["prepare-for-maintenance", "restart"])
def test_what_a_dead_process_began_is_not_begun_again(administrator, servers, move):
    first = ask(administrator, servers["mgmt2"], move, key="k1", headers={"X-Request-ID": "first-request"})
    IdempotentAnswer.objects.update(status=None, answer={"request_id": "first-request"})
    again = ask(administrator, servers["mgmt2"], move, key="k1")
    assert again.status_code == 202
    assert again.json()["run"]["id"] == first.json()["run"]["id"]
    assert Run.objects.count() == 1


def play_engine(ends: Callable[[Target], None]) -> Thread:
    """An engine that takes the first server of the first run that is asked for."""

    def play() -> None:
        try:
            ends(wait_until(lambda: Target.objects.filter(is_open=True).first(), within_s=20))
        finally:
            connections.close_all()

    thread = Thread(target=play)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
def test_the_answer_waits_until_the_first_new_state_was_read_back(settings):
    settings.SERVER_READ_BACK_S = 10
    servers = make_servers(make_inventory(), "mgmt2")

    def accept(target: Target) -> None:
        server_step(target, "PrepareForMaintenance", movement=leaving(jobs=2))
        ManagementServer.objects.filter(id=target.server_key).update(state="PreparingForMaintenance")

    engine = play_engine(accept)
    answer = ask(api_of(make_person("administrator")), servers["mgmt2"], "prepare-for-maintenance")
    engine.join()
    assert answer.status_code == 202
    server = answer.json()["server"]
    assert (server["state"], server["maintenanceinitiated"]) == ("PreparingForMaintenance", True)
    assert server["preparing"]["jobs_left"] == 2


@pytest.mark.django_db(transaction=True)
def test_what_the_cloud_refuses_after_all_is_409_in_its_words(settings):
    settings.SERVER_READ_BACK_S = 10
    servers = make_servers(make_inventory(), "mgmt2")

    def refuse(target: Target) -> None:
        words = "the cloud refused: not now"
        ended_stage(target, "PrepareForMaintenance", "refused", detail=words)
        put_server(target.run, target.name, "Failed", detail=words)

    engine = play_engine(refuse)
    answer = ask(api_of(make_person("administrator")), servers["mgmt2"], "prepare-for-maintenance", key="k1")
    engine.join()
    assert answer.status_code == 409
    assert answer.json()["detail"] == "the cloud refused: not now"
    assert answer.json()["owner"]["run"] == str(Run.objects.get().id)
