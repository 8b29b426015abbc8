"""Two tenants with networks, routers and machines: rows only, no cloud behind them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.test import Client
from django.utils import timezone

from dashboard.models import Membership, Role, User
from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.actions.router_restarts import RestartRequest, start_router_restart
from maintenance.domain.states import RunState, TargetState
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.models import Downtime, Instance, Network, Payload, Run, Step, SystemVm, Target, Vpc
from tests.dashboard.inventory import Inventory, make_inventory
from tests.dashboard.people import make_person

OLD, NEW = "4.21.0.0", "4.21.0.1"
OLD_SUM, NEW_SUM = "0" * 32, "1" * 32
IMAGE = "systemvm-kvm-4.21.0"


@dataclass
class Tenancy:
    """`shop` and `bank` each have a network with a router; what is made of them is told by name."""

    inventory: Inventory
    networks: dict[str, Network] = field(default_factory=dict)
    vpcs: dict[str, Vpc] = field(default_factory=dict)
    routers: dict[str, SystemVm] = field(default_factory=dict)

    def person(self, account: str, domain: str = "") -> User:
        return member(self.inventory, account, domain)

    def id(self, name: str) -> UUID:
        return (self.networks.get(name) or self.vpcs[name]).id


def make_tenancy() -> Tenancy:
    tenancy = Tenancy(make_inventory())
    for account in ("shop", "bank"):
        add_network(tenancy, f"{account}-prod", account)
    return tenancy


def member(inventory: Inventory, account: str, domain: str = "") -> User:
    """A tenant's person of this account; with a domain and no account: of all of it."""
    person = make_person(Role.TENANT, f"{account or 'all'}-person")
    Membership.objects.get_or_create(
        user=person,
        cloud=inventory.cloud,
        domain=domain or f"ROOT/{account}",
        account=account,
        defaults={"made_by": "ada"},
    )
    return person


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _listed(tenancy: Tenancy, name: str) -> dict[str, Any]:
    return {"id": uuid4(), "cloud": tenancy.inventory.cloud, "name": name, "changed_at": timezone.now()}


def add_network(
    tenancy: Tenancy,
    name: str,
    account: str,
    *,
    vpc: str = "",
    pair: bool = False,
    routers: bool = True,
    **vm: Any,
) -> Network:
    """A network with its router, or with a pair of them. A tier has its VPC's."""
    owner = {"account": account, "domain": f"ROOT/{account}"}
    network = Network.objects.create(
        zone=tenancy.inventory.zone,
        vpc=tenancy.vpcs.get(vpc),
        state="Implemented",
        is_redundant=pair,
        **owner,
        **_listed(tenancy, name),
    )
    tenancy.networks[name] = network
    if routers and not vpc:
        for n, side in enumerate(("PRIMARY", "BACKUP") if pair else ("",), 1):
            add_router(tenancy, f"r-{name}-{n}-VM", network=network, redundant_state=side, **owner, **vm)
    return network


def add_vpc(tenancy: Tenancy, name: str, account: str, *tiers: str) -> Vpc:
    owner = {"account": account, "domain": f"ROOT/{account}"}
    vpc = Vpc.objects.create(zone=tenancy.inventory.zone, **owner, **_listed(tenancy, name))
    tenancy.vpcs[name] = vpc
    add_router(tenancy, f"r-{name}-1-VM", vpc=vpc, **owner)
    for tier in tiers:
        add_network(tenancy, tier, account, vpc=name)
    return vpc


def add_router(tenancy: Tenancy, name: str, **columns: Any) -> SystemVm:
    """Probed a moment ago: it runs the old version, and all its services answer."""
    kind = columns.pop("type", SystemVmType.ROUTER)
    version = columns.pop("software_version", OLD)
    values: dict[str, Any] = {
        "type": kind,
        "state": "Running",
        "zone": tenancy.inventory.zone,
        "host": tenancy.inventory.hosts["kvm1"],
        "template_version": "4.21.0",
        "base_image": IMAGE,
        "software_version": version,
        "scripts_checksum": NEW_SUM if version == NEW else OLD_SUM,
        "services": [
            {"name": service, "is_enabled": True, "is_active": True, "version": version}
            for service in SERVICES[kind]
        ],
        "probed_at": timezone.now(),
    }
    router = SystemVm.objects.create(**_listed(tenancy, name), **{**values, **columns})
    tenancy.routers[name] = router
    return router


def publish(version: str = NEW, *, security: bool = False, base_image: str = IMAGE) -> Payload:
    return Payload.objects.create(
        version=version,
        types=[SystemVmType.ROUTER, SystemVmType.INTERNAL_LB],
        base_image=base_image,
        agent_sha256="a" * 64,
        scripts_sha256=version.rjust(64, "b"),
        scripts_md5=NEW_SUM,
        advisories=[{"id": "A-1", "title": "a hole", "is_security": security}],
        manifest="{}",
        signed_by="release",
        published_by="ada",
    )


def add_machine(
    tenancy: Tenancy, name: str, account: str, host: str = "kvm1", state: str = "Running"
) -> Instance:
    return Instance.objects.create(
        host=tenancy.inventory.hosts[host] if host else None,
        state=state,
        account=account,
        domain=f"ROOT/{account}",
        cpu_cores=2,
        memory_mb=2048,
        **_listed(tenancy, name),
    )


# ---- patches ---------------------------------------------------------------------------------------------------------


def patch(tenancy: Tenancy, network: str, actor: str = "ada", **asked: Any) -> Run:
    """Started as people start it, and not yet begun."""
    started = start_live_patch(
        PatchRequest(network_ids=(tenancy.networks[network].id,), **asked), actor=actor
    )
    return started.run


def restart(tenancy: Tenancy, name: str, **asked: Any) -> Run:
    """Of a network's or a VPC's routers, as operators start it, and not yet begun."""
    place = tenancy.networks.get(name) or tenancy.vpcs[name]
    field = "network_ids" if name in tenancy.networks else "vpc_ids"
    whole: dict[str, Any] = {field: (place.id,), **asked}
    return start_router_restart(RestartRequest(**whole), actor="ada").run


def replaced(tenancy: Tenancy, run: Run, *, by: str = "r-new-VM", version: str = NEW) -> SystemVm:
    """The restart is over: the old router is gone, this one serves."""
    old = SystemVm.objects.get(id=ended(run, "replaced").system_vm_key)
    SystemVm.objects.filter(id=old.id).update(gone_at=timezone.now())
    owner = {"network": old.network, "vpc": old.vpc, "account": old.account, "domain": old.domain}
    return add_router(tenancy, by, software_version=version, **owner)


def measured(target: Target, ms: float, **columns: Any) -> Downtime:
    """What probes found while it was worked on."""
    now = timezone.now()
    values = {
        "way": "ingress",
        "interval_ms": 50,
        "probes": 200,
        "failed": 3,
        "began_at": now,
        "ended_at": now,
    }
    return Downtime.objects.create(
        run=target.run, system_vm_id=target.system_vm_key, down_ms=ms, **(values | columns)
    )


def begun(run: Run) -> Run:
    Run.objects.filter(id=run.id).update(state=RunState.RUNNING, started_at=timezone.now())
    run.refresh_from_db()
    return run


def at_stage(run: Run, *ended: str, now: str = "", router: str = "") -> Target:
    """The router has these stages behind it, and is at `now`."""
    target = Target.objects.filter(run=begun(run), **({"name": router} if router else {})).order_by("order")[
        0
    ]
    began = timezone.now() - timedelta(seconds=10 * (len(ended) + 1))
    for stage in ended:
        Step.objects.create(
            target=target, run=run, stage=stage, state="Ended", outcome="ok",
            started=began, finished=began + timedelta(seconds=6),
        )  # fmt: skip
        began += timedelta(seconds=10)
    if now:
        Step.objects.create(target=target, run=run, stage=now, state="Running", started=began)
    target.state = TargetState.WORKING
    target.save()
    return target


def ended(
    run: Run, result: str, *, at: datetime | None = None, failed: str = "", detail: str = "", state: str = ""
) -> Target:
    """The run is over, with this result of each router."""
    at = at or timezone.now()
    for target in run.targets.all():
        if failed:
            Step.objects.create(
                target=target, run=run, stage=failed, state="Ended", outcome="failed", detail=detail,
                started=at - timedelta(seconds=20), finished=at - timedelta(seconds=10),
            )  # fmt: skip
        target.state = state or {
            "patched": TargetState.DONE,
            "replaced": TargetState.DONE,
            "reapplied": TargetState.DONE,
            "already_current": TargetState.SKIPPED,
            "failed_not_restored": TargetState.NEEDS_PERSON,
            "unconfirmed": TargetState.NEEDS_PERSON,
        }.get(result, TargetState.FAILED)
        target.result, target.finished_at, target.is_open = result, at, False
        target.save()
    good = result in {"patched", "already_current", "replaced", "reapplied"}
    Run.objects.filter(id=run.id).update(
        state=RunState.SUCCEEDED if good else RunState.FAILED, started_at=at, finished_at=at
    )
    if result == "patched":
        SystemVm.objects.filter(targets__run=run).update(software_version=NEW, scripts_checksum=NEW_SUM)
    return run.targets.order_by("order")[0]
