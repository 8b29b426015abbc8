"""Live patches by a real engine in the lab's VMs: real folders, real service processes, every outcome."""

import shutil
from pathlib import Path

import pytest

from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.seed import seed_lab
from maintenance.backends.lab.system_vms import breaking, power
from maintenance.backends.lab.system_vms.folder import folder_of
from maintenance.backends.registry import _made
from maintenance.inventory_sync import read_cloud
from maintenance.models import Attention, Cloud, Payload, Run, Step, SystemVm, Target
from maintenance.patching import journal
from maintenance.patching.layout import PATCHES, installed
from maintenance.payload_files import kept_at
from maintenance.system_vms_sync import probe_vm
from tests.maintenance.backends.system_vms_lab import ROUTER, SSVM
from tests.maintenance.engine.small_lab import INSTANT, engine_running
from tests.maintenance.patching.payloads import payload
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NEW = "4.99.0.0"
ENDED = {"Done", "Failed", "Skipped", "NeedsPerson", "Cancelled"}
FORWARD = ["Copy", "BackUp", "Apply", "RestartServices", "Verify"]


@pytest.fixture
def cloud(db, settings, open_folder: Path):
    """The demo lab, read and probed; all machines end with the test."""
    settings.VAR_DIR = open_folder
    _made.cache_clear()
    seed_lab()
    world = lab_models.World.objects.get()
    world.settings |= INSTANT
    world.save()
    cloud = Cloud.objects.create(name="lab", kind="lab")
    read_cloud(cloud)
    for vm in SystemVm.objects.all():
        probe_vm(vm)  # so that no engine is at it when the test ends
    yield cloud
    power.turn_all_off()
    _made.cache_clear()
    shutil.rmtree(open_folder / "lab", ignore_errors=True)


def publish(tmp_path: Path) -> Payload:
    """As publishing leaves it: files by checksum, and a row."""
    files = payload(tmp_path, NEW, base_image="")
    for path, sha256 in ((files.agent, files.agent_sha256), (files.scripts, files.scripts_sha256)):
        kept_at(sha256).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept_at(sha256))
    return Payload.objects.create(
        version=NEW,
        types=sorted(files.types),
        agent_sha256=files.agent_sha256,
        scripts_sha256=files.scripts_sha256,
        scripts_md5=files.scripts_md5,
        manifest="",
        signed_by="test",
        published_by="test",
    )


def patched(cloud: Cloud, name: str, **rules: object) -> Target:
    """How the patch of this VM ended."""
    vm = SystemVm.objects.get(name=name)
    request = PatchRequest(system_vm_ids=(vm.id,), soak_s=0, **rules)  # type: ignore[arg-type]
    run: Run = start_live_patch(request, actor="operator").run
    with engine_running():
        return wait_until(
            lambda: Target.objects.filter(run=run, state__in=ENDED).exclude(result="").first(), within_s=40
        )


def stages(target: Target) -> list[str]:
    return list(Step.objects.filter(target=target).order_by("started").values_list("stage", flat=True))


def versions(name: str) -> set[str]:
    """As the console shows them: what was probed."""
    return {service["version"] for service in SystemVm.objects.get(name=name).services}


@pytest.mark.parametrize(("name", "way"), [(SSVM, FORWARD), (ROUTER, [*FORWARD, "ReapplyRules"])])
def test_a_vm_is_patched_step_by_step_and_nothing_is_left(cloud, tmp_path, name, way):
    publish(tmp_path)

    target = patched(cloud, name)

    assert (target.result, stages(target)) == ("patched", way)
    assert versions(name) == {NEW}
    folder = folder_of(name).root / PATCHES
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [journal.NAME]
    assert not Attention.objects.exists()


def test_a_service_that_does_not_start_ends_with_the_previous_version_back(cloud, tmp_path):
    publish(tmp_path)
    before = versions(SSVM)
    breaking.lie(folder_of(SSVM), "apache2", *before)

    target = patched(cloud, SSVM)

    assert target.result == "failed_restored", target.detail
    assert stages(target) == [*FORWARD, "RollBack"]
    assert versions(SSVM) == before == {installed(folder_of(SSVM).root).version}


def test_a_rollback_that_fails_needs_a_person_who_is_told_what_to_type(cloud, tmp_path):
    publish(tmp_path)
    breaking.fail_start(folder_of(SSVM), "apache2", with_any=True)

    target = patched(cloud, SSVM)

    assert target.result == "failed_not_restored", target.detail
    last = Step.objects.filter(target=target).order_by("started").last()
    assert last is not None
    words = f"{last.note} {target.detail}"
    assert "/var/cache/cloud/patch/" in words
    assert "systemctl restart cloud apache2 portmap" in words
    assert Attention.objects.exists()
