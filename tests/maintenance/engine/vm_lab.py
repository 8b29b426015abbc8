"""As many system VMs in a small lab as a test wants: real folders, real services; and ways to look what became of them.

(patch_lab.py is the demo's own VMs.)
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.system_vms import demo
from maintenance.backends.lab.system_vms.folder import VmFolder, folder_of
from maintenance.backends.registry import cloud_of_kind
from maintenance.backends.system_vms import Probe
from maintenance.domain.states import TARGET_ENDED
from maintenance.domain.system_vms import ROUTERS, SystemVmType
from maintenance.feed import unit_of_work
from maintenance.models import Cloud, Payload, Run, Step, SystemVm, Target
from maintenance.patching import journal
from maintenance.patching.journal import Journal
from maintenance.patching.layout import PATCHES
from maintenance.payload_files import kept_at
from maintenance.payloads.publish import about_payload
from maintenance.system_vms_sync import probe_vm
from tests.maintenance.backends.system_vms_lab import machines_end
from tests.maintenance.engine.small_lab import SmallLab
from tests.maintenance.patching.payloads import payload
from tests.waiting import wait_until

OLD, NEW = demo.VERSION, "4.99.0.0"
FIVE_STEPS = ["Copy", "BackUp", "Apply", "RestartServices", "Verify"]


def add_system_vm(
    lab: SmallLab, name: str, kind: SystemVmType, *, account: str = "system", **columns: object
) -> UUID:
    """One more, listed by the lab and not read yet. A router has a public IP and a rule of its own."""
    number = lab_models.SystemVm.objects.count() + 1
    ip = f"192.0.2.{number}"
    rules = [f"ip {ip}", f"balance {ip}:80 10.1.1.21:80"] if kind in ROUTERS else []
    if kind is SystemVmType.ROUTER:
        rules.append(f"forward {ip}:22 10.1.1.10:22")
    made = lab_models.SystemVm.objects.create(
        id=uuid4(),
        name=name,
        type=kind,
        zone=lab_models.Zone.objects.get(),
        host_id=next(iter(lab.hosts.values())),
        account=account,
        domain=f"ROOT/{account}",
        template_version=demo.TEMPLATE,
        base_image=demo.BASE_IMAGE,
        software_version=OLD,
        public_ips=[ip] if rules else [],
        rules=rules,
        **columns,
    )
    return made.id


def add_network(lab: SmallLab, name: str, account: str) -> UUID:
    """A customer's network, with a router r-NAME-VM."""
    network = lab_models.Network.objects.create(
        id=uuid4(),
        zone=lab_models.Zone.objects.get(),
        name=name,
        account=account,
        domain=f"ROOT/{account}",
    )
    add_system_vm(lab, f"r-{name}-VM", SystemVmType.ROUTER, account=account, network=network)
    return network.id


@contextmanager
def all_probed(lab: SmallLab) -> Iterator[None]:
    """Every system VM is read, booted and probed; none runs afterwards."""
    with machines_end():
        lab.read()
        for vm in SystemVm.objects.select_related("cloud"):
            probe_vm(vm)
        yield


def publish(folder: Path, version: str = NEW) -> Payload:
    """As publishing leaves it: the files lie here by checksum, the row offers them to every type, and it is told."""
    files = payload(folder / version, version, base_image="")
    for path, sha256 in ((files.agent, files.agent_sha256), (files.scripts, files.scripts_sha256)):
        kept_at(sha256).parent.mkdir(parents=True, exist_ok=True)
        kept_at(sha256).write_bytes(path.read_bytes())
    row = Payload.objects.create(
        version=version,
        types=[str(kind) for kind in SystemVmType],
        base_image="",
        agent_sha256=files.agent_sha256,
        scripts_sha256=files.scripts_sha256,
        scripts_md5=files.scripts_md5,
        manifest="{}",
        signed_by="test",
        published_by="admin",
    )
    with unit_of_work("admin") as work:
        work.event("payload.published", about_payload(row), after={"version": version})
    return row


def patch(names: Sequence[str], **how: object) -> Run:
    """Started by an operator; all at once, whatever becomes of the others, and without a soak."""
    asked = {"soak_s": 0, "per_zone": 1000, "on_failure": "skip"} | how
    request = PatchRequest(system_vm_ids=tuple(id_of(name) for name in names), **asked)  # type: ignore[arg-type]
    return start_live_patch(request, actor="operator").run


def id_of(name: str) -> UUID:
    return SystemVm.objects.get(name=name).id


def target(run: Run, name: str) -> Target:
    return Target.objects.get(run=run, name=name)


def stages(run: Run, name: str) -> list[tuple[str, str]]:
    """(stage, outcome), in the order they were done."""
    found = Step.objects.filter(run=run, target__name=name).order_by("started", "round")
    return [(step.stage, step.outcome) for step in found]


def in_stage(run: Run, name: str, stage: str) -> Step:
    """The VM's step, once it is at work."""
    steps = Step.objects.filter(run=run, target__name=name, stage=stage, state="Running")
    return wait_until(steps.first, within_s=30)


def all_ended(run: Run, *, within_s: float = 60, only_while: Callable[[], bool] = lambda: True) -> Run:
    """The run, once each of its VMs has come to an end. `only_while`: what has to be true until then."""

    def ended() -> bool:
        assert only_while(), "whoever does the work has ended"
        return not Target.objects.filter(run=run).exclude(state__in=TARGET_ENDED).exists()

    wait_until(ended, within_s=within_s, every_s=0.1)
    run.refresh_from_db()
    return run


def asked_now(name: str) -> Probe:
    """What the VM itself answers."""
    cloud = Cloud.objects.get()
    return cloud_of_kind(cloud.kind, cloud.id).probe_system_vm(id_of(name))


def versions(name: str) -> dict[str, str]:
    """Service → the version that it answers now; empty where it does not answer."""
    return {service.name: service.version for service in asked_now(name).services}


def files_of_patches(vm: VmFolder) -> list[str]:
    """What patches have left in the VM: journals, and backups that were not discarded."""
    folder = vm.root / PATCHES
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def only_journal(name: str) -> Journal:
    """Of the one patch that the VM has had."""
    (path,) = (folder_of(name).root / PATCHES).iterdir()
    known = journal.read(path)
    assert known is not None
    return known


def starts_of(name: str, service: str) -> int:
    """How often the VM's init has started the service since it was booted; the boot is the first time."""
    log = (folder_of(name).run / "log").read_text()
    return len(re.findall(rf"^{service}: ok$", log, flags=re.MULTILINE))
