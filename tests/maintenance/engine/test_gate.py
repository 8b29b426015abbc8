"""The gate before each host: slots counted for any reason, room counted together, held hosts go on by themselves."""

import pytest
from django.db.models.functions import Now

from maintenance import actions
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects, most_hosts_out
from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Attention, Run, Step, SystemVm, Target
from tests.maintenance.engine.small_lab import MEMORY_MB, ended, engine_running, state_of, target_of
from tests.maintenance.engine.vm_lab import add_system_vm
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

UNTIL_LET_GO = '#!/bin/sh\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n'


def held(run, host, words):
    wait_until(lambda: words in target_of(run, host).detail, within_s=20)


def test_no_room_holds_the_host_before_any_side_effect_and_names_who_does_not_fit(lab):
    big = [lab.add_instance(host, MEMORY_MB - 4096) for host in lab.hosts]
    run = lab.start()
    with engine_running():
        held(run, "kvm1", "no room in the cluster for")
        target = target_of(run, "kvm1")
        assert lab_models.Instance.objects.get(id=big[0]).name in target.detail
        assert target.state == "Ready"
        assert not Step.objects.filter(run=run, stage="PreMaintenance", output_bytes__gt=0).exists()
        assert effects(lab.hosts["kvm1"], "prepare") == 0

        lab_models.Instance.objects.filter(id__in=big).update(memory_mb=1024)
        assert ended(run).state == "Succeeded"


def test_instances_that_fit_one_by_one_but_not_together_hold_the_host(lab):
    for _ in range(2):
        lab.add_instance("kvm1", 12_000)
    for host in ("kvm2", "kvm3"):
        lab.add_instance(host, MEMORY_MB - 2048 - 13_000)
    lab_models.Host.objects.filter(name="kvm3").update(tags=[], guests_max=2)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        held(run, "kvm1", "no room")
        assert effects(lab.hosts["kvm1"], "prepare") == 0
        actions.cancel_run(run.id, actor="operator")
        assert ended(run).state == "Cancelled"


def test_a_host_that_is_out_for_any_reason_takes_a_slot(lab):
    run = lab.start(hosts=["kvm1", "kvm2"])
    lab_models.Host.objects.filter(name="kvm3").update(resource_state="Maintenance")
    with engine_running():
        held(run, "kvm1", "kvm3 is out of service, limit 1")
        assert effects(lab.hosts["kvm1"], "prepare") == 0

        lab_models.Host.objects.filter(name="kvm3").update(resource_state="Enabled")
        assert ended(run).state == "Succeeded"


def test_a_host_with_an_unsettled_instance_waits_for_it(lab):
    instance = lab.add_instance("kvm1", state="Starting")
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        held(run, "kvm1", "is Starting")
        lab_models.Instance.objects.filter(id=instance).update(state="Running")
        assert ended(run).state == "Succeeded"


def test_a_host_that_went_down_before_its_turn_fails_as_the_operator_chose(lab):
    run = lab.start(on_failure="skip", max_unavailable=2)
    lab_models.Host.objects.filter(name="kvm2").update(resource_state="Disabled")
    with engine_running():
        run = ended(run)

    assert run.state == "Failed"
    assert "not Up and Enabled" in target_of(run, "kvm2").detail
    assert effects(lab.hosts["kvm2"], "prepare") == 0


def test_two_may_be_out_where_the_operator_allows_it_and_never_more(lab):
    lab.everywhere("Maintenance", UNTIL_LET_GO)
    run = lab.start(max_unavailable=2)
    with engine_running():
        working = Target.objects.filter(run=run, state="Working")
        wait_until(lambda: working.count() == 2, within_s=30)
        for host in lab.hosts:
            (lab.folder(host) / "go").touch()
        run = ended(run)

    assert run.state == "Succeeded"
    assert most_hosts_out(lab.clusters[0]) == 2


def test_runs_that_share_a_cluster_hold_to_the_smallest_limit(lab):
    lab.everywhere("Maintenance", "#!/bin/sh\nsleep 0.3\n")
    lab.script("kvm3", "PreFlight", UNTIL_LET_GO)
    careful = lab.start(hosts=["kvm3"], max_unavailable=1)
    with engine_running(count=2):
        wait_until(lambda: state_of(careful) == "Running", within_s=20)
        actions.pause_run(careful.id, actor="operator")
        (lab.folder("kvm3") / "go").touch()
        wait_until(lambda: state_of(careful) == "Paused", within_s=20)
        bold = lab.start(hosts=["kvm1", "kvm2"], max_unavailable=2)
        assert ended(bold).state == "Succeeded"
        assert state_of(careful) == "Paused"

    assert most_hosts_out(lab.clusters[0]) == 1


def test_a_drain_past_its_deadline_returns_the_host_and_says_what_stayed(lab):
    stays = lab.add_instance("kvm1", uses_local_storage=False)
    run = lab.start(hosts=["kvm1"], drain_timeout_s=1)
    lab.configure(move_min_s=60.0)
    with engine_running():
        wait_until(lambda: Step.objects.filter(run=run, stage="Return").exists(), within_s=20)
        lab.configure(move_min_s=0.0)
        wait_until(lambda: state_of(run) == "Paused", within_s=20)

    target = target_of(run, "kvm1")
    assert target.state == "Failed"
    assert target.detail.startswith("Drain: not empty after 1 s: ")
    assert lab.resource_state("kvm1") == "Enabled"
    assert lab_models.Instance.objects.get(id=stays).state == "Running"
    assert Attention.objects.filter(cause="stage-failed", resolved_at=None).count() == 1


def test_a_paused_run_lets_no_held_host_out(lab):
    lab_models.Host.objects.filter(name="kvm3").update(resource_state="Disabled")
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        held(run, "kvm1", "kvm3 is out of service")
        actions.pause_run(run.id, actor="operator")
        wait_until(lambda: state_of(run) == "Paused", within_s=20)
        lab_models.Host.objects.filter(name="kvm3").update(resource_state="Enabled")
        held(run, "kvm1", "the run is paused")
        assert effects(lab.hosts["kvm1"], "prepare") == 0

        actions.resume_run(run.id, actor="operator")
        assert ended(run).state == "Succeeded"


def test_a_host_waits_for_the_patch_of_a_system_vm_that_runs_on_it(lab):
    add_system_vm(lab, "v-1-VM", SystemVmType.CONSOLE_PROXY)
    run = lab.start(hosts=["kvm1"])
    vm = SystemVm.objects.get()
    SystemVm.objects.update(looked_at=Now())  # none is booted to be probed
    patch = Run.objects.create(
        number=77, kind=RunKind.LIVE_PATCH, cloud=lab.cloud, state=RunState.RUNNING, scope_kind="system_vms",
        scope_ids=[vm.id], timeout_s=60, drain_timeout_s=60, started_by="night shift",
    )  # fmt: skip
    at_work = Target.objects.create(
        run=patch, system_vm=vm, name=vm.name, zone_id=vm.zone_id, order=1, state=TargetState.WORKING
    )
    with engine_running():
        held(run, "kvm1", "run 77 is at work on v-1-VM, which runs on it")
        assert effects(lab.hosts["kvm1"], "prepare") == 0

        Target.objects.filter(id=at_work.id).update(state=TargetState.DONE, is_open=False)
        assert ended(run).state == "Succeeded"
