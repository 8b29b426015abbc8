"""`make run`: everything Pitstop needs, started, watched and stopped by one process.

It prepares the var folder and the database, starts engine and web, says where they are and how to log in, and
keeps them alive until SIGTERM, SIGINT or SIGHUP. When it is killed, both die with it; PostgreSQL stays and is
adopted by the next start.
"""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg

from tooling import processes
from tooling.address import Address
from tooling.embedded_postgres import EmbeddedPostgres
from tooling.launch_error import LaunchError, error_in
from tooling.postgres_home import EmbeddedPostgresError
from tooling.strays import Strays
from tooling.supervisor import Child, Supervisor
from tooling.var_folder import VarFolder

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60
SETUP_WITHIN_S = 600  # a long migration of somebody's own database
DEATHS_BEFORE_READY_MAX = 3
POSTGRES_OPTIONS = ("max_connections=100", "shared_buffers=64MB", "max_wal_size=256MB")
# deploy/pitstop-web.service has the same; a test compares them.
WEB_OPTIONS = (
    *("--ws", "dashboard.live.protocol:WebSocket"),  # can cut off a reader that does not read
    *("--ws-max-size", "65536"),
    *("--ws-per-message-deflate", "false"),  # compressing every push doubles its cost
    *("--ws-ping-interval", "8"),
    *("--ws-ping-timeout", "8"),
    *("--limit-concurrency", "4000"),
    *("--timeout-graceful-shutdown", "3"),
    "--no-server-header",
    "--no-access-log",
)


def main() -> int:
    """Runs until it is told to stop. The exit status says whether it could start."""
    os.chdir(ROOT)
    supervisor = Supervisor(say)
    stop_on_signals(supervisor)
    try:
        var = VarFolder.from_environment(ROOT)
        address = Address.from_environment()
        with var.taken_by(address):
            try:
                run(supervisor, var, address)
            finally:
                if supervisor.members:
                    say("stopping")
                supervisor.stop()
    except (LaunchError, EmbeddedPostgresError) as reason:
        say(str(reason))
        return 1
    except OSError as reason:
        say(f"cannot go on: {reason}")
        return 1
    return 0


def run(supervisor: Supervisor, var: VarFolder, address: Address) -> None:
    """Returns when told to stop. Raises: LaunchError, EmbeddedPostgresError, OSError when it cannot start."""
    address.ensure_free(patience_s=3 if var.was_left_in_a_hurry else 0)
    var.ensure_free_space()
    environment = os.environ | {
        "PITSTOP_VAR": str(var.path),
        "PITSTOP_HOST": address.host,
        "PORT": str(address.port),
        "PITSTOP_LAUNCHER": str(var.path),  # strays are found by it
        "PYTHONUNBUFFERED": "1",
    }
    environment["DATABASE_URL"] = open_database(supervisor, var)
    supervisor.start(Strays(var.path))
    login = prepare_site(supervisor, var, environment)
    if supervisor.stopping.is_set():
        return
    try:
        start_engine_and_web(supervisor, var, address, environment)
    finally:
        say(login)  # also when they fail or are stopped: a password that was made now is never shown again
    supervisor.watch_until(lambda: False)


def open_database(supervisor: Supervisor, var: VarFolder) -> str:
    """The address of a database that answers: somebody's own server, or the embedded one, which runs now."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        server = EmbeddedPostgres(var.path, options=POSTGRES_OPTIONS)
        supervisor.start(server)
        url = server.url()
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as reason:
        raise LaunchError(f"DATABASE_URL: {' '.join(str(reason).split())}") from reason
    var.note_database(url)
    return url


def prepare_site(supervisor: Supervisor, var: VarFolder, environment: dict[str, str]) -> str:
    """Migrated, static files collected, seeded. Returns: how to log in."""
    log = var.logs / "setup.log"
    with log.open("w") as output:
        setup = subprocess.Popen(
            [sys.executable, "-m", "tooling.site_setup"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            preexec_fn=processes.dying_with_parent(signal.SIGKILL),
        )
    supervisor.watch_until(lambda: setup.poll() is not None, within_s=SETUP_WITHIN_S)
    if setup.poll() is None:
        setup.kill()
    answer, _ = setup.communicate()
    if supervisor.stopping.is_set():
        return ""
    if setup.returncode:
        raise LaunchError(f"{error_in(log)} (more in {log})")
    return how_to_log_in(**json.loads(answer.splitlines()[-1]))


def how_to_log_in(*, users: list[str], made_password: str | None) -> str:
    """For the person who started us."""
    if not users:
        return "log in with the account that `manage.py createadmin` made"
    names = f"log in as {', '.join(users[:-1])} or {users[-1]}"
    if made_password:
        return f"{names}\npassword: {made_password} (made now, shown this once)"
    if "PITSTOP_DEMO_PASSWORD" in os.environ:
        return f"{names}, with the password in PITSTOP_DEMO_PASSWORD"
    return f"{names}, with the password of the first start (PITSTOP_DEMO_PASSWORD=… sets another)"


def start_engine_and_web(
    supervisor: Supervisor, var: VarFolder, address: Address, environment: dict[str, str]
) -> None:
    """Both run and the console answers. Raises: LaunchError when it does not, or one keeps dying."""
    bind = ["--host", address.host, "--port", str(address.port)]
    # Whoever connects could name any sender, so these headers count only behind a proxy that sets them.
    proxy = "--proxy-headers" if is_on("PITSTOP_BEHIND_PROXY") else "--no-proxy-headers"
    web_command = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", *bind, *WEB_OPTIONS, proxy]
    engine_command = [sys.executable, "manage.py", "engine"]
    engine = Child("engine", engine_command, environment, var.logs / "engine.log", patience_s=10)
    web = Child("web", web_command, environment, var.logs / "web.log", patience_s=6)
    supervisor.start(engine)
    supervisor.start(web)
    supervisor.watch_until(
        lambda: address.is_ready() or supervisor.deaths >= DEATHS_BEFORE_READY_MAX, within_s=READY_WITHIN_S
    )
    if supervisor.stopping.is_set():
        return
    if not address.is_ready():
        named = next((child for child in (web, engine) if not child.is_alive()), web)
        raise LaunchError(f"{named.name} does not get ready: {error_in(named.log)} (more in {named.log})")
    say(f"ready at {address.url} (logs are in {var.logs}; Ctrl-C stops everything)")


def stop_on_signals(supervisor: Supervisor) -> None:
    """SIGTERM, SIGINT and SIGHUP stop everything in order; a second one waits for nobody."""

    def stop(_signal: int, _frame: object) -> None:
        if supervisor.stopping.is_set():
            supervisor.hurry()
        supervisor.stopping.set()

    for sent in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if not (sent is signal.SIGHUP and signal.getsignal(sent) is signal.SIG_IGN):  # nohup make run
            signal.signal(sent, stop)
    if processes.name_of(os.getppid()) in {"make", "gmake"}:  # a killed make could not tell us
        processes.send_us_when_parent_dies(signal.SIGTERM)


def is_on(name: str) -> bool:
    """Whether a switch of the environment is on, in the words that the settings take too."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def say(text: str) -> None:
    """Lines for whoever started us; that nobody reads them any more stops nothing."""
    with suppress(OSError):
        print("\n".join(f"pitstop: {line}" for line in text.splitlines()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
