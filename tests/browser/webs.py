"""Real web processes that a test may kill and start again on the same port."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.ports import free_port
from tests.waiting import wait_until
from tooling.processes import dying_with_parent

ROOT = Path(__file__).resolve().parents[2]


class Web:
    """One uvicorn on a loopback port of its own."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**environment, "PORT": str(self.port)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._forgotten = 0

    def start(self) -> None:
        """It answers."""
        program = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*program, "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        wait_until(self.answers, within_s=60)

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-4000:]
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def reports(self) -> list[str]:
        """What browsers said that the content security policy stopped, since `forget_reports`."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line for line in lines if "csp violation" in line][self._forgotten :]

    def forget_reports(self) -> None:
        self._forgotten += len(self.reports())

    def kill9(self) -> None:
        """Gone, without a last word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    @contextmanager
    def sent(self, first: signal.Signals, last: signal.Signals) -> Iterator[None]:
        """It gets one signal now, and the other at the end."""
        assert self._process is not None
        self._process.send_signal(first)
        try:
            yield
        finally:
            self._process.send_signal(last)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill9()
