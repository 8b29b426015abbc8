"""System VMs, routers, networks and updates, and live patches over them, written as the engine would leave them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from maintenance.domain.states import TARGET_ENDED, RunKind, RunState, TargetState
from maintenance.domain.system_vms import ROUTERS, SERVICES, SystemVmType
from maintenance.models import (
    Attention,
    Downtime,
    Network,
    Payload,
    Run,
    Step,
    SystemVm,
    Target,
    Vpc,
)
from tests.dashboard.inventory import Inventory

OLD, NEW = "4.21.0.0", "4.21.0.1"
OLD_MD5, NEW_MD5 = "a" * 32, "b" * 32
ALL_TYPES = [str(kind) for kind in SystemVmType]


def listed(inventory: Inventory, name: str) -> dict[str, Any]:
    return {"id": uuid4(), "cloud": inventory.cloud, "name": name, "changed_at": timezone.now()}


def make_vm(inventory: Inventory, name: str, kind: str = SystemVmType.ROUTER, **columns: Any) -> SystemVm:
    """One that runs the old version and was probed just now; every service answers."""
    version = columns.get("software_version", OLD)
    values: dict[str, Any] = {
        "state": "Running",
        "zone": inventory.zone,
        "host": inventory.hosts["kvm1"],
        "template_version": "4.21.0.0",
        "base_image": "debian-12.8",
        "software_version": OLD,
        "scripts_checksum": OLD_MD5,
        "services": [
            {"name": service, "is_enabled": True, "is_active": True, "version": version}
            for service in SERVICES[SystemVmType(kind)]
        ],
        "probed_at": timezone.now(),
    }
    if kind in ROUTERS:
        values |= {"account": "shop", "domain": "ROOT/retail", "public_ips": ["198.51.100.9"]}
        values["rules"] = {"firewall": 3, "port_forwarding": 2, "load_balancing": 1}
    return SystemVm.objects.create(**listed(inventory, name), type=kind, **(values | columns))


def make_network(inventory: Inventory, name: str, **columns: Any) -> Network:
    values: dict[str, Any] = {
        "zone": inventory.zone,
        "account": "shop",
        "domain": "ROOT/retail",
        "state": "Implemented",
    } | columns
    return Network.objects.create(**listed(inventory, name), **values)


def make_vpc(inventory: Inventory, name: str, **columns: Any) -> Vpc:
    values: dict[str, Any] = {"zone": inventory.zone, "account": "shop", "domain": "ROOT/retail"} | columns
    return Vpc.objects.create(**listed(inventory, name), **values)


def publish(version: str = NEW, md5: str = NEW_MD5, *, security: bool = False, **columns: Any) -> Payload:
    """As `manage.py payload publish` leaves it."""
    values: dict[str, Any] = {
        "types": ALL_TYPES,
        "base_image": "debian-12.8",
        "agent_sha256": "1" * 64,
        "scripts_sha256": version.encode().hex().ljust(64, "0")[:64],
        "scripts_md5": md5,
        "advisories": [{"id": "CVE-2026-1", "title": "dnsmasq reads too far", "is_security": security}],
        "manifest": "{}",
        "signed_by": "release key",
        "published_by": "ada",
    } | columns
    return Payload.objects.create(version=version, **values)


def patch_run(inventory: Inventory, vms: Sequence[SystemVm], **columns: Any) -> Run:
    """A running live patch of these, in this order, none of which has begun."""
    now = timezone.now()
    newest = Run.objects.order_by("-number").values_list("number", flat=True).first() or 0
    payload = Payload.objects.first()
    values: dict[str, Any] = {
        "state": RunState.RUNNING,
        "started_at": now - timedelta(seconds=34),
        "payload_id": payload.id if payload else None,
    } | columns
    values = {
        "kind": RunKind.LIVE_PATCH,
        "scope_kind": "system_vms",
        "scope_words": ", ".join(vm.name for vm in vms)[:500],
    } | values
    run = Run.objects.create(
        number=newest + 1, cloud=inventory.cloud, scope_ids=[vm.id for vm in vms], timeout_s=3600,
        drain_timeout_s=3600, started_by="ada", **values,
    )  # fmt: skip
    Target.objects.bulk_create(
        Target(
            run=run, system_vm=vm, name=vm.name, zone_name=vm.zone.name, zone_id=vm.zone_id, order=order,
            group=_group(vm),
        )
        for order, vm in enumerate(vms, 1)
    )  # fmt: skip
    return run


def restart_run(
    inventory: Inventory, routers: Sequence[SystemVm], way: str = "parallel", **columns: Any
) -> Run:
    """A running restart of these, in this order, none of which has begun."""
    network = routers[0].vpc or routers[0].network
    values: dict[str, Any] = {
        "kind": RunKind.ROUTER_RESTART,
        "way": way,
        "scope_kind": "networks",
        "scope_words": network.name if network else "",
        "payload_id": None,
    } | columns
    return patch_run(inventory, routers, **values)


def _group(vm: SystemVm) -> UUID | None:
    return (vm.vpc_id or vm.network_id or vm.id) if vm.type in ROUTERS else None


def put_vm(run: Run, name: str, state: str, **columns: Any) -> Target:
    """The VM stands here now."""
    if state in TARGET_ENDED:
        columns.setdefault("finished_at", timezone.now())
    Target.objects.filter(run=run, name=name).update(state=state, **columns)
    return Target.objects.get(run=run, name=name)


def patch_step(target: Target, stage: str, outcome: str = "ok", *, took_s: float = 6, **columns: Any) -> Step:
    """A step that has ended; with an empty outcome one that is at work since then."""
    now = timezone.now()
    return Step.objects.create(
        target=target, run=target.run, stage=stage, state="Ended" if outcome else "Running", outcome=outcome,
        started=now - timedelta(seconds=took_s), finished=now if outcome else None, **columns,
    )  # fmt: skip


def measure(run: Run, vm: SystemVm, way: str = "ingress", **columns: Any) -> Downtime:
    now = timezone.now()
    values: dict[str, Any] = {"probes": 680, "failed": 1, "down_ms": 60.0} | columns
    return Downtime.objects.create(
        run=run,
        system_vm=vm,
        way=way,
        interval_ms=50,
        began_at=now - timedelta(seconds=34),
        ended_at=now,
        **values,
    )


def needs_person(target: Target, cause: str, title: str, message: str) -> Attention:
    return Attention.objects.create(
        cause=cause, title=title, message=message, run=target.run, target=target, system_vm=target.system_vm
    )


def failed_and_restored(run: Run, name: str, why: str) -> Target:
    """It was changed, did not come up, and the previous version is back: a person is asked."""
    detail = f"RestartServices: {why}"
    target = put_vm(run, name, TargetState.FAILED, detail=detail, result="failed_restored")
    for stage, outcome, words in (
        ("Copy", "ok", ""),
        ("BackUp", "ok", ""),
        ("Apply", "ok", ""),
        ("RestartServices", "failed", why),
        ("RollBack", "ok", ""),
    ):
        movement = {"backup": "/var/cache/cloud/bkpup_live_patch", "files": 412, "bytes": 3_100_000}
        patch_step(target, stage, outcome, detail=words, movement=movement if stage == "BackUp" else {})
    needs_person(target, "patch-failed", f"The update of {name} failed", detail)
    return target


def not_restored(run: Run, name: str) -> Target:
    """Neither version runs: red, with the path and the commands."""
    detail = (
        "RollBack: not restored: no space left on device\nThe backup is /var/cache/cloud/bkpup_live_patch\n"
        "tar -C / -xzf /var/cache/cloud/bkpup_live_patch/system.tgz && systemctl restart haproxy apache2 dnsmasq"
    )
    target = put_vm(run, name, TargetState.NEEDS_PERSON, detail=detail, result="failed_not_restored")
    patch_step(
        target, "BackUp", movement={"backup": "/var/cache/cloud/bkpup_live_patch", "files": 412, "bytes": 9}
    )
    patch_step(target, "RestartServices", "failed", detail="haproxy does not run after its restart")
    patch_step(target, "RollBack", "failed", detail="no space left on device")
    needs_person(target, "patch-not-restored", f"{name} could not be restored", detail)
    return target
