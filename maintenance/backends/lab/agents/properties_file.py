"""What an agent keeps on its host's disk: `host=a,b,c@roundrobin`, and how often it looks for its preferred server.

It is believed when read: whoever edits the file changes what the agent does. Every other line stays as it is.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from maintenance.backends.lab import folders
from maintenance.hooks.agent_properties import parse_properties

HOST = "host"
CHECK_INTERVAL = "host.lb.check.interval"


@dataclass(frozen=True, slots=True)
class Kept:
    """An agent's list (addresses separated by commas), the algorithm's name, seconds (0: it never looks)."""

    servers_listed: str
    algorithm: str
    check_interval_s: int


def read_kept(host_name: str) -> Kept | None:
    """What the file says; None where there is no file, or no list was ever written to it."""
    try:
        text = folders.properties_path(host_name).read_text(errors="surrogateescape")
    except FileNotFoundError:
        return None
    values = parse_properties(text)
    if HOST not in values:
        return None
    listed, _, algorithm = values[HOST].partition("@")
    return Kept("".join(listed.split()), algorithm.strip(), _seconds(values.get(CHECK_INTERVAL, "")))


def write_kept(host_name: str, kept: Kept) -> None:
    """The file holds this, whole at once; a host without a file keeps none."""
    path = folders.properties_path(host_name)
    try:
        before = path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return
    lines = [line for line in before.splitlines() if not _is_ours(line)]
    lines.append(f"{HOST}={kept.servers_listed}{'@' if kept.algorithm else ''}{kept.algorithm}")
    if kept.check_interval_s > 0:
        lines.append(f"{CHECK_INTERVAL}={kept.check_interval_s}")
    _replace(path, "\n".join(lines) + "\n")


def _is_ours(line: str) -> bool:
    return bool({HOST, CHECK_INTERVAL} & parse_properties(line).keys())


def _replace(path: Path, text: str) -> None:
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    whole.write_text(text, errors="surrogateescape")
    whole.chmod(path.stat().st_mode & 0o777)
    whole.replace(path)


def _seconds(text: str) -> int:
    """The agent takes a number that is none as "never"."""
    try:
        return max(0, int(text))
    except ValueError:
        return 0
