"""Administrators who start overlapping runs at the same moment: one wins, the others learn who."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from maintenance import actions
from maintenance.models import Run, Target
from tests.maintenance.engine.small_lab import make_small_lab

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

ADMINISTRATORS = 8


@pytest.fixture
def lab(empty_lab):
    return make_small_lab(clusters=1, hosts_each=4)


def scope_of(lab, number):
    """Half of them want the whole cluster, the others some hosts; kvm1 is in every wish."""
    if number % 2:
        return {"scope_kind": "clusters", "scope_ids": tuple(lab.clusters)}
    return {"scope_kind": "hosts", "scope_ids": (lab.hosts["kvm1"], lab.hosts[f"kvm{2 + number % 3}"])}


def test_of_administrators_who_start_overlapping_runs_at_once_exactly_one_wins(lab):
    at_once = Barrier(ADMINISTRATORS)

    def start(number):
        try:
            request = actions.StartRequest(**scope_of(lab, number))
            at_once.wait(10)
            return actions.start_rolling_maintenance(request, actor=f"administrator {number}")
        except actions.Conflict as refused:
            return refused
        finally:
            connections.close_all()

    with ThreadPoolExecutor(ADMINISTRATORS) as administrators:
        answers = list(administrators.map(start, range(ADMINISTRATORS)))

    won = [answer for answer in answers if isinstance(answer, Run)]
    refused = [answer for answer in answers if isinstance(answer, actions.Conflict)]
    assert (len(won), len(refused)) == (1, ADMINISTRATORS - 1)
    for conflict in refused:
        assert conflict.owner["run"] == str(won[0].id)
        assert conflict.owner["by"] == won[0].started_by
        assert "kvm1" in [item["hostname"] for item in conflict.items]
    assert set(Target.objects.values_list("run", flat=True)) == {won[0].id}
