"""Agents of the demo lab under a test, in a time of the test's own: nothing waits for a clock."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from maintenance.backends.lab import agents
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.models import Agent, Host, ManagementServer
from maintenance.backends.lab.outside import Door, lab_door
from maintenance.backends.lab.topology import MANAGEMENT_ADDRESSES, MANAGEMENT_SERVERS, lab_id
from maintenance.backends.servers import BalanceChange

A, B, C = MANAGEMENT_ADDRESSES
MS1, MS2, MS3 = (lab_id("ms", name) for name in MANAGEMENT_SERVERS)
HANDED_OVER_S = 5  # longer than any hand-over of the demo's agents


@dataclass
class AgentsUnderTest:
    """The lab's agents, its servers' states, and the moment it is."""

    door: Door
    config: LabConfig
    now: datetime

    def after(self, seconds: float = HANDED_OVER_S) -> None:
        """So much later, looked at once."""
        self.now += timedelta(seconds=seconds)
        agents.settle_agents(self.door, self.config, self.now)

    def set_server(self, server: UUID, state: str) -> None:
        ManagementServer.objects.filter(id=server).update(state=state, since=self.now, tasks_start_at=None)

    def prepare(
        self, server: UUID, *, algorithm: str | None = None, ignore_maintenance_hosts: bool = False
    ) -> bool:
        """The server prepares, has no jobs, and hands over."""
        self.set_server(server, "PreparingForMaintenance")
        return self.hand_over(server, algorithm=algorithm, ignore_maintenance_hosts=ignore_maintenance_hosts)

    def hand_over(
        self, server: UUID, *, algorithm: str | None = None, ignore_maintenance_hosts: bool = False
    ) -> bool:
        """A server that prepares has no jobs any more."""
        return agents.send_agents_away(
            self.door, self.config, server, self.now, algorithm, ignore_maintenance_hosts
        )

    def cancel(self, server: UUID, *, rebalance: bool = True) -> None:
        self.set_server(server, "Up")
        agents.stay(self.door, server)
        agents.server_is_back(self.door, self.config, server, self.now)
        if rebalance:
            agents.send_home(self.door, self.config, self.now)

    def kill(self, server: UUID) -> None:
        self.set_server(server, "Down")
        agents.server_gone(self.door, self.config, server, self.now)

    def start(self, server: UUID) -> None:
        self.set_server(server, "Up")
        agents.server_is_back(self.door, self.config, server, self.now)

    def change(self, **changes: object) -> None:
        agents.change_settings(self.door, self.config, BalanceChange(**changes), self.now)  # type: ignore[arg-type]

    def left(self, server: UUID, *, ignore_maintenance_hosts: bool = False) -> agents.AgentsLeft:
        return agents.agents_left(
            self.door, self.config, server, ignore_maintenance_hosts=ignore_maintenance_hosts, now=self.now
        )

    def per_server(self) -> list[int]:
        """How many are connected to each of the three."""
        counts = Counter(Agent.objects.values_list("server_id", flat=True))
        assert counts.keys() <= {MS1, MS2, MS3}, "an agent has no server"
        return [counts[server] for server in (MS1, MS2, MS3)]

    def servers(self) -> dict[str, UUID | None]:
        """Which server each agent is connected to."""
        return dict(Agent.objects.values_list("name", "server_id"))

    def set_host(self, host: UUID, **columns: str | int) -> None:
        Host.objects.filter(id=host).update(**columns)


@contextmanager
def agents_under_test() -> Iterator[AgentsUnderTest]:
    """Everybody connected, the demo's settings without the interval's own moves."""
    with lab_door() as door:
        now = datetime.now(UTC)
        config = LabConfig()
        agents.settle_agents(door, config, now)
        agents.change_settings(door, config, BalanceChange(check_interval_s=0), now)
        yield AgentsUnderTest(door, config, now)


def agent(agent_id: UUID) -> Agent:
    return Agent.objects.get(id=agent_id)


def longest_gap_s() -> float:
    """The longest any agent was without a server, by what the lab wrote down."""
    return max(Agent.objects.values_list("longest_gap_s", flat=True))
