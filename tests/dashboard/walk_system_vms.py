"""System VMs in every state, live patches of them and restarts of routers, of the installation with something of
everything in it."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.feed import unit_of_work
from maintenance.models import Run
from tests.dashboard.console.system_vms import (
    NEW,
    NEW_MD5,
    failed_and_restored,
    make_network,
    make_vm,
    make_vpc,
    measure,
    needs_person,
    not_restored,
    patch_run,
    patch_step,
    publish,
    put_vm,
    restart_run,
)
from tests.dashboard.inventory import Inventory

FREE, FREE_NETWORK = "s-60-VM", "studio-free"  # no run has it, nor its router
# Their pages differ: at work, of a pair, failed, not restored, current, too old, of a VPC, never probed, silent …
UNLIKE = (
    *("r-27-VM", "r-33-VM", "r-41-VM", "r-42-VM", "v-2-VM", "r-12-VM", "b-5-VM", "v-10-VM", "r-9-VM"),
    *("r-62-VM", "r-64-VM", FREE),
)


def patch_runs(inventory: Inventory) -> dict[str, Run]:
    """One at work, one paused with what failed in every way, one over; and what has no run."""
    sources = [{"file": "agent.zip", "url": "https://mirror.example.org/agent.zip"}]
    payload = publish(security=True, sources=sources)
    network = make_network(inventory, "shop-prod")
    paired = make_network(inventory, "clinic-core", is_redundant=True)
    vpc = make_vpc(inventory, "media-vpc")
    router = make_vm(inventory, "r-27-VM", network=network, public_ips=["198.51.100.9", "2001:db8::9"])
    make_vm(inventory, FREE, SystemVmType.SECONDARY_STORAGE)
    pair = [
        make_vm(inventory, name, network=paired, redundant_state=side)
        for name, side in (("r-33-VM", "PRIMARY"), ("r-34-VM", "BACKUP"))
    ]
    broken = [make_vm(inventory, f"r-{n}-VM", network=network) for n in (41, 42, 43, 44)]
    storage = make_vm(inventory, "s-1-VM", SystemVmType.SECONDARY_STORAGE)
    current = make_vm(
        inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY, software_version=NEW, scripts_checksum=NEW_MD5
    )
    make_vm(inventory, "r-12-VM", network=network, template_version="4.13.1.0")
    make_vm(inventory, "b-5-VM", SystemVmType.INTERNAL_LB, vpc=vpc)
    make_vm(
        inventory, "v-10-VM", SystemVmType.CONSOLE_PROXY, probed_at=None, services=[], software_version=""
    )
    make_vm(
        inventory, "r-9-VM", network=network, probe_error="does not answer on its control address", host=None
    )
    at_work = patch_run(inventory, [router, *pair], reason="CVE-2026-1", ticket="CHG-9", canary=1)
    target = put_vm(at_work, "r-27-VM", TargetState.WORKING)
    patch_step(target, "Copy")
    patch_step(target, "BackUp", movement={"backup": "/var/cache/cloud/b", "files": 412, "bytes": 3_000_000})
    patch_step(target, "Apply")
    patch_step(target, "RestartServices", "", note="dnsmasq is watched")
    measure(at_work, router)
    paused = patch_run(inventory, broken, state=RunState.PAUSED, paused_reason={
        "code": "patch-not-restored", "message": "r-42-VM could not be restored", "host": None, "by": "engine",
        "since": timezone.now().isoformat(),
    })  # fmt: skip
    failed_and_restored(paused, "r-41-VM", "dnsmasq: port 53 is in use already")
    not_restored(paused, "r-42-VM")
    nothing = put_vm(
        paused, "r-43-VM", TargetState.FAILED, result="nothing_changed", detail="Copy: disk is full"
    )
    patch_step(nothing, "Copy", "failed", detail="disk is full")
    put_vm(
        paused,
        "r-44-VM",
        TargetState.NEEDS_PERSON,
        result="unconfirmed",
        detail="Verify: no answer for 310 s",
    )
    over = patch_run(
        inventory, [storage, current], state=RunState.SUCCEEDED, finished_at=timezone.now(),
        started_at=timezone.now() - timedelta(minutes=2), details="1 patched, 1 was current",
    )  # fmt: skip
    put_vm(over, "s-1-VM", TargetState.DONE, result="patched", is_open=False)
    put_vm(
        over,
        "v-2-VM",
        TargetState.SKIPPED,
        result="already_current",
        is_open=False,
        detail="it runs it already",
    )
    with unit_of_work("ada") as work:
        work.event("payload.published", {"payload": str(payload.id), "version": payload.version})
        about = {"system_vm": str(router.id), "name": router.name}
        change = {"software_version": "4.21.0.1"}
        work.event("system_vm.changed", about, before={"software_version": "4.21.0.0"}, after=change)
        work.event("network.changed", {"network": str(network.id), "name": network.name}, after={"new": True})
        work.event("vpc.changed", {"vpc": str(vpc.id), "name": vpc.name}, after={"new": True})
    return {"patch at work": at_work, "patch paused": paused, "patch over": over}


def restart_runs(inventory: Inventory) -> dict[str, Run]:
    """One at work, one paused with what failed in every way; and a network whose router nobody restarts."""
    make_vm(inventory, "r-61-VM", network=make_network(inventory, FREE_NETWORK))
    vpc = make_vpc(inventory, "studio-vpc", new_router_version="4.22.0.0-custom")
    router = make_vm(inventory, "r-62-VM", vpc=vpc)
    network = make_network(
        inventory, "studio-render", new_router_version="4.22.0.0-custom", is_redundant=True
    )
    broken = [make_vm(inventory, f"r-{n}-VM", network=network) for n in (63, 64, 65)]
    at_work = restart_run(
        inventory,
        [router],
        way_words="one side of the pair is missing",
        reason="It forgets leases",
        ticket="CHG-10",
    )
    target = put_vm(at_work, "r-62-VM", TargetState.WORKING)
    new = {"router": "r-66-VM", "router_id": str(uuid4()), "version": "4.22.0.0"}
    patch_step(target, "StartReplacement", movement=new)
    patch_step(target, "SwitchTraffic", "", note="traffic is on its way")
    measure(at_work, router, "egress", gaps=[{"ms": 60.0}])
    paused = restart_run(inventory, broken, "serial", state=RunState.PAUSED, paused_reason={
        "code": "router-not-restored", "message": "r-64-VM could not be restored", "host": None, "by": "engine",
        "since": timezone.now().isoformat(),
    })  # fmt: skip
    for name, state, result, cause in (
        ("r-63-VM", TargetState.FAILED, "failed_restored", "router-failed"),
        ("r-64-VM", TargetState.NEEDS_PERSON, "failed_not_restored", "router-not-restored"),
    ):
        failed = put_vm(paused, name, state, detail="StartReplacement: it does not boot", result=result)
        patch_step(failed, "StopRouter")
        patch_step(failed, "StartReplacement", "failed", detail="it does not boot", movement=new)
        patch_step(
            failed, "SwitchBack", "ok" if state == TargetState.FAILED else "failed", detail="as it was"
        )
        needs_person(failed, cause, f"{name} could not be restarted", failed.detail)
    return {"restart of a router": at_work, "restart of routers paused": paused}
