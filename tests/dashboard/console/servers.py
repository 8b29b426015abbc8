"""Scenes with management servers: three of them, their jobs and agents, and one that prepares."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from maintenance.actions.servers import prepare_server
from maintenance.domain.states import RunState, Stage, StepState, TargetState
from maintenance.models import Agent, Cloud, CutOffJob, ManagementServer, PendingJob, Run, Step, Target
from tests.dashboard.inventory import Inventory

TASKS = ("agent listener", "agent monitor", "connect executor", "direct agent executor")


def make_servers(inventory: Any, names: tuple[str, ...] = ("mgmt1", "mgmt2", "mgmt3")) -> None:
    """So many servers of `inventory.cloud` that are Up, told about in the setting `host`, and were just read."""
    ManagementServer.objects.all().delete()
    now = timezone.now()
    addresses = [f"10.2.0.{at}" for at in range(11, 11 + len(names))]
    inventory.cloud.servers_read_at = inventory.cloud.servers_as_of = now
    inventory.cloud.balance = {
        "hosts": addresses,
        "algorithm": "roundrobin",
        "check_interval_s": 0,
        "check_interval_of_cluster_s": {},
        "maintenance_timeout_min": 60,
        "ignore_maintenance_hosts": False,
    }
    inventory.cloud.save()
    for name, address in zip(names, addresses, strict=True):
        ManagementServer.objects.create(
            id=uuid4(), cloud=inventory.cloud, name=name, changed_at=now, state="Up", version="4.21.0.0",
            agents=0, address=address, started_at=now - timedelta(days=41), booted_at=now - timedelta(days=80),
            tasks=dict.fromkeys(TASKS, True), os_distribution="Rocky Linux 9.5", kernel_version="5.14.0-503",
            java_version="17.0.13",
            peers=[{"name": other, "address": "", "state": "Up"} for other in names if other != name],
        )  # fmt: skip
    inventory.server = server("mgmt1") if "mgmt1" in names else ManagementServer.objects.all()[0]


def server(name: str) -> ManagementServer:
    return ManagementServer.objects.select_related("cloud").get(name=name)


def set_state(name: str, state: str, **columns: Any) -> ManagementServer:
    ManagementServer.objects.filter(name=name).update(state=state, **columns)
    return server(name)


def add_job(
    name: str, command: str = "StartVMCmdByAdmin", *, ago_s: float = 18, **columns: Any
) -> PendingJob:
    """A job that this server works on since a while."""
    now, on = timezone.now(), server(name)
    values = {
        "resource_type": "VirtualMachine", "resource_name": "web-1", "account": "shop", "domain": "ROOT/retail",
    } | columns  # fmt: skip
    return PendingJob.objects.create(
        id=uuid4(), cloud=on.cloud, name=command, management_server=on, created=now - timedelta(seconds=ago_s),
        changed_at=now, **values,
    )  # fmt: skip


def add_agents(
    inventory: Inventory, name: str, number: int, *, prefer: str | None = None, kind: str = "host"
) -> None:
    """So many agents more, connected to this server; the first of their list is the one they prefer."""
    now, on = timezone.now(), server(name)
    first = server(prefer or name).address
    addresses = [first, *(a for a in inventory.cloud.balance["hosts"] if a != first)]  # type: ignore[index]
    at = Agent.objects.count()
    Agent.objects.bulk_create(
        Agent(
            id=uuid4(), cloud=inventory.cloud, name=f"agent{at + n + 1}", changed_at=now, kind=kind,
            host_order=at + n, zone=inventory.zone, cluster=inventory.clusters["c1"], state="Up",
            resource_state="Enabled", management_server=on, servers_listed=addresses, algorithm="roundrobin",
        )
        for n in range(number)
    )  # fmt: skip
    ManagementServer.objects.filter(id=on.id).update(
        agents=Agent.objects.filter(management_server=on).count()
    )


def cut_job_off(name: str, resource: str = "web-1", **columns: Any) -> CutOffJob:
    """A job whose server ended before it did."""
    now, on = timezone.now(), server(name)
    values = {
        "why": "the server was shut down while it ran",
        "account": "shop",
        "domain": "ROOT/retail",
    } | columns
    return CutOffJob.objects.create(
        id=uuid4(), cloud=on.cloud, changed_at=now, name="StartVMCmdByAdmin", management_server=on,
        server_name=on.name, resource_type="VirtualMachine", resource_name=resource,
        created=now - timedelta(minutes=9), ended_at=now - timedelta(minutes=2), **values,
    )  # fmt: skip


def prepare(name: str, *, movement: Mapping[str, Any] | None = None, **columns: Any) -> Step:
    """The server is PreparingForMaintenance because a run of ours asked, and its step goes on."""
    run = prepare_server(
        server(name).id,
        algorithm=None,
        forced=False,
        actor="ada",
        reason="kernel on mgmt2",
        ticket="CHG-4417",
    )
    now = timezone.now()
    Run.objects.filter(id=run.id).update(state=RunState.RUNNING, started_at=now)
    Target.objects.filter(run=run).update(state=TargetState.DRAINING, next_stage="")
    set_state(
        name,
        "PreparingForMaintenance",
        **({"window_ends_at": now + timedelta(minutes=42, seconds=18)} | columns),
    )
    return Step.objects.create(
        run=run, target=Target.objects.get(run=run), stage=Stage.SERVER_PREPARE, state=StepState.RUNNING,
        started=now - timedelta(minutes=17), movement=dict(movement or {}), note="waits for 2 jobs",
    )  # fmt: skip


def unread(cloud: Cloud) -> None:
    """The management servers could not be read lately."""
    cloud.servers_read_at = timezone.now() - timedelta(minutes=5)
    cloud.save()
