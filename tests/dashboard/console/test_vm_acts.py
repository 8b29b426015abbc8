"""What people did about routers and payloads, as the audit tells it."""

import re

import pytest
from django.utils import timezone

from dashboard.screens.events.acts import tell_act
from maintenance.models import AuditEntry

RUN = {"run": "7f1c2a9e-0000-4000-8000-000000000001", "run_number": 12}
PAYLOAD = {"payload": "7f1c2a9e-0000-4000-8000-000000000002", "version": "4.21.0.1"}
ACTS = [
    (
        "payload published", PAYLOAD, {"security": True, "signed_by": "release"},
        "ada published the payload 4.21.0.1, which closes security holes, signed by release",
    ),
    (
        "payload published", PAYLOAD, {"security": False, "signed_by": "release"},
        "ada published the payload 4.21.0.1, signed by release",
    ),
    ("payload withdrawn", PAYLOAD, {}, "ada withdrew the payload 4.21.0.1"),
    (
        "live patch started", RUN, {"scope": "r-5-VM", "system_vms": 1},
        "ada started Run 12, a live patch of 1 system VM: r-5-VM",
    ),
    (
        "router restart started", RUN, {"scope": "shop-prod", "routers": 2},
        "ada started Run 12, a restart of 2 routers: shop-prod",
    ),
    ("live patch: another time", RUN, {"not_before": None}, "ada has Run 12 begin at once"),
    ("live patch: given up", RUN, {}, "ada gave up the time of Run 12 before it began"),
]  # fmt: skip


def told(action, about, after) -> str:
    entry = AuditEntry(number=1, at=timezone.now(), actor="ada", action=action, object=about, after=after)
    return re.sub(r"<[^>]+>", "", tell_act(entry).says).replace("\xa0", " ")


@pytest.mark.parametrize(("action", "about", "after", "says"), ACTS)
def test_each_act_is_a_sentence(action, about, after, says):
    assert told(action, about, after) == says


def test_another_time_is_told_with_the_time():
    says = told("live patch: another time", RUN, {"not_before": "2026-11-22T22:00:00+00:00"})

    assert says.startswith("ada chose another time for Run 12: ")
    assert "22:00" in says
