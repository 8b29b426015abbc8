"""An engine dies at every moment of a rolling restart of management servers: each goes its way once, all the same.

One long run: as many servers as there are moments, and at each server's turn an engine dies at another moment. The
moments are recorded by a first run, so a new one is tried as soon as it exists.
"""

import json

import pytest

from maintenance.models import Attention, Run, Step
from tests.maintenance.engine.server_lab import make_server_lab, stages_of
from tests.maintenance.engine.small_lab import ended, make_small_lab
from tests.processes.scenes import story
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(400),
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

SERVERS = 40
ENGINES = 3
QUICK = {"PITSTOP_LEASE_S": "2", "PITSTOP_LEASE_RENEW_S": "1", "PITSTOP_ENGINE_THREADS": "2"}
WHOLE_WAY = ["PrepareForMaintenance", "TriggerShutdown", "ComeBack", "CancelMaintenance", "Settle"]
ITS_STATES = ["PreparingForMaintenance", "Maintenance", "ShuttingDown", "Down", "Maintenance", "Up"]


@pytest.fixture
def lab(empty_lab):
    return make_small_lab(hosts_each=2, instances_each=0)


def moments_passed(engine):
    """What a run without deaths passed, each once, in order."""
    lines = [json.loads(line) for line in engine.log.read_text().splitlines() if '"failpoint"' in line]
    return list(dict.fromkeys(line["moment"] for line in lines))


def test_wherever_an_engine_dies_each_server_is_restarted_once(lab, engines, var):
    servers = make_server_lab(lab, SERVERS)
    recording = servers.restart("mgmt1")
    engine = engines.start(PITSTOP_FAILPOINTS="1")
    ended(recording)
    engine.stop()
    moments = [moment for moment in moments_passed(engine) if not moment.startswith("run.")]
    assert len(moments) >= 20
    names = list(servers.servers)[1 : len(moments) + 1]
    assert len(names) == len(moments), "the lab has too few servers for all moments"
    deaths = ",".join(f"{moment}@{name}:kill9" for moment, name in zip(moments, names, strict=True))

    run = servers.restart(*names)
    crew, _ = engines.crew(ENGINES, PITSTOP_FAILPOINTS="1", FAILPOINT=deaths, **QUICK)

    def is_over():
        assert crew.poll() is None, "whoever does the work has ended"
        return Run.objects.get(id=run.id).state not in {"Queued", "Running"}

    wait_until(is_over, within_s=350, every_s=0.2)

    assert Run.objects.get(id=run.id).state == "Succeeded", story(run)
    for name in names:
        assert stages_of(run, name) == [(stage, "ok") for stage in WHOLE_WAY], story(run)
        assert servers.moments(name) == ITS_STATES, story(run)
    assert {mark.name.partition("@")[0] for mark in (var / "failpoints").iterdir()} == set(moments)
    assert Step.objects.filter(run=run, takeovers__gt=0).count() > 10
    assert not Attention.objects.exists()
