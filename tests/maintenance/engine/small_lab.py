"""A small lab in which nothing takes long: clusters of equal hosts, instances on them, scripts as a test wants."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from threading import enumerate as running_threads
from uuid import UUID, uuid4

from django.db import connections
from django.db.models.functions import Now

from maintenance import actions
from maintenance.backends.lab import folders
from maintenance.backends.lab import models as lab
from maintenance.domain.hook_stages import HookStage
from maintenance.engine.worker import Engine
from maintenance.inventory_sync import read_cloud
from maintenance.models import Cloud, Host, Run, Step, Target
from tests.waiting import wait_until

INSTANT = {
    "prepare_s": 0.0,
    "move_s_per_gb": 0.0,
    "move_min_s": 0.0,
    "move_retry_s": 0.1,
    "cancel_s": 0.0,
    "listing_age_min_s": 0.0,
    "listing_age_max_s": 0.0,
    "call_latency_s": 0.0,
    "boot_grace_s": 0.05,
    "boot_back_s": 0.5,
}
OK = "#!/bin/sh\nexit 0\n"
MEMORY_MB = 32_768
# An engine's own threads that write something. Its bell's does not, and would keep every test's end waiting.
WRITING = frozenset(
    {"control", "presence", "sweep", "ledger", "needs", "prune", "inventory", "servers", "cloud changes"}
    | {"notifications", "step"}
)


@dataclass
class SmallLab:
    """What a test may look at and change. Hosts are named kvm1, kvm2, … through all clusters."""

    cloud: Cloud
    clusters: list[UUID]
    hosts: dict[str, UUID] = field(default_factory=dict)

    def script(self, host: str, stage: str, text: str, suffix: str = "") -> None:
        """The host's one script for the stage."""
        folders.install_script(host, HookStage(stage), suffix, text.encode())

    def everywhere(self, stage: str, text: str) -> None:
        """The same script on every host."""
        for host in self.hosts:
            self.script(host, stage, text)

    def no_script(self, host: str, stage: str) -> None:
        folders.remove_scripts(host, HookStage(stage))

    def folder(self, host: str) -> Path:
        """The host's folder, LAB_HOST_DIR of its scripts."""
        return folders.host_dir(host)

    def configure(self, **settings: float) -> None:
        """The lab's own settings."""
        world = lab.World.objects.get()
        world.settings |= settings
        world.save()

    def read(self) -> None:
        """The console's inventory is what the lab lists now."""
        self.cloud.refresh_from_db()
        read_cloud(self.cloud)

    def add_instance(self, host: str, memory_mb: int = 1024, **values: object) -> UUID:
        made = lab.Instance.objects.create(
            id=uuid4(),
            name=f"i-{lab.Instance.objects.count()}-VM",
            host_id=self.hosts[host],
            account="shop",
            domain="ROOT/retail",
            cpu_cores=1,
            memory_mb=memory_mb,
            **values,
        )
        return made.id

    def resource_state(self, host: str) -> str:
        return lab.Host.objects.get(id=self.hosts[host]).resource_state

    def start(self, *, hosts: list[str] | None = None, **rules: object) -> Run:
        """A rolling maintenance over all clusters, or over these hosts."""
        self.read()
        kind, ids = ("hosts", [self.hosts[h] for h in hosts]) if hosts else ("clusters", self.clusters)
        request = actions.StartRequest(scope_kind=kind, scope_ids=tuple(ids), **rules)  # type: ignore[arg-type]
        return actions.start_rolling_maintenance(request, actor="operator")


def make_small_lab(*, clusters: int = 1, hosts_each: int = 3, instances_each: int = 2) -> SmallLab:
    """Made anew: every host Up and Enabled, an empty PreFlight to PostMaintenance script each."""
    lab.World.objects.create(id=1, generation=uuid4(), settings=dict(INSTANT))
    lab.ManagementServer.objects.create(id=uuid4(), name="mgmt1", version="4.21.0.0")
    zone = lab.Zone.objects.create(id=uuid4(), name="zone1")
    pod = lab.Pod.objects.create(id=uuid4(), zone=zone, name="p1")
    small = SmallLab(Cloud.objects.create(name="lab", kind="lab"), [])
    for c in range(1, clusters + 1):
        cluster = lab.Cluster.objects.create(id=uuid4(), pod=pod, name=f"p1-c{c}", hypervisor="KVM")
        small.clusters.append(cluster.id)
        for _ in range(hosts_each):
            host = lab.Host.objects.create(
                id=uuid4(),
                cluster=cluster,
                name=f"kvm{len(small.hosts) + 1}",
                hypervisor="KVM",
                cpu_cores=32,
                memory_mb=MEMORY_MB,
                boot_id=uuid4(),
            )
            small.hosts[host.name] = host.id
            folders.make_host_folder(host.name)
            for stage in HookStage:
                small.script(host.name, stage, OK)
            for _ in range(instances_each):
                small.add_instance(host.name)
    small.read()
    return small


@contextmanager
def engine_running(count: int = 1, threads: int = 8) -> Iterator[list[Engine]]:
    """So many engines in this process; stopped at the end, with everything they were still about to write."""
    before = set(running_threads())
    engines = [Engine(threads=threads) for _ in range(count)]
    running = [Thread(target=_run, args=(engine,)) for engine in engines]
    for thread in running:
        thread.start()
    try:
        yield engines
    finally:
        for engine in engines:
            engine.stop()
        for thread in running:
            thread.join(20)
        # A process that ends takes its threads along; in this one they would go on into what the test does next.
        left = [thread for thread in running_threads() if thread not in before and thread.name in WRITING]
        for thread in left:
            thread.join(20)
        assert not any(thread.is_alive() for thread in [*running, *left]), "an engine did not stop"


def _run(engine: Engine) -> None:
    try:
        engine.run()
    finally:
        connections.close_all()


def hurry(host: str) -> None:
    """What the cloud does with the host at the moment is over now."""
    lab.Due.objects.filter(host__name=host).update(at=Now())


def state_of(run: Run) -> str:
    return Run.objects.get(id=run.id).state


def ended(run: Run, *, within_s: float = 30) -> Run:
    """The run, once it is over."""
    return wait_until(
        lambda: Run.objects.filter(id=run.id, state__in=["Succeeded", "Failed", "Cancelled"]).first(),
        within_s=within_s,
    )


def target_of(run: Run, host: str) -> Target:
    return Target.objects.get(run=run, name=host)


def stages_of(run: Run, host: str) -> list[tuple[str, str]]:
    """(stage, outcome) of the host, in the order they were done."""
    steps = Step.objects.filter(run=run, target__name=host).order_by("started")
    return [(step.stage, step.outcome) for step in steps]


__all__ = [
    "Host",
    "SmallLab",
    "ended",
    "engine_running",
    "make_small_lab",
    "stages_of",
    "state_of",
    "target_of",
]
