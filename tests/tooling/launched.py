"""A whole Pitstop started by the launcher in a var folder of its own, as a person would start it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from tests.ports import free_port
from tests.waiting import wait_until
from tooling.processes import dying_with_parent, is_running, with_environment

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {"web": "dashboard.asgi:application", "engine": "manage.py\0engine"}


def _as_from_a_terminal() -> Callable[[], None]:
    """A `preexec_fn`: a closed terminal ends the child, also where the tests were started with nohup."""
    dying = dying_with_parent(signal.SIGTERM)

    def in_child() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        dying()

    return in_child


@dataclass
class Launched:
    """The launcher's process, or what is left of it."""

    var: Path
    port: int
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, var: Path, **environment: str) -> "Launched":
        port = free_port()
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("PITSTOP_", "DATABASE"))
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tooling.launch"],
            cwd=ROOT,
            env={**ours, "PITSTOP_VAR": str(var), "PORT": str(port), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_as_from_a_terminal(),
        )
        return cls(var, port, process)

    def read_until(self, words: str) -> str:
        """The first line that holds `words`. Raises: AssertionError when the output ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if words in line:
                return line.rstrip()
        raise AssertionError(f"{words!r} was never said: {self.lines}")

    def wait_until_ready(self) -> "Launched":
        self.read_until("ready at")
        self.read_until("log in")
        return self

    def end(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """The launcher's exit status after the signal."""
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            rest, _ = self.process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        self.lines += rest.splitlines()
        return self.process.returncode

    def exit_status(self) -> int:
        """Of a launcher that ends by itself."""
        rest, _ = self.process.communicate(timeout=60)
        self.lines += rest.splitlines()
        return self.process.returncode

    def answers(self, path: str = "/readyz") -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
            return dict(json.load(answer))

    def pid_of(self, part: str) -> int:
        """The process that is web, engine or postgres now; 0 when there is none."""
        if part == "postgres":
            return self._postgres_pid()
        pids = [
            pid
            for pid in with_environment(f"PITSTOP_LAUNCHER={self.var}")
            if COMMANDS[part] in _command_of(pid)
        ]
        return min(pids, default=0)

    def _postgres_pid(self) -> int:
        note = self.var / "postgres-folder"
        home = Path(note.read_text().strip()) if note.exists() else self.var / "postgres"
        try:
            pid = int((home / "data" / "postmaster.pid").read_text().split("\n")[0])
        except (OSError, ValueError):
            return 0
        return pid if is_running(pid) else 0

    def all_pids(self) -> set[int]:
        return {pid for part in (*COMMANDS, "postgres") if (pid := self.pid_of(part))}

    def password(self) -> str:
        found = re.search(r"password: (\S+)", "\n".join(self.lines))
        assert found, self.lines
        return found[1]


def _command_of(pid: int) -> str:
    """Nothing, for a process that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def wait_until_gone(pids: set[int]) -> None:
    wait_until(lambda: not any(map(is_running, pids)), within_s=20)
