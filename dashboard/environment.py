"""Reading the environment: numbers, switches, the database address, a secret kept under var/."""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import Error as PostgresError
from psycopg.conninfo import conninfo_to_dict


def number(name: str, default: int) -> int:
    """The environment variable as a whole number ≥ 0. Raises: ImproperlyConfigured naming the variable."""
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ImproperlyConfigured(f"{name} is {text!r}; give a whole number, such as {default}")
    return int(text)


def switch(name: str, *, default: bool) -> bool:
    """The environment variable as yes or no. Raises: ImproperlyConfigured naming the variable."""
    text = os.environ.get(name, "").lower()
    if text in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if not text else text in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name} is {text!r}; give 1 or 0")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def kept_secret(path: Path) -> str:
    """The secret in the file, made on the first call (0600). Two processes that start together get the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text().strip()
        if len(kept) >= 40:
            return kept
        raise ImproperlyConfigured(f"{path} is damaged; remove it, and everybody logs in again") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(made := secrets.token_urlsafe(48))
    return made


def database_from_url(url: str, var_dir: Path) -> dict[str, Any]:
    """Django's settings for DATABASE_URL (libpq's own syntax, URL or key=value).

    Unset, the embedded server's socket, as its launcher notes it in `var/postgres.dsn`, is used.
    Raises: ImproperlyConfigured when the address cannot be read, naming the reason.
    """
    if not url:
        noted = var_dir / "postgres.dsn"
        url = noted.read_text().strip() if noted.exists() else "postgresql:///pitstop"
    try:
        parts = conninfo_to_dict(url)
    except PostgresError as reason:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {reason}") from reason
    known = {"host", "port", "user", "password", "dbname"}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.get("dbname") or "pitstop",
        "USER": parts.get("user") or "",
        "PASSWORD": parts.get("password") or "",
        "HOST": parts.get("host") or "",
        "PORT": str(parts.get("port") or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # a pooled connection that a restarted server cut is replaced, not handed out
        "OPTIONS": {
            # Between failed connections the pool pauses twice as long each time; giving up early starts that anew, so
            # that the server's return is noticed within seconds also after a long absence.
            "pool": {"min_size": 0, "max_size": 40, "timeout": 10, "max_idle": 60, "reconnect_timeout": 3},
            "connect_timeout": 5,
            "application_name": "pitstop",
            # A write transaction that waits this long is a fault of ours: fail it rather than stall the feed.
            # One of a frozen process is ended before the others, who wait for its locks, give up.
            "options": "-c lock_timeout=5000 -c statement_timeout=30000 -c idle_in_transaction_session_timeout=4000",
            **{k: v for k, v in parts.items() if k not in known and v is not None},
        },
    }
