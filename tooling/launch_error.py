"""Why a start failed, in one line."""

import re
from pathlib import Path

EXCEPTION_LINE = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*: (?P<reason>\S.*)")  # the end of a traceback


class LaunchError(Exception):
    """Pitstop cannot be started; the text says why and what to do."""


def error_in(log: Path) -> str:
    """The reason of the last traceback in the log's end, or its last line."""
    lines = [line.rstrip() for line in log.read_bytes()[-20_000:].decode(errors="replace").splitlines()]
    for line in reversed(lines):
        if found := EXCEPTION_LINE.match(line):
            return found["reason"]
    return next((line for line in reversed(lines) if line), "it gave no reason")
