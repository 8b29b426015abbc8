"""Runs over management servers by REST and in their reports: servers with their names and stages, and no hosts."""

import csv
import io

import pytest
from django.test import Client
from django.utils import timezone

from maintenance.domain.states import RunKind, RunState, TargetState
from tests.dashboard.console.runs import start_run
from tests.dashboard.console.server_runs import (
    ended_stage,
    leaving,
    make_servers,
    put_server,
    server_run,
    server_step,
)
from tests.dashboard.people import make_person

WAY = ("PrepareForMaintenance", "TriggerShutdown", "ComeBack", "CancelMaintenance", "Settle")


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2")


@pytest.fixture
def half_way(inventory, servers):
    """mgmt1 is back; mgmt2 hands its agents over."""
    run = server_run(inventory, list(servers.values()), algorithm="roundrobin", reason="new kernel")
    first = put_server(run, "mgmt1", TargetState.DONE)
    for stage in WAY:
        ended_stage(first, stage)
    second = put_server(run, "mgmt2", TargetState.DRAINING)
    server_step(second, "PrepareForMaintenance", movement=leaving(jobs=1, agents=3), note="3 agents left")
    return run


def test_a_run_over_servers_tells_its_servers_and_no_hosts(viewer, servers, half_way):
    run = viewer.get(f"rolling-maintenances/{half_way.id}/").json()
    assert (run["kind"], run["hosts"]) == ("server-restart", [])
    assert run["server_rules"] == {
        "algorithm": "roundrobin",
        "forced": False,
        "rebalance": True,
        "settle_s": 30,
    }
    assert run["progress"] | {"total": 2, "done": 1, "active": 1} == run["progress"]
    first, second = run["servers"]
    assert (first["id"], first["name"], first["state"]) == (str(servers["mgmt1"].id), "mgmt1", "Done")
    assert [stage["stage"] for stage in first["stages"]] == list(WAY)
    assert first["out"]
    assert first["back"]
    assert (second["back"], second["stages"][0]["movement"]["agents_left"]) == (None, 3)
    assert not [key for key in second if "host" in key or "cluster" in key]


def test_a_run_over_hosts_has_no_servers(viewer, inventory):
    run = viewer.get(f"rolling-maintenances/{start_run(inventory).id}/").json()
    assert (run["servers"], run["server_rules"], len(run["hosts"])) == ([], None, 6)


def test_every_server_that_is_over_is_in_exactly_one_list(viewer, inventory):
    servers = make_servers(inventory, "mgmt2", "mgmt3", "mgmt4")
    run = server_run(inventory, list(servers.values()), state=RunState.FAILED, finished_at=timezone.now())
    put_server(run, "mgmt1", TargetState.DONE)
    put_server(run, "mgmt2", TargetState.SKIPPED, detail="skipped by ada")
    put_server(run, "mgmt3", TargetState.NEEDS_PERSON, detail="not back after 600 s")
    result = viewer.get(f"rolling-maintenances/{run.id}/").json()["result"]
    assert [one["managementservername"] for one in result["serversdone"]] == ["mgmt1"]
    assert [one["reason"] for one in result["serversskipped"]] == ["skipped by ada"]
    assert [one["reason"] for one in result["serversfailed"]] == ["not back after 600 s"]
    assert "hostsupdated" not in result


def test_runs_over_servers_are_found_by_their_kind(viewer, inventory, half_way):
    assert viewer.get("rolling-maintenances/?kind=server-restart").json()["count"] == 1
    assert viewer.get("rolling-maintenances/?kind=rolling").json()["count"] == 0


def test_the_report_for_programs_has_each_server_with_its_stages(half_way):
    client = Client()
    client.force_login(make_person("viewer"))
    report = client.get(f"/rolling/{half_way.id}/report.json").json()
    first, second = report["servers"]
    assert (first["managementservername"], first["list"], second["list"]) == ("mgmt1", "done", "not ended")
    assert first["away_s"] is not None
    assert len(first["stages"]) == 5
    assert "hosts" not in report


def test_the_report_for_tables_has_a_row_a_server_and_no_name_becomes_a_formula(inventory):
    servers = make_servers(inventory, "=cmd()")
    run = server_run(inventory, list(servers.values()))
    ended_stage(put_server(run, "mgmt1", TargetState.DONE), "PrepareForMaintenance", took_s=12)
    client = Client()
    client.force_login(make_person("viewer"))
    text = client.get(f"/rolling/{run.id}/report.csv").text
    rows = {row["management server"]: row for row in csv.DictReader(io.StringIO(text))}
    assert set(rows) == {"mgmt1", "'=cmd()"}
    assert float(rows["mgmt1"]["PrepareForMaintenance s"]) >= 12
    assert rows["'=cmd()"]["list"] == "not ended"


@pytest.mark.parametrize("kind", [RunKind.SERVER_MAINTENANCE, RunKind.SERVER_SHUTDOWN])
def test_a_server_that_is_held_is_not_over(viewer, inventory, servers, kind):
    run = server_run(inventory, [servers["mgmt1"]], kind)
    put_server(run, "mgmt1", TargetState.IN_MAINTENANCE)
    shown = viewer.get(f"rolling-maintenances/{run.id}/").json()
    assert (shown["progress"]["active"], shown["result"]["serversdone"]) == (1, [])
