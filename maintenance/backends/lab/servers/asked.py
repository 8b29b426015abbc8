"""What is asked of a management server: refused by rule, in CloudStack's order, or accepted at once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.backends.base import CloudError, Expired, Never
from maintenance.backends.lab.agents import balance_settings, send_home
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers import arriving
from maintenance.backends.lab.servers.rows import ServerRow, all_servers, change, enter, one_server
from maintenance.backends.lab.settle import after
from maintenance.domain.servers import ServerMove, ServersView, refusal_of
from maintenance.domain.servers import ServerState as S

START = "start"  # asked of what runs the servers, not of CloudStack


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `move`: a ServerMove, or START; `details`: algorithm, forced, rebalance."""

    id: UUID
    server_id: UUID
    move: str
    expires_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


def next_late_request(door: Door, now: datetime) -> tuple[datetime, UUID] | None:
    """The next request that has arrived late by now."""
    row = door.row(
        "SELECT arrives_at, id FROM lab_server_request WHERE done_at IS NULL AND arrives_at <= %s"
        " ORDER BY arrives_at, id LIMIT 1",
        now,
    )
    return None if row is None else (row[0], row[1])


def arrive_late(door: Door, config: LabConfig, request: UUID, at: datetime, now: datetime) -> None:
    """It arrives now. Nobody hears the answer; a refusal is noted."""
    row = door.row(
        "DELETE FROM lab_server_request WHERE id = %s RETURNING server_id, move, expires_at, details::text",
        request,
    )
    assert row is not None
    asked = Asked(request, row[0], row[1], row[2], json.loads(row[3]))
    try:
        accept_locked(door, config, asked, at)
    except CloudError as refused:
        words = f"{type(refused).__name__}: {refused}"
        write_down(door, asked, arrives_at=at, done_at=at, refusal=words)


def accept_locked(door: Door, config: LabConfig, asked: Asked, now: datetime) -> bool:
    """It was carried out, for a caller that holds the lock; False only for a start that is not ours to order.

    Raises: Never, Expired.
    """
    if door.row("SELECT 1 FROM lab_server_request WHERE id = %s AND done_at IS NOT NULL", asked.id):
        return True  # delivered twice
    if now > asked.expires_at:
        raise Expired(f"the request expired at {asked.expires_at:%H:%M:%S.%f}; it arrived too late")
    if asked.move == START:
        if not config.can_start_servers:
            return False
        _start(door, config, one_server(door, asked.server_id), now)
    else:
        _refuse_by_rule(door, config, asked)
        server = one_server(door, asked.server_id)
        _refuse_by_itself(server, asked)
        _carry_out(door, config, server, asked, now)
    write_down(door, asked, arrives_at=now, done_at=now)
    return True


def write_down(
    door: Door, asked: Asked, *, arrives_at: datetime, done_at: datetime | None, refusal: str = ""
) -> None:
    """The request is in the book: done, refused, or on its way."""
    door.run(
        "INSERT INTO lab_server_request (id, server_id, move, details, expires_at, arrives_at, done_at, refusal)"
        " VALUES (%s, %s, %s, %s::jsonb, %s, %s, %s, %s)",
        asked.id,
        asked.server_id,
        asked.move,
        json.dumps(dict(asked.details)),
        asked.expires_at,
        arrives_at,
        done_at,
        refusal,
    )


def _refuse_by_rule(door: Door, config: LabConfig, asked: Asked) -> None:
    """What every management server knows. Raises: Never."""
    view = ServersView(
        tuple(other.facts for other in all_servers(door)),
        balance_settings(door, config).hosts,
        door.row("SELECT 1 FROM lab_agent WHERE NOT is_direct LIMIT 1") is not None,
    )
    move, algorithm = ServerMove(asked.move), asked.details.get("algorithm")
    if refusal := refusal_of(move, asked.server_id, view, algorithm=algorithm):
        raise Never(refusal.words)


def _refuse_by_itself(server: ServerRow, asked: Asked) -> None:
    """What only the server itself can say, once it is reached. Raises: Never."""
    if server.is_unreachable:
        words = f"{server.name} cannot be reached by the other management servers: {asked.move} was not carried out"
        raise Never(words)
    if server.refuses_with:
        raise Never(f"{server.name} refuses: {server.refuses_with}")


def _carry_out(door: Door, config: LabConfig, server: ServerRow, asked: Asked, now: datetime) -> None:
    match ServerMove(asked.move):
        case ServerMove.PREPARE:
            _prepare(door, config, server, asked, now)
        case ServerMove.CANCEL:
            arriving.back_to_up(door, config, server, now, now, "its maintenance was cancelled")
            if asked.details.get("rebalance"):
                send_home(door, config, now)
        case ServerMove.PREPARE_SHUTDOWN:
            enter(door, server, S.PREPARING_FOR_SHUTDOWN, now, "it was asked to prepare for shutdown")
        case ServerMove.TRIGGER_SHUTDOWN:
            enter(
                door,
                server,
                S.SHUTTING_DOWN,
                now,
                "it was asked to shut down",
                came_from_maintenance=server.state == S.MAINTENANCE,
            )
        case ServerMove.CANCEL_SHUTDOWN:
            arriving.back_to_up(door, config, server, now, now, "its shutdown was cancelled")


def _prepare(door: Door, config: LabConfig, server: ServerRow, asked: Asked, now: datetime) -> None:
    enter(
        door,
        server,
        S.PREPARING_FOR_MAINTENANCE,
        now,
        "it was asked to prepare for maintenance",
        algorithm=asked.details.get("algorithm") or "",
        is_forced=bool(asked.details.get("forced")),
        window_ends_at=after(now, config.scaled(config.maintenance_timeout_min * 60)),
        handed_over_at=None,
        tasks_stopped_at=None,
        came_from_maintenance=False,
    )


def _start(door: Door, config: LabConfig, server: ServerRow, now: datetime) -> None:
    """A server that is Down starts soon; what runs, or starts sooner anyway, is left alone."""
    starts_at = after(now, config.scaled(config.server_start_s))
    if not server.runs and (server.starts_at is None or starts_at < server.starts_at):
        change(door, server.id, starts_at=starts_at)
