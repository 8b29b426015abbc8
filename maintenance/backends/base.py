"""What Pitstop asks of a cloud: several small protocols, the values they exchange, and how a cloud says no.

A cloud implements the protocols it can; the rest it does not have, and the pages say "not offered by …".
Every call goes outside: it is made outside our transactions, ends within seconds, and may fail with exactly three
kinds of errors: `Later` (ask again), `Never` (it will not do this, for this reason), `NoReply` (nobody knows whether
it was done: observe before anything is asked again).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from maintenance.backends.errors import AgentUnreachable as AgentUnreachable
from maintenance.backends.errors import Blocked as Blocked
from maintenance.backends.errors import CloudError as CloudError
from maintenance.backends.errors import Expired as Expired
from maintenance.backends.errors import Gone as Gone
from maintenance.backends.errors import Later as Later
from maintenance.backends.errors import Never as Never
from maintenance.backends.errors import NoReply as NoReply
from maintenance.backends.routers import RouterRestarting
from maintenance.backends.servers import AgentBalance, AgentRead, BalanceSettings, ManagementServers
from maintenance.backends.system_vms import NetworkRead, SystemVmPatching, SystemVmRead, VpcRead
from maintenance.domain.hook_stages import HookStage

# ---- inventory --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZoneRead:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class PodRead:
    id: UUID
    zone_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ClusterRead:
    id: UUID
    pod_id: UUID
    name: str
    hypervisor: str
    allocation_state: str = "Enabled"


@dataclass(frozen=True, slots=True)
class HostRead:
    """One host as the cloud lists it. `state` is the agent's (Up, Down, Disconnected, …), `resource_state` the
    administrator's (Enabled, PrepareForMaintenance, Maintenance, ErrorInPrepareForMaintenance, …)."""

    id: UUID
    cluster_id: UUID
    name: str
    state: str
    resource_state: str
    hypervisor: str
    management_server_id: UUID | None
    cpu_cores: int
    memory_mb: int
    tags: tuple[str, ...] = ()
    agent_version: str = ""
    kernel_version: str = ""
    boot_id: str = ""
    guests_max: int | None = None  # None: the hypervisor sets no limit


@dataclass(frozen=True, slots=True)
class InstanceRead:
    """One instance (VM). `host_id` is None when it runs nowhere. Sizes count against the host's memory and cores."""

    id: UUID
    name: str
    state: str  # Running, Stopped, Starting, Stopping, Migrating, Error, Unknown
    host_id: UUID | None
    account: str
    domain: str
    cpu_cores: int
    memory_mb: int
    tags: tuple[str, ...] = ()
    affinity_groups: tuple[str, ...] = ()  # host anti-affinity: members of one group never share a host


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a cloud lists, as of `as_of` (the cloud's own time of the listing, which may lag by seconds).

    Management servers and pending jobs are read apart, and more often: `ManagementServers.read_servers`.
    """

    as_of: datetime
    zones: tuple[ZoneRead, ...]
    pods: tuple[PodRead, ...]
    clusters: tuple[ClusterRead, ...]
    hosts: tuple[HostRead, ...]
    instances: tuple[InstanceRead, ...]
    agents: tuple[AgentRead, ...] = ()
    balance: BalanceSettings | None = None  # None: not offered
    vpcs: tuple[VpcRead, ...] = ()
    networks: tuple[NetworkRead, ...] = ()
    system_vms: tuple[SystemVmRead, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterLook:
    """One cluster's hosts and their instances, read now rather than from a listing."""

    as_of: datetime
    hosts: tuple[HostRead, ...]
    instances: tuple[InstanceRead, ...]


class Inventory(Protocol):
    """Reading what there is. Changes nothing."""

    def snapshot(self) -> Snapshot:
        """Everything the cloud lists. A second call reads again. Raises: Later, NoReply."""

    def look_at_cluster(self, cluster_id: UUID) -> ClusterLook:
        """The cluster's hosts and instances, as fresh as the cloud gives them. Raises: Later, NoReply, Never."""

    def look_at_host(self, host_id: UUID) -> HostRead:
        """One host as fresh as the cloud gives it. Raises: Later, NoReply, Never (no such host)."""


# ---- taking a host out and back ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobLook:
    """The cloud's asynchronous job: pending, succeeded or failed (with the cloud's words)."""

    state: str  # pending | succeeded | failed | unknown
    error: str = ""


@dataclass(frozen=True, slots=True)
class DrainLook:
    """How far a drain is. `moved` and `total` count instances; `stuck` names those that cannot move, and why."""

    moved: int
    left: int
    moving: str = ""  # the instance that moves just now
    stuck: tuple[tuple[str, str], ...] = ()  # (instance, why)


class HostMaintenance(Protocol):
    """Taking hosts out of service and back. Both calls answer with an async job id, long before the work is done."""

    def prepare_for_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        """Accepted: the host becomes PrepareForMaintenance, its instances move away one after another, then it is
        Maintenance. Returns the job's id. Never send a second one while the first is pending or unknown
        (cloudstack#14026: running VMs are marked stopped). Refused after `expires_at` (aware).
        Raises: Later, Never, Expired, NoReply."""

    def cancel_maintenance(self, host_id: UUID, *, expires_at: datetime) -> str:
        """Accepted: the host becomes Enabled again; instances stay where they are. Returns the job's id. A second
        call on an Enabled host is refused with Never. Raises: Later, Never, Expired, NoReply."""

    def look_at_job(self, job_id: str) -> JobLook:
        """The job's state. Raises: Later, NoReply."""

    def look_at_drain(self, host_id: UUID) -> DrainLook:
        """How far the drain is, as the cloud shows it. Raises: Later, NoReply."""


# ---- hook scripts -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScriptFound:
    """What a host has for one stage. `problem` says why a present script would be refused."""

    present: bool
    path: str = ""
    digest: str = ""
    problem: str = ""
    looked_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HooksLook:
    """A host's hooks folder: scripts per stage, which executor runs them, limits in force, warnings for people."""

    scripts: Mapping[HookStage, ScriptFound]
    hooks_dir: str = ""
    executor: str = "service"  # service | agent
    limits: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageLook:
    """How far a stage's script is. `end` is empty while it runs (or the host is away); see HookEnd for its values."""

    state: str  # absent | running | finished | lost | host_away
    end: str = ""
    exit_status: int | None = None
    signal: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    bytes_total: int = 0
    detail: str = ""
    host_back: bool = True  # False while the host's agent is away


@dataclass(frozen=True, slots=True)
class OutputRead:
    """Bytes [start, end) of a script's output of `total` so far; start > the asked offset means a gap was dropped."""

    start: int
    data: bytes
    end: int
    total: int


class HookStages(Protocol):
    """Running a host's stage scripts by ticket: the same ticket never runs a script twice."""

    def look_at_hooks(self, host_id: UUID) -> HooksLook:
        """The scripts there are. Raises: AgentUnreachable, Later (unknown is never "no script"), Never."""

    def start_stage(
        self, host_id: UUID, stage: HookStage, *, ticket: UUID, payload: str | None, timeout_s: float
    ) -> bool:
        """True: the script of the stage runs (or ran) under this ticket. False: the host has no script for it.
        A second call with the same ticket attaches. A script that must not run (not executable, changed, …) is
        started and ends at once as refused, with the reason. Raises: AgentUnreachable, Later, NoReply."""

    def look_at_stage(self, host_id: UUID, ticket: UUID) -> StageLook:
        """How far it is. Raises: Later, NoReply."""

    def wait_for_stage(self, host_id: UUID, ticket: UUID, *, timeout_s: float) -> bool:
        """Waits until the script ended, at most `timeout_s`; whether it did. May return False early."""

    def read_output(self, host_id: UUID, ticket: UUID, after: int) -> OutputRead:
        """Output from byte `after` on, as much as there is (at most 64 kB a call). Raises: Later."""

    def stop_stage(self, host_id: UUID, ticket: UUID) -> None:
        """The script gets TERM, then KILL after its grace; one that has not begun under the ticket never will.

        A second call does nothing more. Raises: Later, NoReply.
        """


class Cloud(
    Inventory,
    HostMaintenance,
    HookStages,
    ManagementServers,
    AgentBalance,
    SystemVmPatching,
    RouterRestarting,
    Protocol,
):
    """All that Pitstop does with a cloud."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What a cloud can do, for pages that say "not offered by …"."""

    kind: str
    inventory: bool = True
    host_maintenance: bool = True
    hook_stages: bool = True
    management_servers: bool = True
    agent_balance: bool = True
    notes: Mapping[str, str] = field(default_factory=dict)
