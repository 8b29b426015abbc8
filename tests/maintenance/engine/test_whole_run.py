"""Whole runs on a real (small) lab: real scripts, real PostgreSQL, a real engine."""

import pytest

from maintenance.backends.lab.record import effects, most_hosts_out
from maintenance.models import Attention, HostOut
from maintenance.report import run_result
from tests.maintenance.engine.small_lab import ended, engine_running, stages_of, target_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

WHOLE_WAY = ["PreFlight", "PreMaintenance", "Drain", "Maintenance", "Return", "PostMaintenance"]


def test_every_host_goes_its_whole_way_and_comes_back(lab):
    run = lab.start()

    with engine_running():
        run = ended(run)

    assert (run.state, run.details) == ("Succeeded", "OK")
    for host, host_id in lab.hosts.items():
        assert stages_of(run, host) == [(stage, "ok") for stage in WHOLE_WAY]
        assert lab.resource_state(host) == "Enabled"
        assert (effects(host_id, "prepare"), effects(host_id, "enabled")) == (1, 1)
    assert most_hosts_out(lab.clusters[0]) == 1
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert not Attention.objects.exists()


def test_the_result_has_every_host_in_exactly_one_list(lab):
    lab.script("kvm1", "PreMaintenance", "#!/bin/sh\nexit 70\n")
    lab.script("kvm2", "Maintenance", "#!/bin/sh\nexit 3\n")

    run = lab.start(on_failure="skip")
    with engine_running():
        run = ended(run)

    result = run_result(run)
    assert [h["hostname"] for h in result["hostsskipped"]] == ["kvm1"]
    assert [h["hostname"] for h in result["hostsfailed"]] == ["kvm2"]
    assert [h["hostname"] for h in result["hostsupdated"]] == ["kvm3"]
    assert result["success"] is False
    assert target_of(run, "kvm2").detail == "Maintenance: exit status 3"
    assert lab.resource_state("kvm2") == "Enabled"
