"""Lists of management servers: which agent should have which, and handing them out.

Sent when an agent is added, when it connects, and when a setting changes; a rebalance sends them again. A list reaches
an agent that is Up; one that is away gets it when it connects.
"""

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.backends.lab.agents.properties_file import Kept, read_kept, write_kept
from maintenance.backends.lab.agents.reading import balance_settings
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.domain.agent_lists import AgentKey, is_same, lists_for


@dataclass(frozen=True, slots=True)
class Listed:
    """An agent that keeps a list, and what it keeps. `folder_of`: its host's name, where the host has a folder."""

    key: AgentKey
    cluster_id: UUID | None
    is_up: bool
    folder_of: str
    kept: Kept


def listed_agents(door: Door) -> list[Listed]:
    """Every agent that keeps a list: hosts of the other hypervisor know none."""
    rows = door.rows(
        "SELECT a.id, a.host_order, a.zone_id, coalesce(h.resource_state, a.resource_state), a.kind, a.cluster_id,"
        " coalesce(h.state, a.state) = 'Up', CASE WHEN h.is_virtual THEN '' ELSE coalesce(h.name, '') END,"
        " a.servers_listed, a.algorithm, a.check_interval_s"
        " FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id WHERE NOT a.is_direct ORDER BY a.host_order"
    )
    return [Listed(*[AgentKey(*row[:5]), *row[5:8], Kept(*row[8:])]) for row in rows]


def send_lists(
    door: Door,
    config: LabConfig,
    at: datetime,
    *,
    only: Set[UUID] | None = None,
    algorithm: str | None = None,
) -> int:
    """Agents that are Up have the list, algorithm and interval they should have; how many were sent one.

    `only`: these agents. `algorithm`: instead of the setting's. The agents are locked.
    """
    settings = balance_settings(door, config)
    algorithm = algorithm or settings.algorithm
    if not settings.hosts:
        return 0  # servers without addresses: nothing to tell
    agents = listed_agents(door)
    expected = lists_for(
        [agent.key for agent in agents], settings.hosts, algorithm, seed=int(at.timestamp() * 1e6)
    )
    sent: list[tuple[Listed, Kept]] = []
    for agent in agents:
        if not agent.is_up or (only is not None and agent.key.id not in only):
            continue
        interval_s = settings.check_interval_s
        if agent.cluster_id is not None:
            interval_s = settings.check_interval_of_cluster_s.get(agent.cluster_id, interval_s)
        listed = expected[agent.key.id]
        kept = agent.kept
        # One that has another algorithm's list gets a new one, also where shuffle's could be the same as a set.
        if kept.algorithm != algorithm or not is_same(algorithm, kept.servers_listed.split(","), listed):
            kept = Kept(",".join(listed), algorithm, interval_s)
        elif kept.check_interval_s != interval_s:
            kept = Kept(kept.servers_listed, algorithm, interval_s)
        if kept != agent.kept:
            sent.append((agent, kept))
    _keep(door, at, [(agent.key.id, kept) for agent, kept in sent])
    for agent, kept in sent:
        if agent.folder_of:
            write_kept(agent.folder_of, kept)
    return len(sent)


def believe_files(door: Door, at: datetime) -> int:
    """Agents keep what their files say, also where a person wrote it; how many differed. The agents are locked."""
    found = edited_by_hand(door)
    _keep(door, at, found)
    return len(found)


def edited_by_hand(door: Door) -> list[tuple[UUID, Kept]]:
    """Agents whose file says something else than their row. A file without a list is one that was never set up."""
    rows = door.rows(
        "SELECT a.id, h.name, a.servers_listed, a.algorithm, a.check_interval_s FROM lab_agent a"
        " JOIN lab_host h ON h.id = a.host_id WHERE NOT a.is_direct AND NOT h.is_virtual"
    )
    found = []
    for agent_id, host_name, *kept in rows:
        on_disk = read_kept(host_name)
        if on_disk is not None and on_disk != Kept(*kept):
            found.append((agent_id, on_disk))
    return found


def _keep(door: Door, at: datetime, kept: Collection[tuple[UUID, Kept]]) -> None:
    """The agents' rows say this, and each looks for its preferred server one interval from now."""
    if not kept:
        return
    door.run(
        "UPDATE lab_agent a SET servers_listed = k.servers_listed, algorithm = k.algorithm,"
        " check_interval_s = k.seconds, next_check_at ="
        "   CASE WHEN k.seconds > 0 THEN %s::timestamptz + k.seconds * interval '1 second' END"
        " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[])"
        "   AS k(id, servers_listed, algorithm, seconds) WHERE k.id = a.id",
        at,
        [agent_id for agent_id, _ in kept],
        [one.servers_listed for _, one in kept],
        [one.algorithm for _, one in kept],
        [one.check_interval_s for _, one in kept],
    )
