"""The lab behind the same protocols as any cloud. Every call passes the edge, where faults may be set."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from maintenance.backends.base import (
    Blocked,
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
from maintenance.backends.lab.agents.arriving import accept_change, accept_rebalance
from maintenance.backends.lab.endpoints import Endpoint, Endpoints, WentAway, through
from maintenance.backends.lab.faults import fault_for, perform, silence
from maintenance.backends.lab.listing import KeptListing, cluster_of_listing, read_cluster
from maintenance.backends.lab.looks import look_at_drain, look_at_job
from maintenance.backends.lab.requests import Via, accept_cancel, accept_prepare
from maintenance.backends.lab.routers.calls import RouterCalls
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.servers.asked import START, Asked
from maintenance.backends.lab.servers.reading import look_at_server, read_servers
from maintenance.backends.lab.started import Start
from maintenance.backends.lab.world import World, lab_world
from maintenance.backends.servers import BalanceChange, ServerLook, ServersRead
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.servers import ServerMove

# They change nothing, so a lost connection is no reason to know nothing: another server is asked.
READS = frozenset(
    {
        "snapshot",
        "look_at_cluster",
        "look_at_host",
        "read_servers",
        "look_at_server",
        "look_at_job",
        "look_at_drain",
        "look_at_hooks",
        "look_at_stage",
        "read_output",
    }
)
ASKED_MAX = 3


class LabCloud(RouterCalls):
    """One lab per installation; `cloud_id` is only the console's name for it. Safe in several threads."""

    def __init__(self, cloud_id: UUID) -> None:
        self.cloud_id = cloud_id
        self._listing = KeptListing()
        self.endpoints = Endpoints()

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
        return self._call("read_servers", None, read_servers)

    def look_at_server(self, server_id: UUID) -> ServerLook:
        return self._call("look_at_server", None, lambda world: look_at_server(world, server_id))

    def prepare_server(
        self, server_id: UUID, *, algorithm: str | None, forced: bool, expires_at: datetime
    ) -> None:
        details = {"algorithm": algorithm, "forced": forced}
        self._ask("prepare_server", Asked(uuid4(), server_id, ServerMove.PREPARE, expires_at, details))

    def cancel_server_maintenance(self, server_id: UUID, *, rebalance: bool, expires_at: datetime) -> None:
        details = {"rebalance": rebalance}
        asked = Asked(uuid4(), server_id, ServerMove.CANCEL, expires_at, details)
        self._ask("cancel_server_maintenance", asked)

    def prepare_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        asked = Asked(uuid4(), server_id, ServerMove.PREPARE_SHUTDOWN, expires_at)
        self._ask("prepare_server_shutdown", asked)

    def trigger_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        asked = Asked(uuid4(), server_id, ServerMove.TRIGGER_SHUTDOWN, expires_at)
        self._ask("trigger_server_shutdown", asked)

    def cancel_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        asked = Asked(uuid4(), server_id, ServerMove.CANCEL_SHUTDOWN, expires_at)
        self._ask("cancel_server_shutdown", asked)

    def start_server(self, server_id: UUID, *, expires_at: datetime) -> bool:
        return self._ask("start_server", Asked(uuid4(), server_id, START, expires_at))

    def _ask(self, call: str, asked: Asked) -> bool:
        """A request about a server goes through another one; an order to start one, through none."""
        return self._call(
            call,
            None,
            lambda world: by_hand.accept(world, asked),
            lambda world, seconds: by_hand.put_on_its_way(world, asked, seconds),
            not_through=asked.server_id,
            through_none=asked.move == START,
        )

    # ---- agent balance ----

    def change_balance(self, change: BalanceChange, *, expires_at: datetime) -> None:
        self._call(
            "change_balance",
            None,
            lambda world: accept_change(world.door, world.config, change, expires_at),
        )

    def rebalance(self, *, expires_at: datetime) -> None:
        self._call("rebalance", None, lambda world: accept_rebalance(world.door, world.config, expires_at))

    # ---- taking a host out and back ----

    def prepare_for_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        return self._ask_about_host("prepare", host_id, expires_at)

    def cancel_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        return self._ask_about_host("cancel", host_id, expires_at)

    def _ask_about_host(self, kind: str, host_id: UUID, expires_at: datetime) -> str:
        """Asynchronous work: the server that takes it becomes its job's."""
        call, accept = _HOST_CALLS[kind]
        request = uuid4()

        def deliver(world: World, endpoint: Endpoint | None) -> str:
            server_id = endpoint.server_id if endpoint else None
            with world.locked(host_id, server_id) as state:
                via = Via(server_id, endpoint.name if endpoint else "", state)
                return accept(world.door, world.config, host_id, request, expires_at, via)

        def later(world: World, endpoint: Endpoint | None, seconds: float) -> None:
            via = Via(endpoint.server_id if endpoint else None)
            late.request(kind, host_id, request=request, expires_at=expires_at, via=via)(world, seconds)

        with lab_world() as world:
            return self._through_one(world, call, host_id, deliver, later, is_async=True)

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
        *,
        not_through: UUID | None = None,
        through_none: bool = False,
    ) -> T:
        with lab_world() as world:
            return self._through_one(
                world,
                call,
                host_id,
                lambda world, _: deliver(world),
                None if later is None else lambda world, _, seconds: later(world, seconds),
                not_through=not_through,
                through_none=through_none,
            )

    def _through_one[T](
        self,
        world: World,
        call: str,
        host_id: UUID | None,
        deliver: Callable[[World, Endpoint | None], T],
        later: Callable[[World, Endpoint | None, float], None] | None,
        *,
        is_async: bool = False,
        not_through: UUID | None = None,
        through_none: bool = False,
    ) -> T:
        """The call's answer, from one management server. One that has just been blocked is not asked twice; what only
        reads is asked of another one when that one went away."""
        fault = fault_for(world.door, world.config, call, host_id, has_any=world.has_faults)

        def ask(endpoint: Endpoint | None) -> T:
            with through(world, endpoint):
                return perform(
                    world.door,
                    fault,
                    call,
                    lambda: deliver(world, endpoint),
                    None if later is None else lambda seconds: later(world, endpoint, seconds),
                )

        def ask_one() -> T:
            if through_none:
                return ask(None)
            try:
                return ask(self.endpoints.choose(world, is_async=is_async, not_through=not_through))
            except Blocked:
                return ask(self.endpoints.choose(world, is_async=is_async, not_through=not_through))

        for _ in range(ASKED_MAX - 1 if call in READS else 0):
            try:
                return ask_one()
            except WentAway:
                continue
        try:
            return ask_one()
        except WentAway as gone:
            raise silence(call, str(gone)) from gone


_HOST_CALLS = {
    "prepare": ("prepare_for_maintenance", accept_prepare),
    "cancel": ("cancel_maintenance", accept_cancel),
}
