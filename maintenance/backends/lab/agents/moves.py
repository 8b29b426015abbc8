"""What makes agents move: their server prepares, is back, or is gone; or they are told to go home."""

from datetime import datetime
from uuid import UUID

from maintenance.backends.lab.agents.going import (
    BUSY,
    IN_MAINTENANCE,
    IS_UP,
    PREFERRED,
    RESOURCE_STATE,
    set_out,
)
from maintenance.backends.lab.agents.lists import send_lists
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.agents.reading import balance_settings
from maintenance.backends.lab.agents.settling import cut_off, retry, settle_locked
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door


def send_agents_away(
    door: Door,
    config: LabConfig,
    server_id: UUID,
    at: datetime,
    algorithm: str | None,
    ignore_maintenance_hosts: bool,
) -> bool:
    """The server's agents are on their way to others, from `at` on; the server is not Up any more.

    `algorithm`: other than the setting's, they get lists by it first. Agents that cannot go now (their host empties;
    no server of their list is Up) go as soon as they can, which is more than CloudStack tries. False: the hand-over
    failed as a whole, because nobody else is Up.
    """
    with agents_locked(door):
        settle_locked(door, config, at)
        left_out = list(IN_MAINTENANCE) if ignore_maintenance_hosts else []
        leaving = door.rows(
            "UPDATE lab_agent l SET is_leaving = true FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id"
            f" WHERE l.id = a.id AND a.server_id = %s AND {IS_UP} AND {RESOURCE_STATE} <> ALL(%s) RETURNING a.id",
            server_id,
            left_out,
        )
        if algorithm and algorithm != balance_settings(door, config).algorithm:
            send_lists(door, config, at, only={row[0] for row in leaving}, algorithm=algorithm)
        _turn_back(door, server_id)
        retry(door, config, at)
        nobody_is_up = not door.rows("SELECT 1 FROM lab_management_server WHERE state = 'Up' LIMIT 1")
        return not (leaving and nobody_is_up)


def stay(door: Door, server_id: UUID) -> None:
    """The server's agents that had not left yet stay."""
    with agents_locked(door):
        door.run(
            "UPDATE lab_agent SET is_leaving = false, stuck = '', moves_to_id = NULL, moves_at = NULL"
            " WHERE server_id = %s AND is_leaving",
            server_id,
        )


def send_home(door: Door, config: LabConfig, at: datetime) -> None:
    """Every agent was sent its list, and goes to its preferred server at once, where that is Up. Hosts of the other
    hypervisor are dealt anew."""
    with agents_locked(door):
        settle_locked(door, config, at)
        send_lists(door, config, at)
        set_out(
            door,
            config,
            f"a.server_id IS NOT NULL AND NOT a.is_leaving AND {RESOURCE_STATE} <> ALL(%s)",
            list(BUSY),
            target=PREFERRED,
            at=at,
            takes_s=config.agent_move_s,
            in_turns=True,
        )
        retry(door, config, at)


def server_gone(door: Door, config: LabConfig, server_id: UUID, at: datetime) -> None:
    """The server listens no more since `at` (died, went down, or entered maintenance with agents left): its agents
    connect to the next server of their list that is Up. Its own state has been written before."""
    with agents_locked(door):
        settle_locked(door, config, at)
        cut_off(door, server_id, at)
        _turn_back(door, server_id)
        # Who was on the way to another server anyway does not wait for its turn.
        door.run(
            "UPDATE lab_agent SET moves_at = least(moves_at, %s::timestamptz + %s * interval '1 second')"
            " WHERE server_id IS NULL AND moves_to_id IS NOT NULL",
            at,
            config.scaled(config.agent_reconnect_s),
        )
        retry(door, config, at)


def server_is_back(door: Door, config: LabConfig, server_id: UUID, at: datetime) -> None:
    """The server is Up and listens since `at`: agents without a server connect to it, where their list names it."""
    with agents_locked(door):
        settle_locked(door, config, at)


def _turn_back(door: Door, server_id: UUID) -> None:
    """Nobody is on the way to the server any more."""
    door.run("UPDATE lab_agent SET moves_to_id = NULL, moves_at = NULL WHERE moves_to_id = %s", server_id)
