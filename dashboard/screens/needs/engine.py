"""No engine answers: since when, what stands still, what is safe, and the command that starts one here."""

import json
import os
import shlex
import sys
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.actions import too_low
from dashboard.screens.marks import IN_SERVICE, UNKNOWN, Mark
from dashboard.screens.words import count
from maintenance.domain.states import RUN_ACTIVE, StepState
from maintenance.models import EngineProcess, HostOut, Run, Step

SHOWN_MAX = 8
LOG_BYTES_MAX = 8_192
LOG_LINES_MAX = 8
LOG_LINE_MAX = 400
LOG_FRAME = frozenset({"timestamp", "event", "level", "logger"})
UNIT = "pitstop-engine"  # deploy/


@dataclass(frozen=True, slots=True)
class Process:
    where: str
    pid: int
    mark: Mark
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Starting:
    """`how`: what keeps engines running here, in words. `log`: where the last one said why it ended; `last`: its end,
    for whoever may start one."""

    how: str
    command: str
    log: str
    last: str = ""


@dataclass(frozen=True, slots=True)
class EngineState:
    """`starting` and `still` only while none answers: with one alive they would be untrue."""

    processes: list[Process]
    still: list[str]
    starting: Starting | None


def engine_state(role: str, *, is_silent: bool) -> EngineState:
    now = timezone.now()
    newest = [_process(one, now) for one in EngineProcess.objects.order_by("-seen_at")[:SHOWN_MAX]]
    if not is_silent:
        return EngineState(newest, [], None)
    starting = starting_here()
    if not too_low(role):
        starting = replace(starting, last=end_of(starting.log))
    return EngineState(newest, what_stands_still(), starting)


def _process(process: EngineProcess, now: datetime) -> Process:
    is_silent = (now - process.seen_at).total_seconds() > settings.ENGINE_SILENT_S
    if process.stopped_at is not None:
        drawn = Mark("Waiting", _("Stopped"), "waiting")
    else:
        drawn = (
            Mark(UNKNOWN.state, _("Silent"), UNKNOWN.glyph)
            if is_silent
            else Mark("Up", _("Runs"), IN_SERVICE.glyph)
        )
    return Process(process.host_name, process.pid, drawn, process.stopped_at or process.seen_at)


def what_stands_still() -> list[str]:
    """Counted, so that whoever reads it knows what is at stake before anything is pressed."""
    runs = Run.objects.filter(state__in=RUN_ACTIVE).count()
    out = HostOut.objects.filter(closed_at=None).count()
    begun = Step.objects.filter(state=StepState.RUNNING).count()
    found = []
    if runs:
        found.append(_("%(runs)s in progress: no further stage starts.") % {"runs": count(runs, "run")})
    if begun:
        begun_words = {"stages": count(begun, "stage")}
        found.append(_("%(stages)s under way: scripts go on to their end, nobody looks yet.") % begun_words)
    if out:
        found.append(
            _("%(hosts)s out of service by Pitstop: nobody brings them back until an engine runs.")
            % {"hosts": count(out, "host")}
        )
    if not found:
        found.append(_("No run is in progress, and no host is out of service by Pitstop."))
    found.append(_("The clouds are not read: what pages show of them is the last that was known."))
    return found


def starting_here() -> Starting:
    """By how this web process itself was started: its engines most likely are, too."""
    var = Path(settings.VAR_DIR)
    if "PITSTOP_LAUNCHER" in os.environ:
        how = _(
            "What started this console restarts its engine by itself. While it cannot, this starts one more:"
        )
        return Starting(how, _by_hand(var), str(var / "log" / "engine.log"))
    if "INVOCATION_ID" in os.environ:  # systemd
        how = _("systemd restarts the engine by itself. While it does not, on the machine of the engine:")
        return Starting(how, f"sudo systemctl restart {UNIT}", f"journalctl -u {UNIT} -n 50")
    how = _("With the settings that this web process has (DATABASE_URL and others), on any machine:")
    return Starting(how, _by_hand(var), "")


def end_of(log: str) -> str:
    """The last lines of a log on this machine; empty where it cannot be read here."""
    path = Path(log)
    if not path.is_absolute():
        return ""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_BYTES_MAX))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""  # its place is named beside: whoever has the rights looks there
    return "\n".join(_said_in_log(line)[:LOG_LINE_MAX] for line in lines[-LOG_LINES_MAX:])


def _said_in_log(line: str) -> str:
    """One line of our own log for people; anything else, such as a traceback, as it stands."""
    try:
        said = json.loads(line)
    except ValueError:
        return line
    if not isinstance(said, dict) or "event" not in said:
        return line
    rest = (f"{name} {value}" for name, value in said.items() if name not in LOG_FRAME)
    return " · ".join([f"{str(said.get('timestamp', ''))[:19]}Z", str(said["event"]), *rest])


def _by_hand(var: Path) -> str:
    """For a shell on this machine. The database's address is not shown: it may hold a password."""
    program = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "engine"]
    return shlex.join(["env", f"PITSTOP_VAR={var}", *program])
