"""Which parts of which pages an event touches. Plain data in, plain data out; the cost is the event's own.

A part is (topic, name, one thing's id). The topic `run:*` means every run's page that somebody looks at.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dashboard.live.touched_places import KINDS, LIST, LISTS, PAGE, touched_places
from dashboard.live.touched_portal import PORTAL, touched_portal
from dashboard.live.touched_server_runs import PARTS, is_over_servers, touched_server_runs
from dashboard.live.touched_servers import touched_servers
from dashboard.live.touched_system_vms import (
    ALL_PARTS,
    NAV,
    RUN_PARTS,
    VM_PARTS,
    is_over_system_vms,
    touched_patch_runs,
    touched_system_vms,
)
from dashboard.live.touched_walls import BANDS, touched_walls
from dashboard.live.whereabouts import is_cut
from maintenance.domain.states import TARGET_ENDED, TARGET_WAITING, TargetState
from maintenance.models.events import CHATTER


class Part(NamedTuple):
    """A part of a page that is drawn and pushed as one."""

    topic: str
    name: str
    one: str = ""


FRAME = "frame"  # what stands around every page
EVERY_RUN = "run:*"
EVERY_HOST = "host:*"
EVERY_NEED = "need:*"
EVERY_BALANCE = "agents:*"
ALONE = frozenset({PORTAL})  # drawn for one person
FRAMELESS = frozenset({"wall", "wallhosts"}) | ALONE  # nothing of the console stands around these pages
# What the page of agents is drawn from.
BALANCE = frozenset({"agent", "balance", "server", "servers", "cloud", "zone"})
# All parts of a page: what a snapshot holds. Rows of lists are not here: a page with lists fetches itself again.
WHOLE: Mapping[str, tuple[str, ...]] = {
    "overview": ("verdict", "runs", "needs", "clusters-summary", "clusters", "servers", "jobs", "events"),
    "servers": ("verdict", "table", "preparing", "restart"),
    "server": (
        *("head", "preparing", "left", "moves", "tasks", "jobs-count", "agents-count"),
        *("jobs", "agents", "peers", "history", "cut-off"),
    ),
    "systemvms": ALL_PARTS,
    "systemvm": VM_PARTS,
    "patchrun": RUN_PARTS,
    "jobs": ("total", "table", "cut-off"),
    "agents": ("now",),
    "needs": ("verdict", "open"),
    "need": ("head", "story", "standing", "actions", "engine", "servers", "room"),
    "runs": ("verdict", "newest", "latest"),
    "hosts": ("fleet",),
    **dict.fromkeys(LISTS, LIST),
    **dict.fromkeys(KINDS, PAGE),
    "run": ("head", "progress", "problems", "now", "steering", "next", "finished", "record"),
    "serverrun": PARTS,
    "output": ("head", "fresh"),
    "host": ("head", "way", "hand", "scripts", "instances", "history"),
    "timeline": ("latest", "chain"),
    "settings": (
        "demo",
        "summary",
        "people-verdict",
        "people",
        "tokens",
        "clouds",
        "limits",
        "payloads",
        "told",
        "deliveries",
        "walls",
    ),
    "person": ("head", "actions", "memberships", "tokens", "history"),
    "me": ("tokens",),
    "wall": BANDS,
    "wallhosts": ("map",),
    PORTAL: ("now",),
    FRAME: ("nav-runs", "nav-needs", "nav-hosts", "nav-jobs", "nav-servers", "nav-agents", NAV, "blocked"),
}


def is_pushed(topic: str) -> bool:
    """Whether pages may follow the topic: whatever changes of them is drawn and pushed."""
    return topic.partition(":")[0] in WHOLE


def has_frame(topic: str) -> bool:
    """Whether the console's frame stands around the topic's page: around a wall, or the portal, there is none."""
    return topic.partition(":")[0] not in FRAMELESS


def whole(topic: str) -> list[Part]:
    """Every part of the topic's page, with what stands around it. Topic `frame`: a page that shows nothing else that
    changes."""
    kind = topic.partition(":")[0]
    own = [Part(topic, name) for name in WHOLE[kind]] if kind != FRAME else []
    if not has_frame(topic):
        return own
    return own + [Part(FRAME, name) for name in WHOLE[FRAME]]


def touched(
    kind: str, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Part]:
    """The parts that may look different after this event."""
    subject = kind.partition(".")[0]
    if kind not in CHATTER:
        yield Part("timeline", "latest")
    for place in touched_places(subject, about, before, after):
        yield Part(*place)
    for part in touched_servers(subject, about, before, after):
        yield Part(*part)
    for part in touched_walls(subject, about, before, after):
        yield Part(*part)
    for part in touched_portal(kind, about):
        yield Part(*part)
    for part in touched_system_vms(kind, about):
        yield Part(*part)
    if subject in BALANCE:
        yield Part(EVERY_BALANCE, "now")
    match subject:
        case "run" | "target" | "step" if is_over_servers(about):
            yield from (Part(*part) for part in touched_server_runs(kind, about))
        case "run" | "target" | "step" | "system_vm" | "downtime" if is_over_system_vms(about):
            yield from (Part(*part) for part in touched_patch_runs(kind, about))
        case "run":
            yield from _run(about)
        case "target":
            yield from _target(about, str(before.get("state", "")), str(after.get("state", "")))
        case "step":
            yield from _step(kind, about)
        case "host":
            yield from _host(about, before, after)
        case "instance":
            yield from _instance(about, before)
        case "attention":
            yield from _attention(about)
            if is_over_servers(about):
                yield from (Part(*part) for part in touched_server_runs(kind, about))
            elif is_over_system_vms(about):
                yield from (Part(*part) for part in touched_patch_runs(kind, about))
        case "zone" | "pod" | "cluster":
            yield Part("overview", "clusters")
        case "server":
            yield from _parts("overview", "servers", "events")
            yield Part(FRAME, "nav-servers")
            if {"state", "window_ends_at", "new", "gone"} & after.keys():  # whether the cloud takes new work
                yield Part("overview", "verdict")
                yield Part(FRAME, "blocked")
                yield Part(EVERY_HOST, "hand")
            yield from _parts(EVERY_NEED, "standing", "actions", "servers")
        case "cut_off":
            yield Part(EVERY_NEED, "servers")
        case "jobs":
            yield from _parts("overview", "jobs", "servers")
            yield Part(FRAME, "nav-jobs")
        case "agent" if {"new", "gone"} & after.keys():
            yield Part(FRAME, "nav-agents")
        case "engine":
            yield Part("overview", "events")
        case "settings":
            yield from _settings(about)
        case "notification":
            yield from _parts("settings", "deliveries", "summary")
        case "payload":
            yield from _parts("settings", "payloads", "summary")
        case "audit":
            yield Part("timeline", "chain")
        case "cloud":  # whether rows are known has its own way (hub)
            yield from _parts("settings", "clouds", "summary")
        case _:
            return


def _settings(about: Mapping[str, Any]) -> Iterator[Part]:
    """What administrators set is told by the audit, which the timeline shows, too."""
    parts = {
        "people": ("people-verdict", "people", "demo"),
        "tokens": ("tokens",),
        "clouds": ("clouds",),
        "limits": ("limits",),
        "notifications": ("told",),
        "walls": ("walls",),
    }
    yield from _parts("settings", "summary", *parts.get(str(about.get("part", "")), ()))
    if person := about.get("person"):
        yield from _parts(f"person:{person}", *WHOLE["person"])
        yield from _parts(f"me:{person}", *WHOLE["me"])
        yield from _parts(f"{PORTAL}:{person}", *WHOLE[PORTAL])
    yield Part("timeline", "latest")


def _run(about: Mapping[str, Any]) -> Iterator[Part]:
    yield from _parts("overview", "verdict", "runs", "events")
    yield from _parts("runs", "verdict", "newest", "latest")
    yield Part("runs", "row", str(about.get("run", "")))
    yield from _parts(f"run:{about.get('run')}", *WHOLE["run"])
    yield from _parts(EVERY_HOST, "head", "hand", "way", "history")
    yield from _parts(EVERY_NEED, "standing", "actions")
    yield Part(FRAME, "nav-runs")


def _target(about: Mapping[str, Any], before: str, after: str) -> Iterator[Part]:
    run, host, target = f"run:{about.get('run')}", str(about.get("host", "")), str(about.get("target", ""))
    yield from _parts(run, "head", "progress", "problems", "now", "steering")
    if {before, after} & TARGET_WAITING:
        yield Part(run, "next")
    if {before, after} & TARGET_ENDED:
        yield Part(run, "finished")
    yield Part(run, "row", target)
    yield Part(run, "cell", target)
    if cluster := str(about.get("cluster", "")):
        yield Part(run, "tile", cluster)
        yield Part(run, "opened", cluster)
    yield Part("runs", "row", str(about.get("run", "")))
    yield from _parts("overview", "verdict", "runs", "clusters-summary", "events")
    yield _line_of_cluster(host)
    yield from _host_parts(host, "head", "hand", "way", "history", "instances")
    if after in {TargetState.VERIFYING, *TARGET_ENDED}:  # others say no longer that instances came from here
        yield Part(EVERY_HOST, "instances")
    yield Part("hosts", "row", host)
    yield from _parts(EVERY_NEED, "head", "standing", "actions")


def _step(kind: str, about: Mapping[str, Any]) -> Iterator[Part]:
    run, host, target = f"run:{about.get('run')}", str(about.get("host", "")), str(about.get("target", ""))
    if step := str(about.get("step", "")):
        yield from _parts(f"output:{step}", "head", "fresh")
    if kind in {"step.output", "step.moved"}:
        yield Part(run, "out", target)
        if host:
            yield Part(f"host:{host}", "out", target)
        if host and kind == "step.moved":  # what moves now, and what stays and why
            yield Part(f"host:{host}", "instances")
        return
    yield from _parts(run, "now", "problems")
    yield from _parts("overview", "runs", "events")
    yield from _host_parts(host, "way", "instances")


def _host(about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Part]:
    host = str(about.get("host", ""))
    yield from _parts("overview", "verdict", "clusters-summary")
    yield _line_of_cluster(host)
    if "cluster_id" in before or {"new", "gone"} & after.keys():
        yield Part("overview", "clusters")
        yield Part(FRAME, "nav-hosts")
    yield Part("hosts", "row", host)
    yield Part("hosts", "fleet")
    yield from _host_parts(host, "head", "hand", "way")
    if "hooks" in after:
        yield from _host_parts(host, "scripts")
    if {"kernel_version", "agent_version"} & after.keys():
        yield from _host_parts(host, "history")
    yield from _parts(EVERY_RUN, "problems", "census", "next")
    if {"state", "resource_state", "gone"} & after.keys():
        yield from _parts(EVERY_RUN, "head", "progress", "steering")  # what is promised of it
        yield from _parts(EVERY_NEED, "story", "standing", "actions")


def _instance(about: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Part]:
    """How many instances are on a host is told on its page and wherever a run speaks of the host."""
    yield Part("overview", "verdict")
    for host in {str(about.get("host") or ""), str(before.get("host_id") or "")} - {""}:
        yield _line_of_cluster(host)
        yield Part("hosts", "row", host)
        yield from _host_parts(host, "head", "instances", "hand")
    yield from _parts(EVERY_RUN, "problems", "census", "next")
    yield Part(EVERY_NEED, "room")


def _attention(about: Mapping[str, Any]) -> Iterator[Part]:
    yield from _parts("overview", "verdict", "needs", "events")
    yield from _parts("needs", "verdict", "open")
    yield Part("needs", "row", str(about.get("attention", "")))
    yield from _parts(f"need:{about.get('attention')}", *WHOLE["need"])
    yield from _parts(EVERY_NEED, "head", "standing", "actions")
    yield Part(FRAME, "nav-needs")
    if about.get("run") and not is_over_servers(about) and not is_over_system_vms(about):
        yield from _parts(f"run:{about['run']}", "head", "problems")
    if host := str(about.get("host") or ""):
        yield from _host_parts(host, "head", "hand")
        yield _line_of_cluster(host)
        yield Part("hosts", "row", host)


def _line_of_cluster(host: str) -> Part:
    """Of many clusters the overview draws a few, by how their hosts are: these are one part, whichever they are."""
    return Part("overview", "clusters") if is_cut("", "") else Part("overview", "cluster-of-host", host)


def _host_parts(host: str, *names: str) -> Iterator[Part]:
    if host:
        yield from _parts(f"host:{host}", *names)


def _parts(topic: str, *names: str) -> Iterator[Part]:
    for name in names:
        yield Part(topic, name)
