"""Fleets that walls are looked at with: a quiet one, one at work, and one that is too large and too troubled for any
screen."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Attention, Cluster, EngineProcess, Host, ManagementServer, Target
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import Inventory, make_inventory

DNS = 63  # characters of a name
DAY_S = 86_400


def an_engine_answers() -> None:
    """And so it does for the rest of the test."""
    EngineProcess.objects.create(
        host_name="engines-1.example.org", pid=4242, version="1", seen_at=timezone.now() + timedelta(days=1)
    )


def quiet_fleet() -> Inventory:
    """Six hosts that serve, an engine that answers, nothing to do."""
    inventory = make_inventory()
    inventory.cloud.unknown_s = DAY_S
    inventory.cloud.save()
    an_engine_answers()
    return inventory


def fleet_at_work() -> Inventory:
    """A run: kvm1 is done, kvm2 is worked on, the others wait."""
    inventory = quiet_fleet()
    run = in_state(start_run(inventory, "c1", "c2"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.DONE)
    put_host(run, "kvm2", TargetState.WORKING)
    return inventory


def long_name(mark: str, letter: str = "m") -> str:
    """63 characters, which only their end tells apart."""
    return f"{letter * (DNS - len(mark) - 1)}-{mark}"


def troubled_fleet(*, clusters: int = 500, each: int = 4, problems: int = 40) -> Inventory:
    """All of them in one run, with 63-character names, and so many hosts that need a person."""
    inventory = quiet_fleet()
    now = timezone.now()
    listed = {"cloud": inventory.cloud, "changed_at": now}
    Cluster.objects.filter(id=inventory.clusters["c1"].id).update(name=long_name("c1"))
    made = Cluster.objects.bulk_create(
        Cluster(
            id=uuid4(), name=long_name(f"c{n}"), pod=inventory.pod, hypervisor="KVM", allocation_state="Enabled",
            **listed,
        )
        for n in range(3, clusters + 1)
    )  # fmt: skip
    hosts = Host.objects.bulk_create(
        Host(
            id=uuid4(), name=long_name(f"h{n}-{m}"), cluster=cluster, state="Up", resource_state="Enabled",
            hypervisor="KVM", management_server=inventory.server, cpu_cores=16, memory_mb=65_536, **listed,
        )
        for n, cluster in enumerate(made)
        for m in range(each)
    )  # fmt: skip
    for n in range(2, 8):
        ManagementServer.objects.create(
            id=uuid4(), name=long_name(f"mgmt{n}"), version="4.21", agents=7, **listed,
            state="PreparingForMaintenance" if n == 2 else "Up",
        )  # fmt: skip
    run = in_state(start_run(inventory, "c1", "c2"), RunState.RUNNING)
    states = [TargetState.DONE, TargetState.WORKING, TargetState.WAITING, TargetState.WAITING]
    Target.objects.bulk_create(
        Target(
            run=run, host=host, cluster=host.cluster, name=host.name, cluster_name=host.cluster.name, order=n + 10,
            state=states[n % len(states)] if n % 40 else TargetState.FAILED,
        )
        for n, host in enumerate(hosts)
    )  # fmt: skip
    causes = [Cause.STAGE_FAILED, Cause.NO_ROOM, Cause.FOREIGN_MAINTENANCE]
    with unit_of_work() as work:
        for n, target in enumerate(
            Target.objects.filter(run=run, order__gte=10).order_by("order")[:problems]
        ):
            ask_for_person(work, causes[n % len(causes)], run=run, target=target, message="see its output")
    taken = Attention.objects.filter(cause=Cause.STAGE_FAILED).order_by("since", "id")
    Attention.objects.filter(id__in=list(taken.values_list("id", flat=True)[1:])).update(
        taken_by=long_name("ada", "a")
    )
    Attention.objects.update(since=now - timedelta(minutes=12))
    return inventory
