"""Stage scripts on the lab's hosts: real ones, run by ticket under CloudStack's rules, or simulated (virtual.py)."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from maintenance.backends.base import (
    AgentUnreachable,
    CloudError,
    HooksLook,
    Later,
    OutputRead,
    ScriptFound,
    StageLook,
)
from maintenance.backends.lab import folders, virtual
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.hosts import HostNow, host_now
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_effect, note_harm
from maintenance.backends.lab.settle import Aftermath
from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.agent_properties import (
    AgentProperties,
    AgentPropertiesUnreadable,
    read_agent_properties,
)
from maintenance.hooks.find import HooksFolderUnreadable, Script, ScriptRefused, find_script
from maintenance.hooks.find import look as look_in_folder
from maintenance.hooks.limits import limits_in_force
from maintenance.hooks.tickets import NoSuchTicket, Tickets, TicketState

OUTPUT_BYTES_MAX = 64 * 1024


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


def look_at_hooks(host: HostNow) -> HooksLook:
    """What is in the host's hooks folder now. Raises: AgentUnreachable, Later."""
    _needs_agent(host)
    if host.is_virtual:
        return virtual.hooks()
    properties = _properties(host)
    scripts: dict[HookStage, ScriptFound] = dict.fromkeys(HookStage, ScriptFound(present=False))
    if properties.hooks_dir is not None:
        try:
            found = look_in_folder(properties.hooks_dir)
        except HooksFolderUnreadable as problem:
            raise Later(str(problem)) from problem
        scripts = {
            stage: ScriptFound(
                one.present, one.path or "", one.digest or "", one.problem or "", one.looked_for
            )
            for stage, one in found.items()
        }
    return HooksLook(
        scripts,
        hooks_dir=str(properties.hooks_dir or ""),
        executor=_executor(properties),
        limits=limits_in_force(),
        warnings=properties.warnings,
    )


def start(door: Door, config: LabConfig, host: HostNow, wanted: Start) -> bool:
    """True: the script runs, or ran, under the ticket; False: there is none. Raises: AgentUnreachable, Later."""
    _needs_agent(host)
    if host.is_virtual:
        run = virtual.new_run(config, wanted.ticket, wanted.stage, host.now)
        _note_start(door, host, wanted, "service", run=run)
        return True
    properties = _properties(host)
    if properties.hooks_dir is None:
        return False
    try:
        script: Script | None = find_script(properties.hooks_dir, wanted.stage)
    except ScriptRefused as refusal:
        _note_start(door, host, wanted, _executor(properties), refusal=str(refusal))
        return True
    except HooksFolderUnreadable as problem:
        raise Later(str(problem)) from problem
    if script is None:
        return _started(door, wanted.ticket) is not None
    _note_start(door, host, wanted, _executor(properties))
    known = _started(door, wanted.ticket)
    if known is None or known.refusal or known.was_cut_off(host):
        return True  # noted before a crash, then the host rebooted: it began there, and its end is unknown
    try:
        _tickets().start(
            str(wanted.ticket),
            script,
            payload=wanted.payload,
            timeout_s=wanted.timeout_s,
            extra_env=folders.script_environment(host.read.name),
        )
    except OSError as problem:
        raise Later(f"{host.read.name} cannot start the script: {problem}") from problem
    return True


def look(door: Door, host: HostNow, ticket: UUID) -> StageLook:
    """How far the ticket's script is, as the host's agent tells it."""
    if not host.agent_answers:
        return StageLook("host_away", detail=f"the agent is {host.read.state}", host_back=False)
    started = _started(door, ticket)
    if started is not None and started.run is not None:
        return virtual.look(started.run, host.now)
    if started is not None and started.refusal:
        return StageLook(
            "finished",
            end="refused",
            started_at=started.started,
            finished_at=started.started,
            detail=started.refusal,
        )
    if started is not None and started.was_cut_off(host):
        _tickets().kill_as_lost(str(ticket))
    return _look_at_ticket(ticket, started)


def _look_at_ticket(ticket: UUID, started: Started | None) -> StageLook:
    found = _tickets().look(str(ticket))
    match found.state:
        case TicketState.ABSENT:
            return StageLook("absent")
        case TicketState.RUNNING:
            return StageLook(
                "running", started_at=started.started if started else None, bytes_total=found.bytes_total
            )
        case TicketState.LOST:
            return StageLook("lost", end="lost", bytes_total=found.bytes_total, detail=found.detail)
        case TicketState.FINISHED:
            result = found.result
            assert result is not None, "a finished ticket has a result"
            return StageLook(
                "lost" if result.end == "lost" else "finished",
                end=result.end.value,
                exit_status=result.exit_status,
                signal=result.signal,
                started_at=result.started_at,
                finished_at=result.finished_at,
                bytes_total=result.bytes_total,
                detail=result.detail,
            )


def wait(run: virtual.Run | None, ticket: UUID, timeout_s: float) -> bool:
    """Whether the script ended within the time. Needs no connection."""
    if run is not None:
        left_s = (run.ends - datetime.now(UTC)).total_seconds() if run.ends else timeout_s
        threading.Event().wait(min(max(0.0, left_s), timeout_s))
        return run.ends is not None and left_s <= timeout_s
    try:
        return _tickets().wait(str(ticket), timeout_s)
    except NoSuchTicket:
        threading.Event().wait(timeout_s)
        return False


def read_output(door: Door, ticket: UUID, after: int) -> OutputRead:
    """What the script printed from byte `after` on. Raises: Later."""
    run = simulated(door, ticket)
    if run is not None:
        return virtual.output(run, after)
    try:
        piece = _tickets().read_output(str(ticket), after)
    except NoSuchTicket:
        return OutputRead(after, b"", after, after)
    data = piece.data[:OUTPUT_BYTES_MAX]
    return OutputRead(piece.start, data, piece.start + len(data), piece.total)


def stop(door: Door, host: HostNow, ticket: UUID) -> None:
    """TERM, then KILL; a ticket that never began never will. Raises: AgentUnreachable."""
    _needs_agent(host)
    if host.is_virtual:
        virtual.stop(door, host, ticket)
    else:
        _tickets().stop(str(ticket), "stopped on request")


def simulated(door: Door, ticket: UUID) -> virtual.Run | None:
    """The simulated script of the ticket; None when a real one runs."""
    started = _started(door, ticket)
    return started.run if started else None


def finish_aftermath(door: Door, aftermath: Aftermath, config: LabConfig) -> None:
    """Scripts cut off by a reboot or by their agent's end are ended; late requests to start one are obeyed."""
    for host_id in aftermath.interrupted:
        host = host_now(door, host_id)
        if not host.is_virtual:
            end_cut_off_scripts(door, host)
    for kept in aftermath.late_starts:
        wanted = Start.from_json(kept)
        try:
            start(door, config, host_now(door, wanted.host_id), wanted)
        except CloudError as refusal:
            note_effect(door, "late_start_refused", wanted.host_id, f"{type(refusal).__name__}: {refusal}")


def end_cut_off_scripts(door: Door, host: HostNow) -> None:
    """Nothing that an earlier boot, or an earlier agent by itself, had started runs on the host any more."""
    rows = door.rows(
        "SELECT id FROM lab_ticket WHERE host_id = %s AND started > clock_timestamp() - interval '1 day'"
        " AND (boot_id <> %s::uuid OR (executor = 'agent' AND agent_session <> %s))",
        host.read.id,
        host.read.boot_id,
        host.agent_session,
    )
    for (ticket,) in rows:
        if _tickets().look(str(ticket)).state == TicketState.RUNNING:
            _tickets().kill_as_lost(str(ticket))


def end_all_scripts(door: Door) -> None:
    """No script of a lab host runs any more: the lab is about to be made anew."""
    for (ticket,) in door.rows("SELECT id FROM lab_ticket WHERE exit_status IS NULL"):
        if _tickets().look(str(ticket)).state == TicketState.RUNNING:
            _tickets().kill_as_lost(str(ticket))


def _note_start(
    door: Door,
    host: HostNow,
    wanted: Start,
    executor: str,
    *,
    refusal: str = "",
    run: virtual.Run | None = None,
) -> None:
    """The host knows the ticket; a second time changes nothing."""
    is_new = door.run(
        "INSERT INTO lab_ticket (id, host_id, stage, executor, boot_id, agent_session, refusal, ends, exit_status)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
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
    if not is_new:
        return
    note_effect(door, f"script_{wanted.stage}", host.read.id, str(wanted.ticket))
    if wanted.stage is HookStage.MAINTENANCE and host.read.resource_state != "Maintenance":
        note_harm(
            door, "maintenance_in_service", host.read.id, note=f"the host was {host.read.resource_state}"
        )


def _started(door: Door, ticket: UUID) -> Started | None:
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


def _needs_agent(host: HostNow) -> None:
    if not host.agent_answers:
        raise AgentUnreachable(f"the agent of {host.read.name} is {host.read.state}")


def _properties(host: HostNow) -> AgentProperties:
    try:
        return read_agent_properties(folders.properties_path(host.read.name))
    except AgentPropertiesUnreadable as problem:
        raise Later(str(problem)) from problem


def _executor(properties: AgentProperties) -> str:
    return "agent" if properties.service_executor_disabled else "service"


def _tickets() -> Tickets:
    return _tickets_below(Path(settings.VAR_DIR) / "hooks")


@cache
def _tickets_below(root: Path) -> Tickets:
    return Tickets(root)
