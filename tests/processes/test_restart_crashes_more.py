"""An engine dies at every moment of what only some restarts do: stop first, hand a pair over, add a second router.

The moments are recorded and dealt as in test_patch_crashes.py; those of all other steps are test_restart_crashes.py's.
"""

from uuid import uuid4

import pytest

from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import all_folders
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Attention, Step
from tests.maintenance.engine.restart_lab import is_served, of_network, restart, result, steps
from tests.maintenance.engine.vm_lab import add_system_vm, all_ended, all_probed
from tests.processes.scenes import story
from tests.processes.test_patch_crashes import dealt, moments_passed
from tests.processes.test_restart_crashes import ENGINES, QUICK, REPLACED

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

SERIAL, PAIRS, SECOND = "serial", "pair", "second"
OF_EACH = {
    SERIAL: 6,
    PAIRS: 6,
    SECOND: 9,
}  # the first is recorded; the others are as many as the step has moments
KINDS = {SERIAL: "StopRouter.", PAIRS: "SwitchTraffic.", SECOND: "AddBackup."}


def names_of(kind):
    return [f"{kind}-{number}" for number in range(OF_EACH[kind])]


@pytest.fixture
def networks(lab):
    """Name → the router in which engines die."""
    lab.configure(system_vm_boot_s=0.1)
    found = {}
    for kind in KINDS:
        for name in names_of(kind):
            network = lab_models.Network.objects.create(
                id=uuid4(),
                zone=lab_models.Zone.objects.get(),
                name=name,
                account="shop",
                domain="ROOT/shop",
                is_redundant=kind == PAIRS,
            )
            found[name] = f"r-{name}-VM"
            # The smallest there is; only a router gets a second one beside it.
            vm_type = SystemVmType.ROUTER if kind == SECOND else SystemVmType.INTERNAL_LB
            shared = {"account": "shop", "network": network}
            if kind != PAIRS:
                add_system_vm(lab, found[name], vm_type, **shared)
                continue
            add_system_vm(lab, found[name], vm_type, redundant_state="BACKUP", **shared)
            add_system_vm(lab, f"p-{name}-VM", vm_type, redundant_state="PRIMARY", **shared)
            one = lab_models.SystemVm.objects.get(name=found[name])
            both = lab_models.SystemVm.objects.filter(network=network)
            both.update(public_ips=one.public_ips, rules=one.rules)
    with all_probed(lab):
        yield found


def started(kind, names):
    how = {SERIAL: {"serial": True}, PAIRS: {}, SECOND: {"makes_redundant": True}}[kind]
    return restart(*names, per_zone=1000, on_failure="skip", **how)


def test_wherever_an_engine_dies_the_network_ends_as_it_was_meant_to(networks, engines, var):
    recordings = {kind: started(kind, names_of(kind)[:1]) for kind in KINDS}
    engine = engines.start(PITSTOP_FAILPOINTS="1")
    for recording in recordings.values():
        all_ended(recording)
    engine.stop()
    deaths = []
    for kind, stage in KINDS.items():
        first, *others = [networks[name] for name in names_of(kind)]
        moments = [moment for moment in moments_passed(engine.log, first) if moment.startswith(stage)]
        assert 3 <= len(moments) <= len(others), moments
        deaths += dealt(moments, others)

    runs = {kind: started(kind, names_of(kind)[1:]) for kind in KINDS}
    orders = ",".join(f"{place}:kill9" for place in deaths)
    crew, _ = engines.crew(ENGINES, PITSTOP_FAILPOINTS="1", FAILPOINT=orders, **QUICK)
    for run in runs.values():
        all_ended(run, within_s=150, only_while=lambda: crew.poll() is None)

    assert {mark.name for mark in (var / "failpoints").iterdir()} == set(deaths)
    assert sum(Step.objects.filter(run__in=runs.values()).values_list("takeovers", flat=True)) > 10
    ways = {
        SERIAL: [("StopRouter", "ok"), *REPLACED],
        PAIRS: REPLACED,
        SECOND: [*REPLACED, ("AddBackup", "ok")],
    }
    for kind, run in runs.items():
        for name in names_of(kind)[1:]:
            old = networks[name]
            assert (result(run, old), steps(run, old)) == (("Done", "replaced"), ways[kind]), story(run)
            routers = of_network(name)
            assert len(routers) == (1 if kind == SERIAL else 2), (name, routers)
            assert not {old, f"p-{name}-VM"} & set(routers), (name, routers)
            assert is_served(routers[0]), name
    assert not Attention.objects.filter(run__in=runs.values()).exists()
    assert sum(power.is_on(folder) for folder in all_folders()) == sum(
        (1 if kind == SERIAL else 2) * number for kind, number in OF_EACH.items()
    )
