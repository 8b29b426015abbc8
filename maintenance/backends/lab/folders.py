"""The lab's hosts on disk: one folder each, with a real agent.properties, a hooks folder and a way to reboot.

var/lab/hosts/HOST/agent.properties
var/lab/hosts/HOST/hooks/             what rolling maintenance runs
var/lab/hosts/HOST/bin/lab-reboot     `"$LAB_REBOOT" 3` in a script reboots the host, back 3 s later; or `never`
var/lab/reboots/HOST                  such a request, until the lab notices it
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.agent_properties import EXECUTOR_DISABLED, HOOKS_DIR, PREFIX
from maintenance.hooks.find import candidate_names
from maintenance.hooks.limits import Limits

SUFFIXES = (".sh", ".py")
PYTHON_LINE = "#!/usr/bin/env python3\n"
REBOOT_COMMAND = """\
#!/bin/sh
# Reboots this lab host: lab-reboot [SECONDS | never], until its agent is back. Returns at once, as reboot does.
printf '%s\\n' "${1:-}" > "$LAB_HOST_DIR/.reboot.$$" && mv "$LAB_HOST_DIR/.reboot.$$" "$LAB_REBOOTS/$LAB_HOST"
"""


def lab_dir() -> Path:
    return Path(settings.VAR_DIR) / "lab"


def reboots_dir() -> Path:
    """Where hosts' wishes to reboot lie."""
    return lab_dir() / "reboots"


def host_dir(name: str) -> Path:
    return lab_dir() / "hosts" / name


def properties_path(name: str) -> Path:
    return host_dir(name) / "agent.properties"


def script_environment(name: str) -> Mapping[str, str]:
    """What a script of the host finds in its environment."""
    folder = host_dir(name)
    return {
        "LAB_HOST": name,
        "LAB_HOST_DIR": str(folder),
        "LAB_REBOOT": str(folder / "bin" / "lab-reboot"),
        "LAB_REBOOTS": str(reboots_dir()),
    }


def make_host_folder(name: str, *, executor_disabled: bool = False, talks_spelling: bool = False) -> bool:
    """The host has its folder; False when it had one before, which is left as it is."""
    folder = host_dir(name)
    if properties_path(name).exists():
        return False
    reboots_dir().mkdir(mode=0o755, parents=True, exist_ok=True)
    for part in (folder, folder / "hooks", folder / "bin"):
        part.mkdir(mode=0o755, parents=True, exist_ok=True)
    for part in (folder, reboots_dir()):
        _give_to_scripts(part)
    write_executable(folder / "bin" / "lab-reboot", REBOOT_COMMAND.encode())
    lines = [
        "# What rolling maintenance reads of a KVM host's agent.",
        f"{HOOKS_DIR}={folder / 'hooks'}",
        f"{EXECUTOR_DISABLED}={'true' if executor_disabled else 'false'}",
    ]
    if talks_spelling:
        lines.append(f"{EXECUTOR_DISABLED.removeprefix(PREFIX)}=true")
    properties_path(name).write_text("\n".join(lines) + "\n")
    return True


def _give_to_scripts(folder: Path) -> None:
    """Scripts write there, also where PITSTOP_HOOK_USER drops their rights."""
    limits = Limits.from_environment()
    if limits.drops_rights():
        os.chown(folder, limits.account().user_id, -1)


def install_script(host_name: str, stage: HookStage, suffix: str, contents: bytes) -> Path:
    """The stage has this one script; every other variant of it is gone."""
    remove_scripts(host_name, stage)
    path = host_dir(host_name) / "hooks" / f"{stage}{suffix if suffix in SUFFIXES else ''}"
    write_executable(path, contents)
    return path


def remove_scripts(host_name: str, stage: HookStage) -> None:
    """The stage has no script in any variant."""
    for variant in candidate_names(stage):
        (host_dir(host_name) / "hooks" / variant).unlink(missing_ok=True)


def write_executable(path: Path, contents: bytes) -> None:
    """The file is there at once and whole, 0755. Python scripts name this very Python: a host always has one."""
    line = PYTHON_LINE.encode()
    if contents.startswith(line):
        contents = f"#!{sys.executable}\n".encode() + contents.removeprefix(line)
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    whole.write_bytes(contents)
    whole.chmod(0o755)
    whole.replace(path)
