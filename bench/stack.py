"""A whole Pitstop of its own for a bench: throw-away folder, real PostgreSQL that really syncs, real engines."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tooling.embedded_postgres import EmbeddedPostgres
from tooling.launch import WEB_OPTIONS

ROOT = Path(__file__).resolve().parent.parent


class Stack:
    """Processes of one bench. Everything started here ends with `stop`."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres) -> None:
        self.folder = folder
        self.postgres = postgres
        self.environment = {
            **os.environ,
            "DATABASE_URL": postgres.url(),
            "PITSTOP_VAR": str(folder),
            "PITSTOP_DEMO_PASSWORD": "bench-only-password",
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        }
        self.processes: list[subprocess.Popen[bytes]] = []

    def manage(self, *words: str) -> None:
        """One manage.py command, to its end."""
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start_engine(self, **environment: str) -> subprocess.Popen[bytes]:
        """One engine process; its log is in the stack's folder."""
        return self._start("engine", [sys.executable, "manage.py", "engine"], environment)

    def start_web(self, port: int) -> subprocess.Popen[bytes]:
        """One web process on 127.0.0.1."""
        program = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", "--port", str(port)]
        self.environment["PORT"] = str(port)
        return self._start("web", [*program, *WEB_OPTIONS])

    def _start(
        self, name: str, program: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            program, cwd=ROOT, env={**self.environment, **(environment or {})}, stdout=log, stderr=log
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A migrated and seeded installation; Django in this process is set up against it."""
    folder = Path(tempfile.mkdtemp(prefix="pitstop-bench-", dir="/tmp"))
    folder.chmod(0o711)
    postgres = EmbeddedPostgres(folder, ends_with_us=True)
    postgres.start()
    stack = Stack(folder, postgres)
    os.environ.update(
        {k: v for k, v in stack.environment.items() if k.startswith(("DATABASE", "PITSTOP", "DJANGO"))}
    )
    try:
        stack.manage("migrate", "--verbosity", "0")
        stack.manage("seed")
        import django

        django.setup()
        yield stack
    finally:
        stack.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for[T](condition: Callable[[], T], within_s: float) -> T:
    """The first true value. Raises: TimeoutError."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s} s")
        time.sleep(0.02)
    return value


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked) + 0.5) - 1))]


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has no memory")
