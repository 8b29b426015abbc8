"""Simulated stage scripts, for fleets of thousands of hosts: they take their time and end, and no process runs."""

import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from maintenance.backends.base import HooksLook, OutputRead, ScriptFound, StageLook
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.hosts import HostNow
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.settle import after
from maintenance.domain.hook_stages import HookStage

STOPPED = -1  # kept as the exit status of a simulated script that was stopped


@dataclass(frozen=True, slots=True)
class Run:
    """One simulated script. `ends` is None when its host rebooted meanwhile: nobody knows how it ended."""

    ticket: UUID
    stage: str
    started: datetime
    ends: datetime | None
    exit_status: int


def hooks() -> HooksLook:
    """A virtual host has a script for every stage."""
    scripts = {
        stage: ScriptFound(True, f"(simulated)/{stage}", looked_for=(stage.value,)) for stage in HookStage
    }
    return HooksLook(scripts, hooks_dir="(simulated)", limits="simulated scripts, no processes")


def new_run(config: LabConfig, ticket: UUID, stage: HookStage, now: datetime) -> Run:
    """How the script will go; the ticket decides, so that the same ticket always goes the same way."""
    dice = random.Random(ticket.int)
    seconds = config.scaled(config.virtual_script_s * dice.uniform(0.8, 1.2))
    fails = stage is HookStage.MAINTENANCE and dice.random() < config.virtual_failure_rate
    return Run(ticket, stage.value, now, after(now, seconds), 1 if fails else 0)


def look(run: Run, now: datetime) -> StageLook:
    """How far it is."""
    if run.ends is None:
        return StageLook("lost", end="lost", started_at=run.started, detail="its host rebooted")
    if now < run.ends:
        return StageLook("running", started_at=run.started, bytes_total=len(_begins(run)))
    is_stopped = run.exit_status == STOPPED
    return StageLook(
        "finished",
        end="stopped" if is_stopped else "exited",
        exit_status=None if is_stopped else run.exit_status,
        started_at=run.started,
        finished_at=run.ends,
        bytes_total=len(_begins(run)),
    )


def output(run: Run, offset: int) -> OutputRead:
    """One line, printed at the start."""
    text = _begins(run)
    start = min(max(0, offset), len(text))
    return OutputRead(start, text[start:], len(text), len(text))


def stop(door: Door, host: HostNow, ticket: UUID) -> None:
    """It has ended as stopped; one that never began never will."""
    door.run(
        "INSERT INTO lab_ticket (id, host_id, stage, executor, boot_id, agent_session, refusal, ends, exit_status)"
        " VALUES (%s, %s, '', 'service', %s, %s, '', clock_timestamp(), %s) ON CONFLICT (id) DO UPDATE"
        " SET ends = EXCLUDED.ends, exit_status = EXCLUDED.exit_status WHERE lab_ticket.ends > EXCLUDED.ends",
        ticket,
        host.read.id,
        host.read.boot_id,
        host.agent_session,
        STOPPED,
    )


def _begins(run: Run) -> bytes:
    return f"{run.stage}: simulated, {run.ticket}\n".encode()
