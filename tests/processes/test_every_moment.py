"""An engine dies, or freezes and comes back, at every moment of a host's way that can be told apart.

The moments are not listed here: a first run records those it passes (maintenance/engine/failpoints.py), so a new one
is tried as soon as it exists.
"""

import json

import pytest

from maintenance.domain.states import RUN_ENDED
from maintenance.models import Run, Step
from tests.maintenance.engine.small_lab import ended, make_small_lab
from tests.processes.scenes import assert_everything_happened_once, note_every_script
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

ENGINES = 6
QUICK = {"PITSTOP_LEASE_S": "2", "PITSTOP_LEASE_RENEW_S": "1", "PITSTOP_ENGINE_THREADS": "1"}


@pytest.fixture
def lab(empty_lab):
    """So many hosts that each moment can have one: each in a cluster of its own, without instances."""
    return make_small_lab(clusters=60, hosts_each=1, instances_each=0)


def moments_passed(engine):
    """What a run without deaths passed, each once, in order."""
    lines = [json.loads(line) for line in engine.log.read_text().splitlines() if '"failpoint"' in line]
    return list(dict.fromkeys(line["moment"] for line in lines))


def test_wherever_an_engine_dies_everything_happens_once(lab, engines, var):
    note_every_script(lab)
    recording = lab.start(hosts=["kvm1"])
    engine = engines.start(PITSTOP_FAILPOINTS="1")
    ended(recording)
    engine.stop()
    moments = moments_passed(engine)
    places = dict(zip(moments, list(lab.hosts)[1:], strict=False))
    assert len(moments) >= 40
    assert len(places) == len(moments), "the lab has too few hosts for all moments"
    runs = {moment: lab.start(hosts=[host]) for moment, host in places.items()}
    deaths = ",".join(f"{m}@{'*' if m.startswith('run.') else h}:kill9" for m, h in places.items())
    killing = {"PITSTOP_FAILPOINTS": "1", "FAILPOINT": deaths, **QUICK}
    crew = [engines.launch(**killing) for _ in range(ENGINES)]

    def all_ended():
        for place, (process, _) in enumerate(crew):
            if process.poll() is not None:
                crew[place] = engines.launch(**killing)
        return not Run.objects.exclude(state__in=[*RUN_ENDED, "Paused"]).exists()

    wait_until(all_ended, within_s=200, every_s=0.2)

    for moment, run in runs.items():
        assert_everything_happened_once(lab, run, [places[moment]])
    assert {mark.name.partition("@")[0] for mark in (var / "failpoints").iterdir()} == set(moments)
    assert Step.objects.filter(takeovers__gt=0).count() > 20
