"""What the lab's hosts remember of the scripts they were asked to run: which boot and which agent began each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from maintenance.backends.lab import virtual
from maintenance.backends.lab.hosts import HostNow
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_harm
from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.tickets import Tickets, TicketState


@dataclass(frozen=True, slots=True)
class Start:
    """What is asked when a stage begins."""

    host_id: UUID
    stage: HookStage
    ticket: UUID
    payload: str | None
    timeout_s: float

    def to_json(self) -> dict[str, object]:
        return {
            "host_id": str(self.host_id),
            "stage": str(self.stage),
            "ticket": str(self.ticket),
            "payload": self.payload,
            "timeout_s": self.timeout_s,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Start":
        return cls(
            UUID(kept["host_id"]),
            HookStage(kept["stage"]),
            UUID(kept["ticket"]),
            kept["payload"],
            kept["timeout_s"],
        )


@dataclass(frozen=True, slots=True)
class Started:
    """What the host knows of a ticket. `refusal`: its script must not run, and why."""

    executor: str
    boot_id: UUID
    agent_session: int
    started: datetime
    refusal: str
    run: virtual.Run | None

    def was_cut_off(self, host: HostNow) -> bool:
        """Whether the host rebooted since, or the agent that ran the script itself is gone."""
        if str(self.boot_id) != host.read.boot_id:
            return True
        return self.executor == "agent" and self.agent_session != host.agent_session


def note_start(
    door: Door,
    host: HostNow,
    wanted: Start,
    executor: str,
    *,
    refusal: str = "",
    run: virtual.Run | None = None,
) -> bool:
    """The host knows the ticket, and it is on record as one effect; False when it knew it before: nothing changed."""
    is_new = door.run(
        "WITH new AS (INSERT INTO lab_ticket"
        " (id, host_id, stage, executor, boot_id, agent_session, refusal, ends, exit_status)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING id, host_id, stage)"
        " INSERT INTO lab_effect (kind, host_id, note) SELECT 'script_' || stage, host_id, id::text FROM new",
        wanted.ticket,
        host.read.id,
        wanted.stage.value,
        executor,
        host.read.boot_id,
        host.agent_session,
        refusal,
        run.ends if run else None,
        run.exit_status if run else None,
    )
    if is_new and wanted.stage is HookStage.MAINTENANCE and host.read.resource_state != "Maintenance":
        note_harm(
            door, "maintenance_in_service", host.read.id, note=f"the host was {host.read.resource_state}"
        )
    return bool(is_new)


def find_started(door: Door, ticket: UUID) -> Started | None:
    """What is remembered of the ticket; None when it never arrived."""
    row = door.row(
        "SELECT executor, boot_id, agent_session, started, refusal, ends, exit_status, stage FROM lab_ticket"
        " WHERE id = %s",
        ticket,
    )
    if row is None:
        return None
    ends, exit_status, stage = row[5:]
    is_simulated = exit_status is not None
    run = virtual.Run(ticket, stage, row[3], ends, exit_status) if is_simulated else None
    return Started(*[*row[:5], run])


def end_cut_off_scripts(door: Door, host: HostNow) -> None:
    """Nothing that an earlier boot, or an earlier agent by itself, had started runs on the host any more."""
    rows = door.rows(
        "SELECT id FROM lab_ticket WHERE host_id = %s AND started > clock_timestamp() - interval '1 day'"
        " AND (boot_id <> %s::uuid OR (executor = 'agent' AND agent_session <> %s))",
        host.read.id,
        host.read.boot_id,
        host.agent_session,
    )
    _kill_running(ticket for (ticket,) in rows)


def end_all_scripts(door: Door) -> None:
    """No script of a lab host runs any more: the lab is about to be made anew."""
    _kill_running(ticket for (ticket,) in door.rows("SELECT id FROM lab_ticket WHERE exit_status IS NULL"))


def _kill_running(wanted: Iterable[UUID]) -> None:
    for ticket in wanted:
        if tickets().look(str(ticket)).state == TicketState.RUNNING:
            tickets().kill_as_lost(str(ticket))


def tickets() -> Tickets:
    """Where all scripts of this installation run."""
    return _tickets_below(Path(settings.VAR_DIR) / "hooks")


@cache
def _tickets_below(root: Path) -> Tickets:
    return Tickets(root)
