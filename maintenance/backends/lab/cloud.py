"""The lab behind the same protocols as any cloud. Every call passes the edge, where faults may be set."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from maintenance.backends.base import (
    ClusterLook,
    DrainLook,
    HooksLook,
    HostRead,
    JobLook,
    OutputRead,
    Snapshot,
    StageLook,
)
from maintenance.backends.lab import late, stages
from maintenance.backends.lab.faults import fault_for, perform
from maintenance.backends.lab.listing import KeptListing, cluster_of_listing, read_cluster, read_servers
from maintenance.backends.lab.looks import look_at_drain, look_at_job
from maintenance.backends.lab.requests import accept_cancel, accept_prepare
from maintenance.backends.lab.started import Start
from maintenance.backends.lab.world import World, lab_world
from maintenance.backends.servers import ServersRead
from maintenance.domain.hook_stages import HookStage


class LabCloud:
    """One lab per installation; `cloud_id` is only the console's name for it. Safe in several threads."""

    def __init__(self, cloud_id: UUID) -> None:
        self.cloud_id = cloud_id
        self._listing = KeptListing()

    # ---- inventory ----

    def snapshot(self) -> Snapshot:
        return self._call("snapshot", None, self._everything)

    def look_at_cluster(self, cluster_id: UUID) -> ClusterLook:
        def look(world: World) -> ClusterLook:
            world.door.rest(world.config.call_latency_s)
            if world.config.look_age_s:
                return cluster_of_listing(self._everything(world, world.config.look_age_s), cluster_id)
            world.settle_if_behind(cluster_id)
            return read_cluster(world.door, cluster_id)

        return self._call("look_at_cluster", None, look)

    def look_at_host(self, host_id: UUID) -> HostRead:
        def look(world: World) -> HostRead:
            world.door.rest(world.config.call_latency_s)
            if world.config.look_age_s:
                listing = self._everything(world, world.config.look_age_s)
                for host in listing.hosts:
                    if host.id == host_id:
                        return host
            return world.host(host_id).read

        return self._call("look_at_host", host_id, look)

    def _everything(self, world: World, age_max_s: float | None = None) -> Snapshot:
        return self._listing.get(world, age_max_s)

    # ---- management servers ----

    def read_servers(self) -> ServersRead:
        return self._call("read_servers", None, lambda world: read_servers(world.door))

    # ---- taking a host out and back ----

    def prepare_for_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        request = uuid4()

        def deliver(world: World) -> str:
            with world.locked(host_id):
                return accept_prepare(world.door, world.config, host_id, request, expires_at)

        later = late.request("prepare", host_id, request=request, expires_at=expires_at)
        return self._call("prepare_for_maintenance", host_id, deliver, later)

    def cancel_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        request = uuid4()

        def deliver(world: World) -> str:
            with world.locked(host_id):
                return accept_cancel(world.door, world.config, host_id, request, expires_at)

        later = late.request("cancel", host_id, request=request, expires_at=expires_at)
        return self._call("cancel_maintenance", host_id, deliver, later)

    def look_at_job(self, job_id: str) -> JobLook:
        return self._call("look_at_job", None, lambda world: look_at_job(world, job_id))

    def look_at_drain(self, host_id: UUID) -> DrainLook:
        return self._call("look_at_drain", host_id, lambda world: look_at_drain(world, host_id))

    # ---- hook scripts ----

    def look_at_hooks(self, host_id: UUID) -> HooksLook:
        return self._call("look_at_hooks", host_id, lambda world: stages.look_at_hooks(world.host(host_id)))

    def start_stage(
        self, host_id: UUID, stage: HookStage, *, ticket: UUID, payload: str | None, timeout_s: float
    ) -> bool:
        start = Start(host_id, stage, ticket, payload, timeout_s)
        return self._call(
            "start_stage",
            host_id,
            lambda world: stages.start(world.door, world.config, world.host(host_id), start),
            late.start(start),
        )

    def look_at_stage(self, host_id: UUID, ticket: UUID) -> StageLook:
        return self._call(
            "look_at_stage", host_id, lambda world: stages.look(world.door, world.host(host_id), ticket)
        )

    def wait_for_stage(self, host_id: UUID, ticket: UUID, *, timeout_s: float) -> bool:
        """Holds no connection while it waits."""
        with lab_world() as world:
            run = stages.simulated(world.door, ticket)
        return stages.wait(run, ticket, timeout_s)

    def read_output(self, host_id: UUID, ticket: UUID, after: int) -> OutputRead:
        return self._call("read_output", host_id, lambda world: stages.read_output(world.door, ticket, after))

    def stop_stage(self, host_id: UUID, ticket: UUID) -> None:
        self._call("stop_stage", host_id, lambda world: stages.stop(world.door, world.host(host_id), ticket))

    # ---- the edge ----

    def _call[T](
        self,
        call: str,
        host_id: UUID | None,
        deliver: Callable[[World], T],
        later: Callable[[World, float], None] | None = None,
    ) -> T:
        with lab_world() as world:
            fault = fault_for(world.door, world.config, call, host_id, has_any=world.has_faults)
            return perform(
                world.door,
                fault,
                call,
                lambda: deliver(world),
                None if later is None else lambda seconds: later(world, seconds),
            )
