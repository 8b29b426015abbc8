"""An engine dies at every moment of a live patch, and at every moment of a rollback: each VM ends patched, or with its
previous version back, and no step was done twice.

The moments are not listed here: a first run records those it passes (maintenance/engine/failpoints.py). Then, of some
VMs, the first has an engine die at the first moment of each of its steps, the next at the second one, and so on.
"""

import json
from collections import Counter

import pytest

from maintenance.backends.lab.system_vms import breaking
from maintenance.backends.lab.system_vms.folder import folder_of
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Attention, Run, Step, SystemVm
from maintenance.patching.journal import Phase
from tests.maintenance.engine.vm_lab import (
    FIVE_STEPS,
    NEW,
    OLD,
    add_system_vm,
    all_ended,
    all_probed,
    asked_now,
    files_of_patches,
    only_journal,
    patch,
    publish,
    stages,
    starts_of,
    target,
)
from tests.processes.scenes import story

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

ENGINES = 4
QUICK = {"PITSTOP_LEASE_S": "2", "PITSTOP_LEASE_RENEW_S": "1", "PITSTOP_ENGINE_THREADS": "1"}
VMS = 14
GOOD, BAD = "b-1-VM", "b-2-VM"  # those that record the moments
FORWARD = [*FIVE_STEPS, "ReapplyRules"]
SERVICE = "haproxy"


@pytest.fixture
def vms(lab):
    """Small ones that have everything that a router has: a service, a rule, a public IP."""
    names = [f"b-{number}-VM" for number in range(1, VMS + 1)]
    for name in names:
        add_system_vm(lab, name, SystemVmType.INTERNAL_LB)
    with all_probed(lab):
        yield names


def moments_passed(log, name):
    """What the VM's patch passed, each once, in order; and the run."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"failpoint"' in line]
    return list(dict.fromkeys(line["moment"] for line in lines if line["host"] in {name, ""}))


def recorded(engines):
    """The moments of a patch that goes well, and those of one that fails, from its failure on."""
    run = patch([GOOD, BAD])
    engine = engines.start(PITSTOP_FAILPOINTS="1")
    all_ended(run)
    engine.stop()
    forward, back = moments_passed(engine.log, GOOD), moments_passed(engine.log, BAD)
    return forward, [moment for moment in back if moment.startswith(("RestartServices.", "RollBack."))]


def dealt(moments, names):
    """`MOMENT@NAME` of each: the first of every step to the first VM, the second to the next; the run's to any."""
    places = Counter()
    for moment in moments:
        step = moment.partition(".")[0]
        yield f"{moment}@{'*' if step == 'run' else names[places[step]]}"
        places[step] += 1


def test_wherever_an_engine_dies_the_vm_ends_patched_or_as_it_was(vms, engines, tmp_path, var):
    publish(tmp_path)
    patched, restored = vms[2:8], vms[8:14]
    for name in (BAD, *restored):
        breaking.fail_start(folder_of(name), SERVICE)
    forward, back = recorded(engines)
    assert len(forward) >= 30
    assert len(back) >= 8
    deaths = [*dealt(forward, patched), *dealt(back, restored)]

    run = patch([*patched, *restored])
    orders = ",".join(f"{place}:kill9" for place in deaths)
    crew, _ = engines.crew(ENGINES, PITSTOP_FAILPOINTS="1", FAILPOINT=orders, **QUICK)
    all_ended(run, within_s=150, only_while=lambda: crew.poll() is None)

    assert {mark.name for mark in (var / "failpoints").iterdir()} == set(deaths)
    assert sum(Step.objects.filter(run=run).values_list("takeovers", flat=True)) > 20
    for name in patched:
        assert_patched_once(run, name)
    for name in restored:
        assert_restored_once(run, name)
    causes = list(Attention.objects.filter(run=run).values_list("cause", flat=True))
    assert causes == ["patch-failed"] * len(restored)


def assert_patched_once(run: Run, name: str) -> None:
    """What the VM says itself is the new version; nothing of the patch is left but its journal."""
    assert target(run, name).result == "patched", story(run)
    assert stages(run, name) == [(stage, "ok") for stage in FORWARD], story(run)
    probe = asked_now(name)
    assert (probe.software_version, probe.services[0].version) == (NEW, NEW), name
    assert probe.rules_answering == probe.rules > 0, name
    assert starts_of(name, SERVICE) == 2, f"{name}: its boot and one restart"
    assert only_journal(name).phase is Phase.DISCARDED, name
    assert files_of_patches(folder_of(name)) == ["journal.json"], name
    assert_shown_as_probed(name)


def assert_restored_once(run: Run, name: str) -> None:
    """What the VM says itself is the previous version."""
    assert target(run, name).result == "failed_restored", story(run)
    assert stages(run, name) == [
        *((stage, "ok") for stage in FIVE_STEPS[:3]),
        ("RestartServices", "failed"),
        ("RollBack", "ok"),
    ], story(run)
    probe = asked_now(name)
    assert (probe.software_version, probe.services[0].version) == (OLD, OLD), name
    assert probe.rules_answering == probe.rules > 0, name
    assert only_journal(name).phase is Phase.ROLLED_BACK, name
    assert starts_of(name, SERVICE) == 2, f"{name}: its boot and the way back"
    assert_shown_as_probed(name)


def assert_shown_as_probed(name: str) -> None:
    probe, vm = asked_now(name), SystemVm.objects.get(name=name)
    assert (vm.software_version, vm.scripts_checksum) == (probe.software_version, probe.scripts_checksum)
