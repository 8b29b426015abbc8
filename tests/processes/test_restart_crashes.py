"""An engine dies at every moment of a router's restart, and at every moment of its way back: each network ends with
exactly one router, which serves, and nothing else is left.

The moments are recorded and dealt as in test_patch_crashes.py.
"""

from uuid import uuid4

import pytest

from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.backends.lab.system_vms.folder import all_folders, folder_of
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Attention, Downtime, Step
from tests.maintenance.engine.restart_lab import is_served, of_network, restart, result, steps
from tests.maintenance.engine.vm_lab import add_system_vm, all_ended, all_probed
from tests.processes.scenes import story
from tests.processes.test_patch_crashes import dealt, moments_passed

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

ENGINES = 4
QUICK = {"PITSTOP_LEASE_S": "2", "PITSTOP_LEASE_RENEW_S": "1", "PITSTOP_ENGINE_THREADS": "1"}
THERE, BACK = 10, 6  # as many as a step has moments
REPLACED = [("StartReplacement", "ok"), ("SwitchTraffic", "ok"), ("VerifyReplacement", "ok")]
SOAK_S = 4
DIES_AFTER_S = 2  # within the soak: mostly after traffic was switched
SERVICE = "haproxy"


@pytest.fixture
def networks(lab):
    """Each with the smallest router there is: one service, a rule, a public IP. Name → its router's name."""
    zone = lab_models.Zone.objects.get()
    lab.configure(system_vm_boot_s=0.1)
    found = {}
    for number in range(1, 2 + THERE + BACK + 1):
        name = f"net-{number}"
        network = lab_models.Network.objects.create(
            id=uuid4(), zone=zone, name=name, account="shop", domain="ROOT/shop"
        )
        found[name] = f"b-{number}-VM"
        add_system_vm(lab, found[name], SystemVmType.INTERNAL_LB, account="shop", network=network)
    with all_probed(lab):
        yield found


def all_at_once(names, **how):
    return restart(*names, per_zone=1000, on_failure="skip", **how)


def went_back(run, router):
    """It failed, and then the way back went well, once."""
    *_, failed, back = steps(run, router)
    return failed[1] == "failed" and back == ("SwitchBack", "ok")


def test_wherever_an_engine_dies_one_router_serves_and_no_other_is_left(networks, engines, var):
    good, bad, *rest = networks
    there, back = rest[:THERE], rest[THERE:]
    for name in (bad, *back):
        breaking.die_after(folder_of(networks[name]), SERVICE, DIES_AFTER_S, of_next=True)
    recordings = all_at_once([good]), all_at_once([bad], soak_s=SOAK_S)
    engine = engines.start(PITSTOP_FAILPOINTS="1")
    for recording in recordings:
        all_ended(recording)
    engine.stop()
    assert steps(recordings[0], networks[good]) == REPLACED
    assert went_back(recordings[1], networks[bad])
    ways_there = moments_passed(engine.log, networks[good])
    way_back = [m for m in moments_passed(engine.log, networks[bad]) if m.startswith("SwitchBack.")]
    assert len(ways_there) >= 18
    assert len(way_back) >= 5
    deaths = [
        *dealt(ways_there, [networks[name] for name in there]),
        *dealt(way_back, [networks[name] for name in back]),
    ]

    run, run_back = all_at_once(there), all_at_once(back, soak_s=SOAK_S)
    orders = ",".join(f"{place}:kill9" for place in deaths)
    crew, _ = engines.crew(ENGINES, PITSTOP_FAILPOINTS="1", FAILPOINT=orders, **QUICK)
    for both in (run, run_back):
        all_ended(both, within_s=150, only_while=lambda: crew.poll() is None)

    assert {mark.name for mark in (var / "failpoints").iterdir()} == set(deaths)
    assert sum(Step.objects.filter(run__in=[run, run_back]).values_list("takeovers", flat=True)) > 15
    for name in there:
        old, [new] = networks[name], of_network(name)
        assert new != old
        assert (result(run, old), steps(run, old)) == (("Done", "replaced"), REPLACED), story(run)
        assert is_served(new), name
    for name in back:
        old = networks[name]
        assert of_network(name) == [old]
        assert result(run_back, old) == ("Failed", "failed_restored"), story(run_back)
        assert went_back(run_back, old), story(run_back)
        assert is_served(old), name
    causes = list(Attention.objects.filter(run=run_back).values_list("cause", flat=True))
    assert causes == ["router-failed"] * len(back)
    assert sum(power.is_on(folder) for folder in all_folders()) == len(networks)
    measured = Downtime.objects.filter(run__in=[run, run_back])
    assert not measured.filter(ended_at=None).exists()
    assert measured.filter(interrupted__gt=0).count() > 5
