"""The OpenAPI document tells what there is: every address and method of REST, and nothing else."""

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from dashboard.access import MATRIX
from maintenance import actions
from tests.dashboard.console.server_runs import add_job, make_servers, server_run
from tests.dashboard.people import api_of, make_person
from tests.dashboard.walk import all_routes


@pytest.fixture(scope="module")
def schema():
    written = StringIO()
    call_command("spectacular", fail_on_warn=True, validate=True, format="openapi-json", stdout=written)
    return json.loads(written.getvalue())


def test_it_lists_every_route_and_method_and_no_other(schema):
    ours = {
        (_shape(route.made_up()), method)
        for route in all_routes()
        if route.name.startswith("api:") and route.name != "api:schema"
        for method in MATRIX[route.name]
    }
    listed = {
        (_shape(path), method.upper()) for path, methods in schema["paths"].items() for method in methods
    }
    assert listed == ours


def _shape(path: str) -> str:
    """Without names of parameters or made-up ids."""
    return re.sub(r"\{\w+\}|[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/stages/)\w+", "*", path)


def test_what_it_says_of_a_run_is_what_a_run_has(schema, operator, inventory):
    run = actions.start_rolling_maintenance(
        actions.StartRequest(scope_kind="hosts", scope_ids=(inventory.hosts["kvm1"].id,)), actor="ada"
    )
    shown = operator.get(f"rolling-maintenances/{run.id}/").json()
    shapes = schema["components"]["schemas"]
    assert set(shapes["RunLong"]["properties"]) == set(shown)
    assert set(shapes["HostOfRun"]["properties"]) == set(shown["hosts"][0])
    assert set(shapes["HostRow"]["properties"]) == set(operator.get("hosts/").json()["results"][0])


def test_what_it_says_of_a_server_its_job_and_its_run_is_what_they_have(schema, operator, inventory):
    servers = make_servers(inventory, "mgmt2")
    add_job(inventory, servers["mgmt1"], "StartVMCmdByAdmin")
    run = server_run(inventory, [servers["mgmt2"]])
    shapes = schema["components"]["schemas"]
    shown = operator.get("management-servers/").json()["results"][0]
    assert set(shapes["ServerRow"]["properties"]) == set(shown)
    assert set(shapes["JobRow"]["properties"]) == set(operator.get("jobs/").json()["results"][0])
    shown = operator.get(f"rolling-maintenances/{run.id}/").json()
    assert set(shapes["ServerOfRun"]["properties"]) == set(shown["servers"][0])


def test_whoever_has_logged_in_may_read_it(db):
    assert Client().get("/api/schema/").status_code == 401
    for role in ("viewer", "tenant"):
        answer = api_of(make_person(role)).client.get("/api/schema/")
        assert answer.status_code == 200
        assert answer.json()["openapi"].startswith("3.")
