"""Which parts of the pages of system VMs an event touches, and of the pages of runs that patch them."""

from collections.abc import Iterator, Mapping
from typing import Any

from maintenance.domain.states import OVER_SYSTEM_VMS

type Touched = tuple[str, str, str]  # topic, part, the part's own thing

ALL = "systemvms"
EVERY_VM = "systemvm:*"
EVERY_NEED = "need:*"
ALL_PARTS = ("verdict",)
VM_PARTS = ("head", "update", "services", "rules", "history")
RUN_PARTS = ("head", "problems", "lanes", "steering", "record")
NAV = "nav-system-vms"


def is_over_system_vms(about: Mapping[str, Any]) -> bool:
    """Whether the event is about a run over system VMs, or about one of these in it."""
    return about.get("kind") in OVER_SYSTEM_VMS or bool(about.get("system_vm") and about.get("run"))


def touched_system_vms(kind: str, about: Mapping[str, Any]) -> Iterator[Touched]:
    """Of the list, and of the pages of single ones."""
    subject, vm = kind.partition(".")[0], str(about.get("system_vm") or "")
    match subject:
        case "system_vm":
            yield from _of_vm(vm, "head", "update", "services")
            yield from _page(EVERY_VM, "rules")  # the other side of a pair
        case "payload":
            yield from _page(ALL, "verdict")
            yield from _page(EVERY_VM, "head", "update")
            yield "frame", NAV, ""
        case "network" | "vpc":
            yield from _page(EVERY_VM, "head", "update")
        case "run" if is_over_system_vms(about):
            yield from _page(ALL, "verdict")
            yield from _page(EVERY_VM, "update", "history")
        case "target" | "attention" if vm:
            yield from _of_vm(vm, "head", "update", "history")
        case "target" if about.get("host"):  # VMs on a host that is worked on have to wait
            yield from _page(ALL, "verdict")
            yield from _page(EVERY_VM, "head", "update")
        case "step" if vm and kind in {"step.started", "step.ended"}:
            yield ALL, "row", vm
            yield f"systemvm:{vm}", "head", ""
        case _:
            return


def _of_vm(vm: str, *parts: str) -> Iterator[Touched]:
    yield ALL, "row", vm
    yield ALL, "verdict", ""
    yield from _page(f"systemvm:{vm}", *parts)
    yield "frame", NAV, ""


def touched_patch_runs(kind: str, about: Mapping[str, Any]) -> Iterator[Touched]:
    """`kind` is the event's: of a run, a target, a step or an attention that `is_over_system_vms`."""
    run, key = f"patchrun:{about.get('run')}", str(about.get("run", ""))
    match kind.partition(".")[0]:
        case "run":
            yield from _page(run, *RUN_PARTS)
            yield from _page("overview", "verdict", "runs", "events")
            yield from _page("runs", "verdict", "newest", "latest")
            yield "runs", "row", key
            yield from _page(EVERY_NEED, "standing", "actions")
            yield "frame", "nav-runs", ""
        case "target":
            yield from _page(run, *RUN_PARTS)
            yield from _page("overview", "verdict", "runs", "events")
            yield "runs", "row", key
            yield from _page(EVERY_NEED, "head", "standing", "actions")
        case "step" if kind == "step.moved":
            yield run, "lanes", ""
        case "step":
            yield from _page(run, "head", "lanes", "record")
            yield from _page("overview", "runs", "events")
        case "attention":
            yield from _page(run, "head", "problems", "lanes")
        case "system_vm" | "downtime":
            yield run, "lanes", ""


def _page(topic: str, *parts: str) -> Iterator[Touched]:
    for part in parts:
        yield topic, part, ""
