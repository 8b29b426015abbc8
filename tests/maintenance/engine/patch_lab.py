"""The demo lab for live patches by an engine: its own VMs, of which only those boot that a test asks for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.models.functions import Now

from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.seed import seed_lab
from maintenance.backends.registry import _made, cloud_of_kind
from maintenance.backends.system_vms import Probe
from maintenance.inventory_sync import read_cloud
from maintenance.models import Cloud, Payload, Run, Step, SystemVm, Target
from maintenance.payload_files import kept_at
from maintenance.system_vms_sync import probe_vm
from tests.maintenance.backends.system_vms_lab import machines_end, vm_id
from tests.maintenance.engine.small_lab import INSTANT
from tests.maintenance.patching.payloads import payload

NEW = "4.99.0.0"
STEPS = ["Copy", "BackUp", "Apply", "RestartServices", "Verify"]
OF_ROUTERS = [*STEPS, "ReapplyRules"]


@contextmanager
def patch_lab() -> Iterator[Cloud]:
    """The demo lab, read, with nothing booted: what was not probed is behind nothing, and no engine looks at it."""
    _made.cache_clear()
    seed_lab()
    lab.World.objects.update(settings=INSTANT)
    cloud = Cloud.objects.create(name="lab", kind="lab")
    read_cloud(cloud)
    SystemVm.objects.update(looked_at=Now())
    try:
        with machines_end():
            yield cloud
    finally:
        _made.cache_clear()


def publish_new(folder: Path) -> Payload:
    """As publishing leaves it, for every type: files by checksum, and a row."""
    files = payload(folder, NEW, base_image="")
    for path, sha256 in ((files.agent, files.agent_sha256), (files.scripts, files.scripts_sha256)):
        kept = kept_at(sha256)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
    return Payload.objects.create(
        version=NEW, types=sorted(files.types), base_image="", agent_sha256=files.agent_sha256,
        scripts_sha256=files.scripts_sha256, scripts_md5=files.scripts_md5, manifest="{}", signed_by="test",
        published_by="admin",
    )  # fmt: skip


def looked_at(*names: str) -> None:
    """These run, and what they run was read."""
    for vm in SystemVm.objects.filter(name__in=names, probed_at=None).select_related("cloud"):
        probe_vm(vm)


def patch(*names: str, **rules: object) -> Run:
    """A run over these VMs, which run. Without a soak unless the test wants one."""
    looked_at(*names)
    asked = {"soak_s": 0} | rules
    request = PatchRequest(system_vm_ids=tuple(vm_id(name) for name in names), **asked)  # type: ignore[arg-type]
    return start_live_patch(request, actor="operator").run


def steps(run: Run, name: str) -> list[tuple[str, str]]:
    """(stage, outcome) of the VM, in the order they were done."""
    found = Step.objects.filter(run=run, target__name=name).order_by("started")
    return [(step.stage, step.outcome) for step in found]


def result(run: Run, name: str) -> tuple[str, str]:
    target = Target.objects.get(run=run, name=name)
    return target.state, target.result


def runs_now(name: str) -> Probe:
    """What the VM itself answers."""
    cloud = Cloud.objects.get()
    return cloud_of_kind(cloud.kind, cloud.id).probe_system_vm(vm_id(name))


def shown_versions(name: str) -> set[str]:
    """Of its services, as the console shows them: what was probed."""
    return {service["version"] for service in SystemVm.objects.get(name=name).services}
