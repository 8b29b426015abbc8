"""docs/api.md names every address about management servers, jobs, agent balance, system VMs and networks."""

import re
from pathlib import Path

import pytest

from dashboard.api.urls import version_1

DOCS = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
ABOUT = (
    *("management-server", "jobs/", "agent-balance/"),
    *("system-vms/", "networks/", "vpcs/", "live-patches/", "payloads/"),
)


def addresses(patterns, before=""):
    for pattern in patterns:
        route = before + re.sub(r"<[^>]+>", "ID", str(pattern.pattern))
        yield from addresses(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]


@pytest.mark.parametrize("route", [route for route in addresses(version_1) if route.startswith(ABOUT)])
def test_an_address_is_described(route):
    assert f"`{route}" in DOCS or f" {route}" in DOCS


def test_the_table_of_errors_tells_of_503_while_every_server_is_blocked():
    errors = DOCS.split("## Errors")[1].split("\n## ")[0]
    assert "| 503 | `urn:pitstop:all-blocked`" in errors
