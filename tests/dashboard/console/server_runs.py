"""Management servers, their jobs, and runs over them, written as the engine would leave them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from maintenance.domain.states import TARGET_ENDED, RunKind, RunState, TargetState
from maintenance.models import Agent, Attention, CutOffJob, ManagementServer, PendingJob, Run, Step, Target
from tests.dashboard.inventory import Inventory

BALANCE = {
    "algorithm": "static",
    "check_interval_s": 0,
    "check_interval_of_cluster_s": {},
    "maintenance_timeout_min": 60,
    "ignore_maintenance_hosts": False,
}


def make_servers(inventory: Inventory, *others: str) -> dict[str, ManagementServer]:
    """mgmt1 and these, all Up and in the `host` setting, read just now; the inventory's hosts are mgmt1's agents."""
    now = timezone.now()
    names = ["mgmt1", *others]
    inventory.cloud.servers_read_at = inventory.cloud.servers_as_of = now
    inventory.cloud.balance = BALANCE | {"hosts": [f"10.0.0.{n}" for n in range(1, len(names) + 1)]}
    inventory.cloud.save()
    for number, name in enumerate(names, 1):
        columns = {
            "state": "Up",
            "version": "4.21.0.0",
            "agents": len(inventory.hosts) if number == 1 else 0,
            "address": f"10.0.0.{number}",
            "started_at": now - timedelta(days=3),
            "tasks": {"agent listener": True, "agent monitor": True},
        }
        if number == 1:
            ManagementServer.objects.filter(id=inventory.server.id).update(**columns)
        else:
            ManagementServer.objects.create(**listed(inventory, name), **columns)
    for order, host in enumerate(inventory.hosts.values(), 1):
        Agent.objects.create(
            id=host.id, cloud=inventory.cloud, name=host.name, changed_at=now, kind="host", host_order=order,
            zone=inventory.zone, cluster=host.cluster, state="Up", resource_state="Enabled",
            management_server=inventory.server,
        )  # fmt: skip
    return {row.name: row for row in ManagementServer.objects.all()}


def add_job(inventory: Inventory, server: ManagementServer, command: str, **columns: Any) -> PendingJob:
    """A job that it works on since a minute."""
    columns.setdefault("created", timezone.now() - timedelta(minutes=1))
    columns = {"resource_type": "VirtualMachine", "account": "shop", "domain": "ROOT/retail"} | columns
    return PendingJob.objects.create(**listed(inventory, command), management_server=server, **columns)


def add_cut_off(inventory: Inventory, server: ManagementServer, command: str, **columns: Any) -> CutOffJob:
    """A job that ended because the server was shut down."""
    now = timezone.now()
    columns = {
        "resource_type": "VirtualMachine", "resource_name": "i-2-7-VM", "account": "shop", "domain": "ROOT/retail",
        "created": now - timedelta(minutes=9), "ended_at": now, "why": f"{server.name} was shut down",
    } | columns  # fmt: skip
    return CutOffJob.objects.create(
        **listed(inventory, command), management_server=server, server_name=server.name, **columns
    )


def server_run(
    inventory: Inventory,
    servers: Sequence[ManagementServer],
    kind: str = RunKind.SERVER_RESTART,
    **columns: Any,
) -> Run:
    """A running run over these servers, in this order, none of which has begun."""
    now = timezone.now()
    names = ", ".join(server.name for server in servers)
    newest = Run.objects.order_by("-number").values_list("number", flat=True).first() or 0
    columns = {"state": RunState.RUNNING, "started_at": now - timedelta(minutes=4), "settle_s": 30} | columns
    run = Run.objects.create(
        number=newest + 1, kind=kind, cloud=inventory.cloud, scope_kind="servers",
        scope_ids=[server.id for server in servers], scope_words=names, timeout_s=3600, drain_timeout_s=3600,
        started_by="ada", **columns,
    )  # fmt: skip
    for order, server in enumerate(servers, 1):
        Target.objects.create(run=run, server=server, name=server.name, order=order)
    return run


def put_server(run: Run, name: str, state: str, **columns: Any) -> Target:
    """The server stands here now. Of those away, or back, the times are filled in."""
    now = timezone.now()
    if state in {
        TargetState.DRAINING,
        TargetState.WORKING,
        TargetState.RETURNING,
        TargetState.IN_MAINTENANCE,
    }:
        columns.setdefault("out_at", now - timedelta(seconds=90))
    if state == TargetState.DONE:
        columns.setdefault("out_at", now - timedelta(seconds=240))
        columns.setdefault("back_at", now - timedelta(seconds=40))
    if state in TARGET_ENDED:
        columns.setdefault("finished_at", now)
    Target.objects.filter(run=run, name=name).update(state=state, **columns)
    return Target.objects.get(run=run, name=name)


def server_step(target: Target, stage: str, *, ago_s: float = 60, **columns: Any) -> Step:
    """A stage that is at work since a while."""
    began = timezone.now() - timedelta(seconds=ago_s)
    state = columns.pop("state", "Running")
    return Step.objects.create(
        target=target, run=target.run, stage=stage, state=state, started=began, **columns
    )


def ended_stage(
    target: Target, stage: str, outcome: str = "ok", *, took_s: float = 10, **columns: Any
) -> Step:
    step = server_step(target, stage, ago_s=took_s, state="Ended", outcome=outcome, **columns)
    step.finished = timezone.now()
    step.save(update_fields=["finished"])
    return step


def leaving(jobs: int = 0, agents: int = 0, **more: Any) -> dict[str, Any]:
    """A step's movement while its server prepares."""
    created = (timezone.now() - timedelta(minutes=6)).isoformat()
    job = {
        "command": "StartVMCmdByAdmin", "resource_type": "VirtualMachine", "resource_name": "i-2-7-VM",
        "account": "shop", "domain": "ROOT/retail", "created": created,
    }  # fmt: skip
    agent = {"kind": "host", "goes_to": "mgmt2", "stuck": ""}
    return {
        "jobs_left": jobs,
        "jobs": [{"id": str(uuid4()), **job} for _ in range(min(jobs, 50))],
        "agents_left": agents,
        "agents": [{"id": str(uuid4()), "name": f"kvm{n + 1}", **agent} for n in range(min(agents, 50))],
        "agents_stuck": 0,
        "window_ends_at": (timezone.now() + timedelta(minutes=56)).isoformat(),
        "tasks": {"agent listener": True, "agent monitor": True},
        "why": [],
    } | more


def needs_person(run: Run, target: Target, cause: str, title: str, message: str) -> Attention:
    """An attention about a server of a run."""
    return Attention.objects.create(
        cause=cause, title=title, message=message, run=run, target=target, server_id=target.server_id
    )


def listed(inventory: Inventory, name: str) -> dict[str, Any]:
    return {"id": uuid4(), "cloud": inventory.cloud, "name": name, "changed_at": timezone.now()}
