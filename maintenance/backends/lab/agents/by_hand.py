"""Agents and their settings for a person at a terminal."""

from collections.abc import Iterator

from maintenance.backends.lab.agents import reading
from maintenance.backends.lab.agents.reading import balance_settings
from maintenance.backends.lab.agents.settings import SECONDS_MAX, change_settings
from maintenance.backends.lab.agents.settling import settle_agents
from maintenance.backends.lab.config import BadValue, LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import BalanceChange
from maintenance.domain.agent_lists import BadHostSetting, addresses_of
from maintenance.domain.servers import ALGORITHMS

SHOWN_MAX = 60


def show_agents(door: Door, config: LabConfig) -> Iterator[str]:
    """Line by line: the agent, its server, its preferred one, and what it keeps."""
    settle_agents(door, config)
    servers = dict(door.rows("SELECT id, name FROM lab_management_server"))
    addresses = dict(door.rows("SELECT address, name FROM lab_management_server WHERE address <> ''"))
    rows = door.rows(
        "SELECT a.name, coalesce(h.state, a.state), a.server_id, a.moves_to_id, a.is_direct, a.servers_listed,"
        " a.algorithm, a.check_interval_s, a.stuck FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id"
        " ORDER BY a.host_order"
    )
    for name, state, server_id, goes_to, is_direct, listed, algorithm, seconds, stuck in rows[:SHOWN_MAX]:
        preferred = listed.split(",")[0]
        parts = [
            f"{name:34} {state:12} {servers.get(server_id, 'no server'):28}",
            f"→ {servers[goes_to]}" if goes_to else "",
            "direct" if is_direct else f"prefers {addresses.get(preferred, preferred or 'none')}",
            f"{listed}@{algorithm}" if listed else "",
            f"every {seconds} s" if seconds else "",
            f"stuck: {stuck}" if stuck else "",
        ]
        yield "  ".join(part for part in parts if part)
    if len(rows) > SHOWN_MAX:
        yield f"… and {len(rows) - SHOWN_MAX} agents more"


def set_setting(door: Door, config: LabConfig, name: str, text: str, cluster: str | None = None) -> None:
    """What `lab config set NAME VALUE [--cluster NAME]` asks for is so at once. Raises: BadValue."""
    change_settings(door, config, _change(door, name, text, cluster))


def _change(door: Door, name: str, text: str, cluster: str | None) -> BalanceChange:
    if cluster is not None:
        if name != reading.CHECK_INTERVAL:
            raise BadValue(f"{name} is the same for all clusters")
        found = door.row("SELECT id FROM lab_cluster WHERE name = %s", cluster)
        if found is None:
            raise BadValue(f"no lab cluster is called {cluster!r}")
        seconds = None if text == "none" else _seconds(name, text)
        return BalanceChange(check_interval_of_cluster_s={found[0]: seconds})
    match name:
        case reading.HOST:
            try:
                return BalanceChange(hosts=addresses_of(text))
            except BadHostSetting as refused:
                raise BadValue(str(refused)) from refused
        case reading.ALGORITHM:
            if text not in ALGORITHMS:
                raise BadValue(f"{name} is one of {', '.join(ALGORITHMS)}; not {text!r}")
            return BalanceChange(algorithm=text)
        case reading.CHECK_INTERVAL:
            return BalanceChange(check_interval_s=_seconds(name, text))
    raise AssertionError(f"{name} is no setting of agent balance")


def _seconds(name: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise BadValue(f"{name} is a whole number; {text!r} is none") from None
    if not 0 <= value <= SECONDS_MAX:
        raise BadValue(f"{name} cannot be {text}")
    return value


def settings_as_text(door: Door, config: LabConfig) -> dict[str, str]:
    """Each setting of the lists as it is typed."""
    now = balance_settings(door, config)
    clusters = {
        row[0]: row[1]
        for row in door.rows(
            "SELECT id, name FROM lab_cluster WHERE id = ANY(%s)", list(now.check_interval_of_cluster_s)
        )
    }
    return {
        reading.HOST: ",".join(now.hosts),
        reading.ALGORITHM: now.algorithm,
        reading.CHECK_INTERVAL: str(now.check_interval_s),
        **{
            f"{reading.CHECK_INTERVAL} --cluster {clusters.get(cluster_id, cluster_id)}": str(seconds)
            for cluster_id, seconds in now.check_interval_of_cluster_s.items()
        },
    }
