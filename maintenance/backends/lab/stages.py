"""Stage scripts on the lab's hosts: real ones, run by ticket under CloudStack's rules, or simulated (virtual.py)."""

import threading
from datetime import UTC, datetime
from uuid import UUID

from maintenance.backends.base import (
    AgentUnreachable,
    HooksLook,
    Later,
    Never,
    OutputRead,
    ScriptFound,
    StageLook,
)
from maintenance.backends.lab import folders, virtual
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.hosts import HostNow
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.started import Start, Started, find_started, note_start, tickets
from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.agent_properties import (
    AgentProperties,
    AgentPropertiesUnreadable,
    read_agent_properties,
)
from maintenance.hooks.find import HooksFolderUnreadable, Script, ScriptRefused, find_script
from maintenance.hooks.find import look as look_in_folder
from maintenance.hooks.limits import limits_in_force
from maintenance.hooks.tickets import NoSuchTicket, TicketState

OUTPUT_BYTES_MAX = 64 * 1024


def look_at_hooks(host: HostNow) -> HooksLook:
    """What is in the host's hooks folder now. Raises: AgentUnreachable, Later, Never."""
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
        note_start(door, host, wanted, "service", run=run)
        return True
    properties = _properties(host)
    if properties.hooks_dir is None:
        return False
    try:
        script: Script | None = find_script(properties.hooks_dir, wanted.stage)
    except ScriptRefused as refusal:
        note_start(door, host, wanted, _executor(properties), refusal=str(refusal))
        return True
    except HooksFolderUnreadable as problem:
        raise Later(str(problem)) from problem
    if script is None:
        return find_started(door, wanted.ticket) is not None
    if not note_start(door, host, wanted, _executor(properties)):
        known = find_started(door, wanted.ticket)
        if known is None or known.refusal or known.was_cut_off(host):
            return True  # it belongs to an earlier boot: whatever came of it, it does not begin again
    try:
        tickets().start(
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
    started = find_started(door, ticket)
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
        tickets().kill_as_lost(str(ticket))
    return _look_at_ticket(ticket, started)


def _look_at_ticket(ticket: UUID, started: Started | None) -> StageLook:
    found = tickets().look(str(ticket))
    match found.state:
        case TicketState.ABSENT:
            return StageLook("absent")
        case TicketState.RUNNING:
            return StageLook(
                "running", started_at=started.started if started else None, bytes_total=found.bytes_total
            )
        case TicketState.LOST:
            # Its host may be returned to service now: nothing of the script may go on there.
            tickets().kill_as_lost(str(ticket))
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
        return tickets().wait(str(ticket), timeout_s)
    except NoSuchTicket:
        threading.Event().wait(timeout_s)
        return False


def read_output(door: Door, ticket: UUID, after: int) -> OutputRead:
    """What the script printed from byte `after` on. Raises: Later."""
    run = simulated(door, ticket)
    if run is not None:
        return virtual.output(run, after)
    try:
        piece = tickets().read_output(str(ticket), after)
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
        tickets().stop(str(ticket), "stopped on request")


def simulated(door: Door, ticket: UUID) -> virtual.Run | None:
    """The simulated script of the ticket; None when a real one runs."""
    started = find_started(door, ticket)
    return started.run if started else None


def _needs_agent(host: HostNow) -> None:
    if host.read.hypervisor != "KVM":
        raise Never(f"{host.read.name} is a {host.read.hypervisor} host: nothing on it runs hook scripts")
    if not host.agent_answers:
        raise AgentUnreachable(f"the agent of {host.read.name} is {host.read.state}")


def _properties(host: HostNow) -> AgentProperties:
    try:
        return read_agent_properties(folders.properties_path(host.read.name))
    except AgentPropertiesUnreadable as problem:
        raise Later(str(problem)) from problem


def _executor(properties: AgentProperties) -> str:
    return "agent" if properties.service_executor_disabled else "service"
