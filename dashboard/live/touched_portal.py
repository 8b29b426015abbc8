"""What an event may change in tenants' own pages. Whom it concerns is looked up afterwards (whose.py)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

type Touched = tuple[str, str, str]  # topic, part, what it is about: `system_vm:ID`; empty: everybody

PORTAL = "my"
EVERY_PORTAL = "my:*"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_THINGS = frozenset({"system_vm", "network", "vpc", "instance", "host"})
_WORK = frozenset({"run", "target", "step", "attention"})


def touched_portal(kind: str, about: Mapping[str, Any]) -> Iterator[Touched]:
    subject = kind.partition(".")[0]
    if subject == "payload":
        yield EVERY_PORTAL, "now", ""
        return
    if kind == "step.output":  # what scripts print is not for tenants
        return
    if subject in _THINGS:
        named: tuple[str, ...] = (subject,)
    elif subject in _WORK and about.get("system_vm"):
        named = ("system_vm",)
    elif subject in _WORK and about.get("host"):
        named = ("host", "target")
    else:
        named = ("run",) if subject in _WORK else ()
    for name in named:
        if _ID.fullmatch(str(about.get(name, ""))):
            yield EVERY_PORTAL, "now", f"{name}:{about[name]}"
