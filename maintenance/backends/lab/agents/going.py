"""Sets agents in motion: who goes, where to, and when each arrives. One statement, however many they are."""

from datetime import datetime
from typing import Any

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door

# CloudStack's pools: a zone's system VMs go first, five at a time, then the hosts, ten at a time in each cluster.
SYSTEM_VMS_AT_ONCE = 5
HOSTS_AT_ONCE = 10

IS_UP = "coalesce(h.state, a.state) = 'Up'"
RESOURCE_STATE = "coalesce(h.resource_state, a.resource_state)"
# A host that empties is at work: its agent is not moved before that has ended.
BUSY = ("PrepareForMaintenance", "ErrorInPrepareForMaintenance")
IN_MAINTENANCE = (*BUSY, "Maintenance", "ErrorInMaintenance")

FIRST_UP = "first_up"  # the first server of the agent's list that is Up
PREFERRED = "preferred"  # the first of its list, if that is Up

# `up`: servers that take new connections. An agent that was never given a list knows any. Agents of the other
# hypervisor are dealt out from the last server back, because the remainder of round robin falls to the first ones.
# The server is looked up agent by agent: no estimate of the planner's can turn that into lists times agents.
_PLACES = """
WITH up AS MATERIALIZED (SELECT id, name, address, tasks_start_at FROM lab_management_server WHERE state = 'Up'),
dealt AS MATERIALIZED (SELECT array_agg(id ORDER BY name DESC) AS ids, count(*) AS n FROM up),
any_up AS (SELECT id FROM up WHERE NOT {only_first} ORDER BY name LIMIT 1),
goers AS (
    SELECT a.id, a.kind, a.is_direct, a.zone_id, a.cluster_id, a.host_order, a.servers_listed, {since} AS since
    FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id
    WHERE {is_up} AND a.moves_to_id IS NULL AND ({who})
), placed AS (
    SELECT g.id, g.since,
        CASE WHEN g.is_direct
            THEN d.ids[1 + (row_number() OVER (PARTITION BY g.is_direct ORDER BY g.host_order) - 1)
                % greatest(d.n, 1)]
            WHEN g.servers_listed = '' THEN (SELECT id FROM any_up)
            ELSE (SELECT up.id FROM unnest(string_to_array(g.servers_listed, ',')) WITH ORDINALITY AS e(address, place)
                JOIN up ON up.address = e.address WHERE e.place = 1 OR NOT {only_first} ORDER BY e.place LIMIT 1)
        END AS server_id,
        CASE WHEN g.kind <> 'host' THEN 0
            ELSE ceil(count(*) FILTER (WHERE g.kind <> 'host') OVER (PARTITION BY g.zone_id) / {vms_at_once}.0)
        END + ceil(row_number() OVER (PARTITION BY g.zone_id, g.kind <> 'host', g.cluster_id ORDER BY g.host_order)
            / CASE WHEN g.kind = 'host' THEN {hosts_at_once}.0 ELSE {vms_at_once}.0 END) AS turn
    FROM goers g CROSS JOIN dealt d
)
"""


def _places(who: str, target: str, since: str) -> str:
    # A percent sign is a placeholder's here.
    return _PLACES.replace("%", "%%").format(
        only_first="true" if target == PREFERRED else "false",
        is_up=IS_UP,
        who=who,
        since=since,
        vms_at_once=SYSTEM_VMS_AT_ONCE,
        hosts_at_once=HOSTS_AT_ONCE,
    )


def set_out(
    door: Door,
    config: LabConfig,
    who: str,
    *who_values: Any,
    target: str,
    at: datetime,
    since: str = "%s::timestamptz",
    takes_s: float,
    in_turns: bool,
) -> int:
    """Agents for which `who` is true (a condition on `a` and its host `h`) go to their target, if there is one and they
    are not there, from `at` on or, by `since`, each from its own moment. `in_turns`: as CloudStack's pools let them go.

    Returns how many set out.
    """
    return door.run(
        _places(who, target, since)
        + "UPDATE lab_agent a SET moves_to_id = p.server_id, stuck = '', moves_at = greatest(up.tasks_start_at,"
        "   p.since + %s * (CASE WHEN %s THEN p.turn ELSE 1 END) * interval '1 second')"
        " FROM placed p JOIN up ON up.id = p.server_id"
        " WHERE p.id = a.id AND p.server_id IS DISTINCT FROM a.server_id",
        at,
        *who_values,
        config.scaled(takes_s),
        in_turns,
    )


def connect_at_once(door: Door, at: datetime, who: str, *who_values: Any) -> list[Any]:
    """Agents that come up connect to the first server of their list that is Up; with none they have none. Their ids.

    A host is Up only once its agent is connected, so this takes no time.
    """
    rows = door.rows(
        _places(who, FIRST_UP, "%s::timestamptz")
        + "UPDATE lab_agent a SET server_id = p.server_id, is_away = false, moved_at = p.since,"
        "   last_server_id = CASE WHEN a.server_id IS DISTINCT FROM p.server_id"
        "     THEN coalesce(a.server_id, a.last_server_id) ELSE a.last_server_id END,"
        "   session = coalesce((SELECT h.agent_session FROM lab_host h WHERE h.id = a.host_id), 0),"
        "   moves_to_id = NULL, moves_at = NULL, is_leaving = false, stuck = '',"
        "   without_since = CASE WHEN p.server_id IS NULL THEN p.since END,"
        "   next_check_at = CASE WHEN a.check_interval_s > 0"
        "     THEN p.since + a.check_interval_s * interval '1 second' END"
        " FROM placed p WHERE p.id = a.id RETURNING a.id",
        at,
        *who_values,
    )
    return [row[0] for row in rows]
