"""The list of hosts: filters in the address, one row a host, a selection that starts a rolling maintenance."""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from dashboard.screens.actions import too_low
from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import DrawnHost, drawn_hosts
from dashboard.screens.marks import OUT_OF_SERVICE
from dashboard.screens.words import count
from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.domain.order import natural
from maintenance.models import Cluster, Host, HostOut, Instance, Target

PAGE_ROWS = 100
HOOK_LETTERS = {
    HookStage.PREFLIGHT: "F",
    HookStage.PRE_MAINTENANCE: "P",
    HookStage.MAINTENANCE: "M",
    HookStage.POST_MAINTENANCE: "V",
}


@dataclass(frozen=True, slots=True)
class HostFilter:
    """What the address asks for; nothing asked is everything."""

    search: str = ""
    cluster: UUID | None = None
    state: str = ""
    page: int = 1

    def query(self, page: int) -> str:
        asked = {"search": self.search, "cluster": str(self.cluster or ""), "state": self.state}
        return "?" + urlencode({k: v for k, v in asked.items() if v} | ({"page": page} if page > 1 else {}))


@dataclass(frozen=True, slots=True)
class HookBox:
    """One of the four letters: there, not there, or not known."""

    letter: str
    title: str
    is_missing: bool
    is_unknown: bool


@dataclass(frozen=True, slots=True)
class HostRow:
    id: UUID
    host: DrawnHost
    zone: str
    cluster: str
    instances: int
    hooks: list[HookBox]
    has_problem: bool


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class HostList:
    rows: list[HostRow]
    summary: str
    filter: HostFilter
    clusters: list[Choice]
    states: list[Choice]
    page: int
    pages: int
    previous: str
    next: str
    start_disabled: str
    is_filtered: bool


STATES = {
    "in-service": "In service",
    "out": "Out by us",
    "in-run": "In a run",
    "others": "Taken by others",
    "down": "Down",
}


def host_list(asked: HostFilter, role: str) -> HostList:
    listed = Host.objects.filter(gone_at=None)
    found = _filtered(listed, asked)
    total, matching = listed.count(), found.count()
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(max(1, asked.page), pages)
    # Natural order needs all names; they are read alone, and only a page of rows is loaded.
    keys = sorted(
        found.values_list("id", "cluster__pod__zone__name", "cluster__name", "name"),
        key=lambda row: (natural(row[1]), natural(row[2]), natural(row[3])),
    )
    shown = [row[0] for row in keys[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]]
    is_filtered = bool(asked.search or asked.cluster or asked.state)
    return HostList(
        rows=host_rows(shown),
        summary=f"{matching:,} of {count(total, 'host')}" if is_filtered else count(total, "host"),
        filter=asked,
        clusters=_cluster_choices(asked.cluster),
        states=[Choice(value, text, value == asked.state) for value, text in STATES.items()],
        page=page,
        pages=pages,
        previous=asked.query(page - 1) if page > 1 else "",
        next=asked.query(page + 1) if page < pages else "",
        start_disabled=too_low(role),
        is_filtered=is_filtered,
    )


def _filtered(listed: QuerySet[Host], asked: HostFilter) -> QuerySet[Host]:
    found = listed
    if asked.search:
        found = found.filter(name__icontains=asked.search)
    if asked.cluster:
        found = found.filter(cluster=asked.cluster)
    ours = HostOut.objects.filter(closed_at=None).values("host")
    match asked.state:
        case "in-service":
            found = found.filter(state="Up", resource_state="Enabled")
        case "out":
            found = found.filter(id__in=ours)
        case "in-run":
            found = found.filter(id__in=Target.objects.filter(is_open=True).values("host"))
        case "others":
            found = found.filter(resource_state__in=OUT_OF_SERVICE).exclude(id__in=ours)
        case "down":
            found = found.exclude(Q(state="Up"))
        case _:
            pass
    return found


def _cluster_choices(chosen: UUID | None) -> list[Choice]:
    listed = Cluster.objects.filter(gone_at=None).select_related("pod__zone")
    ordered = sorted(listed, key=lambda c: (natural(c.pod.zone.name), natural(c.name)))
    return [Choice(str(c.id), f"{c.pod.zone.name} · {c.name}", c.id == chosen) for c in ordered]


def host_rows(ids: list[UUID]) -> list[HostRow]:
    """These hosts, in this order; those that are gone are left out."""
    found = {h.id: h for h in Host.objects.filter(id__in=ids).select_related("cloud", "cluster__pod__zone")}
    hosts = [found[key] for key in ids if key in found]
    running = Instance.objects.filter(host__in=ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host").annotate(instances=Count("id")))
    return [
        HostRow(
            id=drawn.host.id,
            host=drawn,
            zone=drawn.host.cluster.pod.zone.name,
            cluster=drawn.host.cluster.name,
            instances=instances.get(drawn.host.id, 0),
            hooks=hook_boxes(drawn.host),
            has_problem=bool(drawn.host.hooks_warnings) or _has_problem(drawn.host),
        )
        for drawn in drawn_hosts(hosts)
    ]


def host_row(host_id: UUID) -> HostRow | None:
    """One row alone, as it is pushed."""
    found = host_rows([host_id])
    return found[0] if found else None


def hook_boxes(host: Host) -> list[HookBox]:
    if host.hooks is None:
        return [HookBox(HOOK_LETTERS[stage], f"{stage}: not known", False, True) for stage in STAGES]
    boxes = []
    for stage in STAGES:
        is_there = bool(host.hooks.get(stage, {}).get("present"))
        boxes.append(
            HookBox(HOOK_LETTERS[stage], stage if is_there else f"{stage}: none", not is_there, False)
        )
    return boxes


def _has_problem(host: Host) -> bool:
    return any((found or {}).get("problem") for found in (host.hooks or {}).values())


def new_run_url(kind: str, ids: list[UUID]) -> str:
    return f"{reverse('run-new')}?{urlencode([(kind, str(key)) for key in ids])}"
