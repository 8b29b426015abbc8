"""What deploy/ shows is what `make run` and the settings do."""

import re
from pathlib import Path

from tooling.launch import ROOT, WEB_OPTIONS

DEPLOY = ROOT / "deploy"


def test_the_web_unit_starts_the_server_as_make_run_does():
    unit = (DEPLOY / "pitstop-web.service").read_text().replace("\\\n", " ")
    command = next(line for line in unit.splitlines() if line.startswith("ExecStart="))

    assert " ".join(WEB_OPTIONS) in " ".join(command.split())


def test_every_variable_of_the_example_is_read_somewhere():
    example = (DEPLOY / "pitstop.env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    read = "".join(
        path.read_text()
        for package in ("dashboard", "maintenance")
        for path in (ROOT / package).rglob("*.py")
    )

    assert {name for name in named if f'"{name}"' not in read} == set()


def test_both_units_are_closed_in_the_same_way():
    web, engine = (_closures(DEPLOY / f"pitstop-{part}.service") for part in ("web", "engine"))

    assert "NoNewPrivileges=yes" in engine
    # The engine makes control groups for hook scripts, and scripts of other accounts are its business.
    assert web - engine == {"ProtectControlGroups=yes", "ProtectProc=invisible"}


def _closures(unit: Path) -> set[str]:
    closing = r"^(?:No|Protect|Private|Restrict|Capability|Lock|System).*$"
    return set(re.findall(closing, unit.read_text(), re.MULTILINE))
