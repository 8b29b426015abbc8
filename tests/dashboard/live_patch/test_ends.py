"""However a live patch goes wrong: how it ended is told apart, what is said is what the VM itself answers, and pages
say so."""

import errno
import os
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client

from maintenance.actions import Conflict
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.backends.lab.system_vms.folder import folder_of, vms_dir
from maintenance.backends.registry import cloud_of_kind
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.models import Attention, Cloud, Run, Step, SystemVm
from maintenance.patching.disk import Disk
from maintenance.patching.layout import PATCHES, RELEASES
from maintenance.payload_files import files_of
from tests.dashboard.people import make_person
from tests.maintenance.engine.small_lab import engine_running
from tests.maintenance.engine.vm_lab import (
    NEW,
    OLD,
    add_system_vm,
    all_ended,
    all_probed,
    asked_now,
    files_of_patches,
    id_of,
    in_stage,
    patch,
    publish,
    stages,
    target,
    versions,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

SSVM, CPVM, ROUTER = SystemVmType.SECONDARY_STORAGE, SystemVmType.CONSOLE_PROXY, SystemVmType.ROUTER
FULL_AT = ["Copy", "BackUp", "Apply", "RestartServices", "Verify", "RollBack"]
KINDS = {
    "s-1-VM": SSVM,  # one of three services does not start
    "s-2-VM": SSVM,  # one dies within the soak, with the new version
    "s-3-VM": SSVM,  # one dies within the soak, whatever is installed
    "r-4-VM": ROUTER,  # one was dead before
    "v-5-VM": CPVM,  # says the old version, whatever is installed
    "v-6-VM": CPVM,  # its backup is damaged, and so is what it would restore
    "v-7-VM": CPVM,  # was patched by somebody else since it was probed
    **{f"v-{n}-VM": CPVM for n in range(10, 10 + len(FULL_AT))},
}
FULL = dict(zip(list(KINDS)[-len(FULL_AT) :], FULL_AT, strict=True))
ENDS = {
    "s-1-VM": "failed_restored",
    "s-2-VM": "failed_restored",
    "s-3-VM": "failed_not_restored",
    "r-4-VM": "patched",
    "v-5-VM": "failed_restored",
    "v-6-VM": "failed_not_restored",
    "v-7-VM": "already_current",
    **dict.fromkeys(FULL, "failed_restored"),
    "v-10-VM": "nothing_changed",
    "v-11-VM": "nothing_changed",
}
WORDS = {
    "patched": "Patched",
    "already_current": "Already current, nothing was done",
    "nothing_changed": "Failed before anything was changed",
    "failed_restored": "Failed, previous version is back",
    "failed_not_restored": "Failed, not restored",
    "unconfirmed": "Could not confirm",
}


@pytest.fixture
def vms(lab):
    for name, kind in KINDS.items():
        add_system_vm(lab, name, kind)
    with all_probed(lab):
        yield


@pytest.fixture
def full_disks(monkeypatch: pytest.MonkeyPatch):
    """From its step on the VM's disk is full, until something is removed from it."""
    has_room: set[str] = set()

    def is_its_time(vm: str) -> bool:
        steps = Step.objects.filter(target__name=vm, state="Running")
        return vm in FULL and steps.filter(stage__in=[FULL[vm], "RollBack"]).exists()

    def check(name: str | Path, dir_fd: int | None) -> None:
        vm = vm_of(name, dir_fd)
        if vm not in has_room and is_its_time(vm):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(operation):
        def call(self, name, *args, dir_fd=None):
            check(name, dir_fd)
            return operation(self, name, *args, dir_fd=dir_fd)

        return call

    def unlink(self, name, *, dir_fd=None):
        removed(self, name, dir_fd=dir_fd)
        if is_its_time(vm := vm_of(name, dir_fd)):
            has_room.add(vm)

    removed = Disk.unlink
    monkeypatch.setattr(Disk, "create", full(Disk.create))
    monkeypatch.setattr(Disk, "make_folder", full(Disk.make_folder))
    monkeypatch.setattr(Disk, "unlink", unlink)


def vm_of(name: str | Path, dir_fd: int | None) -> str:
    where = Path(name) if dir_fd is None else Path(f"/proc/self/fd/{dir_fd}").readlink()
    return where.relative_to(vms_dir()).parts[0]


@pytest.fixture
def broken(vms):
    """Each as KINDS says."""
    breaking.fail_start(folder_of("s-1-VM"), "apache2")
    breaking.die_after(folder_of("s-2-VM"), "portmap", 0.3)
    breaking.die_after(folder_of("s-3-VM"), "portmap", 0.3)
    breaking.dead(folder_of("r-4-VM"), "apache2")
    breaking.lie(folder_of("v-5-VM"), "cloud")
    breaking.lie(folder_of("v-6-VM"), "cloud")
    for name in FULL:
        if FULL[name] == "RollBack":
            breaking.fail_start(folder_of(name), "cloud")


def test_each_way_of_going_wrong_has_an_end_of_its_own_and_no_lie_is_shown(broken, full_disks, tmp_path):
    payload = publish(tmp_path)
    by_somebody_else(payload)
    processes = power.running(folder_of("v-7-VM"))
    fault = lab_models.Fault.objects.create(call="roll_back", kind="lose-request", times_left=100_000)
    run = patch(list(KINDS), soak_s=1)
    back = [name for name, end in ENDS.items() if end.startswith("failed_")]
    with engine_running(threads=2 * len(KINDS)):
        for name in back:
            in_stage(run, name, "RollBack")
        breaking.mend(folder_of("s-2-VM"), "portmap")
        damage(folder_of("v-6-VM").root)
        fault.delete()
        all_ended(run)

    assert {name: target(run, name).result for name in KINDS} == ENDS
    for name, kind in KINDS.items():
        expected = NEW if ENDS[name] in {"patched", "already_current"} else OLD
        said = {service: version for service, version in versions(name).items() if version}
        if ENDS[name] != "failed_not_restored":
            assert set(said.values()) == {expected}, name
            assert set(SERVICES[kind]) - set(said) == ({"apache2"} if name == "r-4-VM" else set())
        assert_shown_as_probed(name)

    assert steps_of(run, "s-1-VM")[-2:] == [
        ("RestartServices", "failed", "apache2 does not start: exit status 1"),
        ("RollBack", "ok", ""),
    ]
    assert ("BackUp", "ok", "was dead before, and stays so: apache2") in steps_of(run, "r-4-VM")
    assert files_of_patches(folder_of("r-4-VM")) == ["journal.json"]
    assert stages(run, "v-7-VM") == [("Copy", "not_needed")]
    assert power.running(folder_of("v-7-VM")) == processes
    assert ("Verify", "failed", f"cloud answers {OLD}, not {NEW}") in steps_of(run, "v-5-VM")
    for name, stage in FULL.items():
        if stage != "RollBack":
            (detail,) = [step[2] for step in steps_of(run, name) if step[1] == "failed"]
            assert "No space left on device" in detail, name
            assert [step[0] for step in steps_of(run, name)][: FULL_AT.index(stage) + 1][-1] == stage
    for name, problem in (("s-3-VM", "portmap does not run"), ("v-6-VM", "is damaged")):
        detail = target(run, name).detail
        assert problem in detail
        assert "What was saved is in /var/cache/cloud/patch/" in detail
        assert "systemctl restart cloud" in detail
        assert Attention.objects.get(run=run, target__name=name).cause == "patch-not-restored"
    assert_pages_say(run)


def test_a_vm_that_answers_nobody_any_more_is_in_doubt_and_shown_as_it_was_probed(lab, monkeypatch, tmp_path):
    monkeypatch.setattr("maintenance.engine.patching.patch.STEP_TIMEOUT_S", 1)
    add_system_vm(lab, "v-1-VM", CPVM)
    with all_probed(lab):
        publish(tmp_path)
        breaking.lie(folder_of("v-1-VM"), "cloud")
        lab_models.Fault.objects.create(call="roll_back", kind="lose-request", times_left=100_000)
        before = SystemVm.objects.get(name="v-1-VM").probed_at
        run = patch(["v-1-VM"])
        with engine_running():
            all_ended(run)

        ended = target(run, "v-1-VM")
        vm = SystemVm.objects.get(name="v-1-VM")
        assert (ended.state, ended.result) == ("NeedsPerson", "unconfirmed")
        assert vm.software_version == OLD
        assert before < vm.probed_at < ended.finished_at
        assert "Could not confirm" in page_of(vm)


def test_what_is_current_is_refused_with_the_reason(lab, tmp_path):
    add_system_vm(lab, "v-1-VM", CPVM)
    with all_probed(lab):
        publish(tmp_path)
        run = patch(["v-1-VM"])
        with engine_running():
            all_ended(run)
        vm = SystemVm.objects.get(name="v-1-VM")
        operator = as_operator()

        with pytest.raises(Conflict, match="it runs the newest version"):
            patch(["v-1-VM"])
        answer = operator.post(f"/system-vms/{vm.id}/patch/", follow=True)

        assert "it runs the newest version" in answer.text
        assert Run.objects.count() == 1


def by_somebody_else(payload) -> None:
    """v-7-VM runs it already; nobody has looked since."""
    cloud = Cloud.objects.get()
    asked, vm, ticket = cloud_of_kind(cloud.kind, cloud.id), id_of("v-7-VM"), uuid4()
    asked.copy_payload(vm, files_of(payload), ticket=ticket)
    for step in ("back_up", "apply_payload", "restart_services", "verify_patch", "discard_backup"):
        getattr(asked, step)(vm, ticket=ticket)


def damage(root: Path) -> None:
    """What was saved, and the release that was replaced."""
    for tree in (root / PATCHES, root / RELEASES):
        for file in tree.rglob("common.sh"):
            file.write_text("damaged")


def steps_of(run: Run, name: str) -> list[tuple[str, str, str]]:
    found = Step.objects.filter(run=run, target__name=name).order_by("started")
    return list(found.values_list("stage", "outcome", "detail"))


def assert_shown_as_probed(name: str) -> None:
    """Versions, and which services run: also where nobody could bring it back."""
    probe, vm = asked_now(name), SystemVm.objects.get(name=name)
    assert (vm.software_version, vm.scripts_checksum) == (probe.software_version, probe.scripts_checksum), (
        name
    )
    assert {one["name"]: (one["is_active"], one["version"]) for one in vm.services} == {
        one.name: (one.is_active, one.version) for one in probe.services
    }, name


def as_operator() -> Client:
    client = Client()
    client.force_login(make_person("operator"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def page_of(vm: SystemVm) -> str:
    return as_operator().get(f"/system-vms/{vm.id}/").text


def assert_pages_say(run: Run) -> None:
    """The page of each, and the run's for all."""
    text = as_operator().get(f"/rolling/{run.id}/").text
    for name, end in ENDS.items():
        assert WORDS[end] in page_of(SystemVm.objects.get(name=name)), name
        assert WORDS[end] in text
