"""Time caught up for agents: whatever was due until now has happened, each thing at its own moment."""

from datetime import datetime

from maintenance.backends.lab.agents.adding import LACKS_AGENTS, add_agents
from maintenance.backends.lab.agents.going import (
    BUSY,
    FIRST_UP,
    IS_UP,
    PREFERRED,
    RESOURCE_STATE,
    connect_at_once,
    set_out,
)
from maintenance.backends.lab.agents.lists import believe_files, edited_by_hand, send_lists
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door

ROUNDS_MAX = 20  # a check leads to a move, a move to an arrival; more rounds than that is a circle

_LISTENS_NOT = (
    "EXISTS (SELECT 1 FROM lab_management_server s WHERE s.id = a.server_id"
    " AND s.state IN ('Maintenance', 'Down'))"
)
_SESSION = "coalesce(h.agent_session, 0)"
_CAME = f"{IS_UP} AND (a.is_away OR {_SESSION} <> a.session)"
_WENT = f"NOT {IS_UP} AND NOT a.is_away"
_SINCE = "coalesce(a.moves_at, %s::timestamptz)"
_IS_WAITING = "a.moves_to_id IS NULL AND NOT a.is_away AND (a.is_leaving OR a.server_id IS NULL)"


def settle_agents(door: Door, config: LabConfig, now: datetime | None = None) -> None:
    """Everything that was due of agents has happened: arrivals, checks for preferred servers, reconnections.

    Cheap, and without a lock, when nothing is due. `now`: the database's clock, unless a test gives its own.
    """
    now = now or door.now()
    if _is_behind(door, now) or edited_by_hand(door):
        with agents_locked(door):
            settle_locked(door, config, now)


def settle_locked(door: Door, config: LabConfig, now: datetime) -> None:
    """The same, for a caller that holds the lock."""
    if door.rows(f"SELECT 1 WHERE {LACKS_AGENTS}"):
        add_agents(door)
    believe_files(door, now)
    _notice_hosts(door, config, now)
    for _ in range(ROUNDS_MAX):
        arrived = _arrive(door, config, now)
        checked = _look_for_preferred(door, config, now)
        if not arrived and not checked:
            break
    _notice_dead_servers(door, now)
    retry(door, config, now)


def _is_behind(door: Door, now: datetime) -> bool:
    found = door.rows(
        f"SELECT 1 WHERE {LACKS_AGENTS} OR EXISTS (SELECT 1 FROM lab_agent a LEFT JOIN lab_host h"
        f" ON h.id = a.host_id WHERE a.moves_at <= %s OR a.next_check_at <= %s OR ({_CAME}) OR ({_WENT})"
        f" OR ({_IS_WAITING}) OR {_LISTENS_NOT})",
        now,
        now,
    )
    return bool(found)


def _notice_hosts(door: Door, config: LabConfig, now: datetime) -> None:
    """Agents that went away are connected to nothing; those that came connect, and have their list compared."""
    door.run(
        "UPDATE lab_agent SET is_away = true, last_server_id = coalesce(server_id, last_server_id), server_id = NULL,"
        " moves_to_id = NULL, moves_at = NULL, is_leaving = false, stuck = '', without_since = NULL"
        f" WHERE id IN (SELECT a.id FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id WHERE {_WENT})"
    )
    came = door.rows(
        f"SELECT a.id, a.servers_listed FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id WHERE {_CAME}"
    )
    if not came:
        return
    ids = [row[0] for row in came]
    if new := {row[0] for row in came if not row[1]}:
        send_lists(door, config, now, only=new)  # its first list comes with it being added
    door.run("UPDATE lab_agent SET moves_to_id = NULL, moves_at = NULL WHERE id = ANY(%s)", ids)
    connect_at_once(door, now, "a.id = ANY(%s)", ids)
    send_lists(door, config, now, only=set(ids))


def _notice_dead_servers(door: Door, now: datetime) -> None:
    """A connection to a server that listens no more is none. Whoever stops a server says so by itself, and when."""
    for (server_id,) in door.rows(f"SELECT DISTINCT a.server_id FROM lab_agent a WHERE {_LISTENS_NOT}"):
        cut_off(door, server_id, now)


def cut_off(door: Door, server_id: object, at: datetime) -> None:
    """The server's agents are connected to nothing since `at`."""
    door.run(
        "UPDATE lab_agent SET last_server_id = server_id, server_id = NULL, is_leaving = false, stuck = '',"
        " without_since = %s WHERE server_id = %s",
        at,
        server_id,
    )


def _arrive(door: Door, config: LabConfig, now: datetime) -> int:
    """Moves that have ended: the agent kept its old connection until now. How many there were.

    The new server compares lists, and sends its own if they differ. One that was not Up any more at that moment takes
    nobody: those try the next one from there on.
    """
    refused = door.run(
        "UPDATE lab_agent a SET moves_to_id = NULL WHERE moves_at <= %s AND NOT EXISTS (SELECT 1"
        " FROM lab_management_server s WHERE s.id = a.moves_to_id AND (s.state = 'Up' OR s.since > a.moves_at))",
        now,
    )
    arrived = door.rows(
        "UPDATE lab_agent SET last_server_id = coalesce(server_id, last_server_id), server_id = moves_to_id,"
        " moved_at = moves_at, moves_to_id = NULL, moves_at = NULL, is_leaving = false, stuck = '',"
        " longest_gap_s = greatest(longest_gap_s,"
        "   coalesce(extract(epoch FROM moves_at - without_since), 0)), without_since = NULL"
        " WHERE moves_at <= %s AND moves_to_id IS NOT NULL RETURNING id",
        now,
    )
    if arrived:
        send_lists(door, config, now, only={row[0] for row in arrived})
    if refused:
        retry(door, config, now)
    return refused + len(arrived)


def _look_for_preferred(door: Door, config: LabConfig, now: datetime) -> int:
    """Agents whose interval has passed go to their preferred server, if that is Up; with `shuffle` they look once.

    One whose host empties is at work, and looks again an interval later. How many set out.
    """
    due = "a.next_check_at <= %s"
    gone = set_out(
        door,
        config,
        f"{due} AND NOT a.is_direct AND a.server_id IS NOT NULL AND NOT a.is_leaving AND {RESOURCE_STATE} <> ALL(%s)",
        now,
        list(BUSY),
        target=PREFERRED,
        since="least(a.next_check_at, %s::timestamptz)",
        at=now,
        takes_s=config.agent_move_s,
        in_turns=False,
    )
    door.run(
        "UPDATE lab_agent SET next_check_at = CASE WHEN algorithm <> 'shuffle' AND check_interval_s > 0 THEN"
        " next_check_at + (floor(extract(epoch FROM %s::timestamptz - next_check_at) / check_interval_s) + 1)"
        "   * check_interval_s * interval '1 second' END WHERE next_check_at <= %s",
        now,
        now,
    )
    return gone


def retry(door: Door, config: LabConfig, at: datetime) -> None:
    """Agents that should leave their server, or have none, set out if they can, from `at` or from when the last one
    refused them; those that cannot say why."""
    if not door.rows(f"SELECT 1 FROM lab_agent a WHERE {_IS_WAITING} LIMIT 1"):
        door.run("UPDATE lab_agent SET moves_at = NULL WHERE moves_to_id IS NULL AND moves_at IS NOT NULL")
        return
    set_out(
        door,
        config,
        f"a.is_leaving AND a.server_id IS NOT NULL AND {RESOURCE_STATE} <> ALL(%s)",
        list(BUSY),
        target=FIRST_UP,
        since=_SINCE,
        at=at,
        takes_s=config.agent_move_s,
        in_turns=True,
    )
    set_out(
        door,
        config,
        "a.server_id IS NULL",
        target=FIRST_UP,
        since=_SINCE,
        at=at,
        takes_s=config.agent_reconnect_s,
        in_turns=False,
    )
    door.run("UPDATE lab_agent SET moves_at = NULL WHERE moves_to_id IS NULL AND moves_at IS NOT NULL")
    _say_why(door)


def _say_why(door: Door) -> None:
    """Whoever waits and does not move says what it waits for."""
    door.run(
        f"UPDATE lab_agent w SET stuck = CASE WHEN a.is_leaving AND {RESOURCE_STATE} = ANY(%s)"
        f" THEN 'its host is ' || {RESOURCE_STATE} || ': its agent is not moved before that has ended'"
        " WHEN a.is_direct OR a.servers_listed = '' THEN 'no other management server is Up'"
        " ELSE 'no other server of its list (' || replace(a.servers_listed, ',', ', ') || ') is Up' END"
        " FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id"
        f" WHERE w.id = a.id AND {_IS_WAITING}",
        list(BUSY),
    )
