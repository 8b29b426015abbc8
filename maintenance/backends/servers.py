"""What Pitstop asks of a cloud about its management servers, their jobs, and the agents connected to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol
from uuid import UUID

# ---- management servers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeerRead:
    """How a management server sees another one."""

    name: str
    address: str
    state: str


@dataclass(frozen=True, slots=True)
class ManagementServerRead:
    """One management server. `address` is what the setting `host` calls it. `tasks`: background tasks and listeners by
    name, and whether they run; empty where the cloud does not tell. `window_ends_at`: while PreparingForMaintenance."""

    id: UUID
    name: str
    state: str
    version: str
    agents: int
    pending_jobs: int = 0
    address: str = ""
    last_agents: tuple[str, ...] = ()  # names of agents whose last server was this one
    peers: tuple[PeerRead, ...] = ()
    tasks: Mapping[str, bool] = field(default_factory=dict)
    os_distribution: str = ""
    kernel_version: str = ""
    java_version: str = ""
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    booted_at: datetime | None = None
    window_ends_at: datetime | None = None
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class PendingJobRead:
    """An asynchronous job that has not ended. `id` is what `look_at_job` knows it by."""

    id: UUID
    management_server_id: UUID | None
    command: str
    resource_type: str
    account: str
    domain: str
    created: datetime
    resource_name: str = ""
    progress: int | None = None  # percent


@dataclass(frozen=True, slots=True)
class CutOffJobRead:
    """A job that ended because its server did; nobody knows how far its resource got."""

    id: UUID
    management_server_id: UUID | None
    server_name: str
    command: str
    resource_type: str
    resource_name: str
    account: str
    domain: str
    created: datetime
    ended_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class ServersRead:
    """The management servers and their work, as of `as_of`, the cloud's own time. Small, whatever the fleet's size."""

    as_of: datetime
    servers: tuple[ManagementServerRead, ...]
    jobs: tuple[PendingJobRead, ...]
    cut_off: tuple[CutOffJobRead, ...] = ()


@dataclass(frozen=True, slots=True)
class LeavingAgent:
    """An agent that is still on a server which prepares. `goes_to`: the name of the server it will connect to, where
    it is known. `stuck`: why it does not go; empty while it only waits for its turn. `is_nowhere`: because no server
    that it may go to is Up, rather than because of its own host."""

    id: UUID
    name: str
    kind: str
    goes_to: str = ""
    stuck: str = ""
    is_nowhere: bool = False


@dataclass(frozen=True, slots=True)
class ServerLook:
    """One server, read now: what it still has. Lists are bounded (`NAMED_MAX`), counts are not. `agents_nowhere` are
    among `agents_stuck`."""

    server: ManagementServerRead
    jobs: tuple[PendingJobRead, ...]
    agents: tuple[LeavingAgent, ...]
    agents_stuck: int = 0
    agents_nowhere: int = 0

    NAMED_MAX: ClassVar[int] = 50


class ManagementServers(Protocol):
    """The cloud's management servers. All requests are synchronous: an answer means that it was accepted, not that the
    server has arrived. A server may be asked through any other; a request about one never goes through that one. A
    connection that breaks is NoReply; what only reads is asked of another one first. Refusals (`Never`) come in
    CloudStack's order (domain/servers.py)."""

    def read_servers(self) -> ServersRead:
        """All servers, pending jobs, and jobs that were cut off, now. Raises: Later, NoReply."""

    def look_at_server(self, server_id: UUID) -> ServerLook:
        """One server, now. Raises: Later, NoReply, Never (no such server)."""

    def prepare_server(
        self, server_id: UUID, *, algorithm: str | None, forced: bool, expires_at: datetime
    ) -> None:
        """Accepted: it is PreparingForMaintenance. It waits for its jobs, hands its agents over (`algorithm` None: the
        setting's), then is in Maintenance. At the end of its window it is Up again, or with `forced` in Maintenance.
        Raises: Never, Expired, Later, NoReply."""

    def cancel_server_maintenance(self, server_id: UUID, *, rebalance: bool, expires_at: datetime) -> None:
        """Accepted: it is Up. With `rebalance` the agents' lists are sent again and agents go to their preferred
        server at once; otherwise when their check interval says so. Raises: Never, Expired, Later, NoReply."""

    def prepare_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        """Accepted: it is PreparingForShutDown; ReadyToShutDown when no job is pending. Agents stay on it.
        Raises: Never, Expired, Later, NoReply."""

    def trigger_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        """Accepted: it is ShuttingDown; its process ends when no job is pending, then it is Down.
        Raises: Never, Expired, Later, NoReply."""

    def cancel_server_shutdown(self, server_id: UUID, *, expires_at: datetime) -> None:
        """Accepted: it is Up. Raises: Never, Expired, Later, NoReply."""

    def start_server(self, server_id: UUID, *, expires_at: datetime) -> bool:
        """Have a server that is Down started, where the cloud's operator has said how; False: whatever starts it is
        not ours to ask (its own service manager, or a person). A second call, or one about a server that runs, does
        nothing. It comes back in Maintenance when it was shut down from there, otherwise Up.
        Raises: Never, Expired, Later, NoReply."""


# ---- agent balance ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentRead:
    """What holds a connection to a management server: a host's agent (with the host's id), or a system VM's.

    `servers_listed`: addresses it was given, in its order, and `algorithm` the name it keeps with them; None and empty
    where the cloud does not tell. `host_order`: the cloud's internal number, by which round robin counts.
    """

    id: UUID
    name: str
    kind: str  # host | consoleproxy | secondarystoragevm
    host_order: int
    zone_id: UUID
    cluster_id: UUID | None
    state: str  # Up, Down, Disconnected, Alert, …
    resource_state: str
    management_server_id: UUID | None
    is_direct: bool = False  # the server connects to it (XenServer, VMware); it knows no list
    servers_listed: tuple[str, ...] | None = None
    algorithm: str = ""
    check_interval_s: int | None = None  # None: it never looks for its preferred server


@dataclass(frozen=True, slots=True)
class BalanceSettings:
    """How a cloud spreads its agents over its management servers: CloudStack's settings, and those of a server's
    maintenance. Intervals in seconds, 0 is off; the timeout in minutes."""

    hosts: tuple[str, ...]  # `host`
    algorithm: str  # `indirect.agent.lb.algorithm`
    check_interval_s: int  # `indirect.agent.lb.check.interval`
    check_interval_of_cluster_s: Mapping[UUID, int] = field(
        default_factory=dict
    )  # where a cluster overrides it
    maintenance_timeout_min: int = 60  # `management.server.maintenance.timeout`
    ignore_maintenance_hosts: bool = False  # `management.server.maintenance.ignore.maintenance.hosts`


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """Settings to change; None leaves one as it is. As a cluster's own interval None removes the override."""

    hosts: tuple[str, ...] | None = None
    algorithm: str | None = None
    check_interval_s: int | None = None
    check_interval_of_cluster_s: Mapping[UUID, int | None] = field(default_factory=dict)
    maintenance_timeout_min: int | None = None
    ignore_maintenance_hosts: bool | None = None


class AgentBalance(Protocol):
    """How agents are spread over management servers."""

    def change_balance(self, change: BalanceChange, *, expires_at: datetime) -> None:
        """The settings are what was asked, at once, and lists that change by it are sent to the agents; agents move
        when their check interval says so. Asking the same again changes nothing.

        Raises: Never, Expired, Later, NoReply.
        """

    def rebalance(self, *, expires_at: datetime) -> None:
        """Every agent was sent its list and goes to its preferred server at once. Asking again does no harm.
        Raises: Never, Expired, Later, NoReply."""
