"""The two lines of a host's agent.properties that rolling maintenance reads."""

import re
from dataclasses import dataclass
from pathlib import Path

HOOKS_DIR = "rolling.maintenance.hooks.dir"
EXECUTOR_DISABLED = "rolling.maintenance.service.executor.disabled"
PREFIX = "rolling."

_LINE = re.compile(r"\s*((?:\\.|[^\\=:\s])+)(?:\s*[=:]\s*|\s+|$)(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class AgentPropertiesUnreadable(Exception):
    """A host's agent.properties cannot be read: whether it has hook scripts is not known."""


@dataclass(frozen=True, slots=True)
class AgentProperties:
    """`hooks_dir` is None when it is not set; `warnings` are sentences for the host's page."""

    hooks_dir: Path | None
    service_executor_disabled: bool
    warnings: tuple[str, ...]


def read_agent_properties(path: Path) -> AgentProperties:
    """What the file says now. A relative folder is meant from where the file is.

    The talk on rolling maintenance spells both keys without `rolling.`; the agent does not know that spelling:
    it is named in a warning and not used.
    Raises: AgentPropertiesUnreadable.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as problem:
        raise AgentPropertiesUnreadable(f"{path} cannot be read: {problem.strerror}.") from problem
    values = parse_properties(text)
    warnings = [
        f"{path.name} sets {key.removeprefix(PREFIX)}, which the agent does not know and which is not used:"
        f" write {key} instead."
        for key in (HOOKS_DIR, EXECUTOR_DISABLED)
        if key.removeprefix(PREFIX) in values
    ]
    folder = values.get(HOOKS_DIR, "").strip()
    if not folder:
        warnings.append(
            f"{path.name} does not set {HOOKS_DIR}: set it to the folder that holds the hook scripts."
        )
    disabled = values.get(EXECUTOR_DISABLED, "false").strip().lower()
    if disabled not in ("true", "false"):
        warnings.append(
            f"{path.name} sets {EXECUTOR_DISABLED} to {disabled!r}, taken as false: write true or false."
        )
    return AgentProperties(path.parent / folder if folder else None, disabled == "true", tuple(warnings))


def parse_properties(text: str) -> dict[str, str]:
    """Java's properties format: comments, three separators, continued lines, escapes; the last equal key wins."""
    values: dict[str, str] = {}
    continued = ""
    for line in text.splitlines():
        line = continued + line.lstrip() if continued else line.lstrip()
        continued = ""
        if not line or line[0] in "#!":
            continue
        if _ends_open(line):
            continued = line[:-1]
            continue
        _take(line, values)
    if continued:
        _take(continued, values)
    return values


def _take(line: str, values: dict[str, str]) -> None:
    if match := _LINE.fullmatch(line):
        values[_unescape(match[1])] = _unescape(match[2])


def _ends_open(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    return _ESCAPED.get(escape, escape)
