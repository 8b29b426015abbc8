"""Real `manage.py engine` processes that a test may stop, freeze, thaw and kill."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from maintenance.models import EngineProcess, Run, Step
from tests.waiting import wait_until
from tooling.processes import dying_with_parent, is_running

ROOT = Path(__file__).resolve().parents[2]
LOG_SHOWN_BYTES = 3000


@dataclass
class RunningEngine:
    """One engine process, or what is left of it. `id` is the one it writes into the steps it does."""

    process: subprocess.Popen[bytes]
    log: Path
    id: UUID

    @property
    def is_running(self) -> bool:
        return is_running(self.process.pid)

    @property
    def is_frozen(self) -> bool:
        return _state(self.process.pid) == "T"

    def kill9(self) -> None:
        """It is gone, without a last word."""
        self.process.kill()
        self.process.wait(10)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: self.is_frozen, within_s=20)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def stop(self, *, within_s: float = 10) -> int:
        """Its exit status after SIGTERM."""
        self.process.terminate()
        return self.process.wait(within_s)

    def said(self, words: str) -> bool:
        """Whether its log holds these words."""
        return words in self.log.read_text(errors="replace")


class Engines:
    """All engine processes of one test: they work on its database and in its var folder."""

    def __init__(self, var: Path, database: dict[str, Any]) -> None:
        self._folder = var / "log"
        self._folder.mkdir(exist_ok=True)
        self._environment = {
            **{name: value for name, value in os.environ.items() if _is_neutral(name)},
            "DATABASE_URL": url_of(database),
            "PITSTOP_VAR": str(var),
            "PITSTOP_INTENT_VALID_S": "1",
            "PITSTOP_SECOND_LOOK_S": "1",
        }
        self._all: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, **environment: str) -> RunningEngine:
        """One more engine, once it has said that it lives."""
        process, log = self.launch(**environment)
        row = wait_until(lambda: self._row_of(process, log), within_s=40)
        return RunningEngine(process, log, row.id)

    def launch(self, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        """The same without waiting."""
        return self._launch("manage.py", "engine", **environment)

    def crew(self, count: int, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        """So many engines that write one log; for each that is killed another one starts at once."""
        return self._launch("-m", "tests.processes.crew", str(count), **environment)

    def _launch(self, *program: str, **environment: str) -> tuple[subprocess.Popen[bytes], Path]:
        path = self._folder / f"engine-{len(self._all) + 1}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *program],
                cwd=ROOT,
                env={**self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        self._all.append((process, path))
        return process, path

    def _row_of(self, process: subprocess.Popen[bytes], log: Path) -> EngineProcess | None:
        assert process.poll() is None, f"the engine ended at once: {log.read_text(errors='replace')}"
        return EngineProcess.objects.filter(pid=process.pid).order_by("-started_at").first()

    def dead(self) -> list[int]:
        """Process numbers of engines that were killed, by whomever."""
        return [process.pid for process, _ in self._all if process.poll() == -signal.SIGKILL]

    def end(self) -> None:
        """No engine runs any more; their logs are printed, which pytest shows when the test failed."""
        for process, _ in self._all:
            if process.poll() is None:
                process.kill()
                process.send_signal(signal.SIGCONT)
                process.wait(10)
        for process, log in self._all:
            text = log.read_text(errors="replace")[-LOG_SHOWN_BYTES:]
            print(f"---- {log.name}, pid {process.pid}, exit status {process.returncode}\n{text}")


def owner_of(run: Run, among: list[RunningEngine]) -> RunningEngine:
    """The engine that does a step of the run now; waited for."""
    by_id = {engine.id: engine for engine in among}

    def owner() -> RunningEngine | None:
        ids = Step.objects.filter(run=run, state="Running").values_list("owner", flat=True)
        return next((by_id[id] for id in ids if id in by_id), None)

    return wait_until(owner, within_s=20)


def url_of(database: dict[str, Any]) -> str:
    """Django's settings of a database, as a program started by us finds it."""
    who = quote(database["USER"], safe="")
    where = quote(database["HOST"], safe="")
    return f"postgresql://{who}@/{database['NAME']}?host={where}"


def _is_neutral(name: str) -> bool:
    """Nothing of this test run's own settings, but the mark by which a killed run's leftovers are found."""
    return name.startswith("PITSTOP_TEST_") or not name.startswith(("PITSTOP_", "DATABASE", "PORT"))


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
