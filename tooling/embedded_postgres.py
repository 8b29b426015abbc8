"""A real PostgreSQL from a wheel's programs: made once, started, adopted when it already runs, stopped.

It has no TCP port and no password: it listens on a socket in a folder that only its account and root may
enter.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tooling.postgres_home import (
    EmbeddedPostgresError,
    account_for_root,
    home_of,
    own_folder,
    programs_for,
    socket_folder_of,
)
from tooling.processes import dying_with_parent, is_running

MAJOR = "18"  # another major needs pg_upgrade with the old programs: pinned in requirements/base.in
USER = DATABASE = "pitstop"
# A start that fails with one of these met a server that is still ending, recovering or starting: try again.
NOT_YET = ("lock file", "pre-existing shared memory block", "the database system is")


class EmbeddedPostgres:
    """The server of one var folder. `start` and `stop` may be called again at any time."""

    name = "PostgreSQL"

    def __init__(self, var: Path, *, options: Sequence[str] = (), ends_with_us: bool = False) -> None:
        """`options` are server settings, `name=value`; `ends_with_us`: it stops when our process dies.

        Raises: EmbeddedPostgresError when we are root and there is nobody else to run it, or no place for it.
        """
        self.var = var.resolve()
        self.options = options
        self.ends_with_us = ends_with_us
        self.account = account_for_root()
        self.log = self.var / "log" / "postgres.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.home = home_of(self.var, self.account)
        self.data = self.home / "data"
        self.socket_folder = socket_folder_of(self.home, self.account)
        self.process: subprocess.Popen[bytes] | None = None  # None: it was running before us

    def url(self, database: str = DATABASE) -> str:
        """Its address in libpq's syntax."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.socket_folder), safe='')}"

    def start(self, within_s: float = 60) -> None:
        """It runs, accepts connections and has our database. Several callers at once make one server.

        Raises: EmbeddedPostgresError with the server's own reason.
        """
        with self._one_at_a_time():
            self.programs = programs_for(self.account, self.home)
            self._make_data_folder()
            self._run_server(time.monotonic() + within_s)
            self._make_database()

    def is_alive(self) -> bool:
        """Whether the server's process lives; cheap enough to ask several times a second."""
        if self.process is not None:
            return self.process.poll() is None
        return (pid := self.pid()) is not None and is_running(pid)

    def cause_of_death(self) -> str:
        """In the server's own last words."""
        return self._reason_since(max(0, self.log.stat().st_size - 2000))

    def pid(self) -> int | None:
        """The server's process number as it noted it, or None."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n")[0])
        except (FileNotFoundError, ValueError):
            return None

    def stop(self) -> None:
        """No server runs on this folder. Open connections are ended; nothing that was committed is lost."""
        for sent, patience_s in ((signal.SIGINT, 15), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if not self.is_alive() or self._ends_after(sent, patience_s):
                break
        self.process = None
        if self.socket_folder.parent != self.home and self.socket_folder.exists():
            shutil.rmtree(self.socket_folder)

    def hurry(self) -> None:
        """A stop that goes on at the moment waits no longer; the next start recovers from the log."""
        if self.is_alive() and (pid := self.pid()):
            os.kill(pid, signal.SIGQUIT)

    def _ends_after(self, sent: signal.Signals, patience_s: float) -> bool:
        if (pid := self.process.pid if self.process else self.pid()) is None:
            return True
        os.kill(pid, sent)
        end = time.monotonic() + patience_s
        # Not `is_alive`: a server that ends removes its pid file a moment before it is gone.
        while is_running(pid) if self.process is None else self.process.poll() is None:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with (self.var / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_data_folder(self) -> None:
        own_folder(self.socket_folder, self.account)
        noted = self.data / "PG_VERSION"
        if noted.exists():
            if (made_by := noted.read_text().strip()) != MAJOR:
                raise EmbeddedPostgresError(
                    f"{self.data} was made by PostgreSQL {made_by}, this one is {MAJOR}: "
                    "upgrade it with pg_upgrade, or move the folder away to start with an empty database"
                )
            return
        unfinished = self.home / "data.new"  # renamed when whole: a killed initdb leaves no half cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        own_folder(unfinished, self.account)
        made = self._run_initdb(unfinished)
        if made.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {_last_line(made.stderr or made.stdout)}")
        unfinished.rename(self.data)

    def _run_initdb(self, folder: Path) -> subprocess.CompletedProcess[str]:
        # The wheel has no ICU: PostgreSQL's own C.UTF-8 sorts the same on every machine.
        locale = ["-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        return subprocess.run(
            [self.programs / "initdb", "-D", folder, "-U", USER, "-A", "trust", *locale, "--no-instructions"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            **self._surroundings(),
        )

    def _run_server(self, deadline: float) -> None:
        attempt: subprocess.Popen[bytes] | None = None
        logged_before = 0
        while not self._accepts_connections():
            if attempt is not None and attempt.poll() is not None:
                reason = self._reason_since(logged_before)
                if not any(words in reason for words in NOT_YET):
                    raise EmbeddedPostgresError(f"PostgreSQL does not start: {reason} (more in {self.log})")
                attempt = None
                time.sleep(0.2)
            if attempt is None:
                logged_before = self.log.stat().st_size if self.log.exists() else 0
                attempt = self._launch()
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"PostgreSQL did not get ready in time; see {self.log}")
            time.sleep(0.02)
        if attempt is not None and attempt.pid != self.pid():
            attempt.wait()  # another server was there first; ours has nothing to do and ends
            attempt = None
        if attempt is not None or not self.is_alive():
            self.process = attempt

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = ["listen_addresses=", "log_checkpoints=off", *self.options]
        given = [part for setting in settings for part in ("-c", setting)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, "-k", self.socket_folder, *given],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it outlives a killed launcher; the next one adopts it
                preexec_fn=dying_with_parent(signal.SIGQUIT) if self.ends_with_us else None,
                **self._surroundings(),
            )

    def _accepts_connections(self) -> bool:
        """A real connection, because a pid file may be stale and its number taken by somebody else."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _reason_since(self, position: int) -> str:
        with self.log.open("rb") as log:
            log.seek(position)
            text = log.read().decode(errors="replace")
        fatal = [line.partition("FATAL:")[2].strip() for line in text.splitlines() if "FATAL:" in line]
        return fatal[0] if fatal else _last_line(text)

    def _surroundings(self) -> dict[str, Any]:
        """A neutral folder and environment, and no rights of root."""
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        return {
            "cwd": "/",
            "env": environment,
            "umask": 0o077,
            **(self.account.rights() if self.account else {}),
        }


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
