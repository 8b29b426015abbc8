"""The start of a rolling maintenance: scope, the plan that follows from it, the rules, and what will happen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db.models import Count, QuerySet
from django.urls import reverse

from dashboard.forms import StartChoices
from dashboard.screens.census import RUNNING
from dashboard.screens.hosts import HOOK_LETTERS, HookBox
from dashboard.screens.marks import Mark
from dashboard.screens.usual import Ends
from dashboard.screens.words import NBSP, Range, count, listing, said
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.order import natural
from maintenance.domain.plan import Plan, PlannedHost, Verdict
from maintenance.domain.states import OnFailure
from maintenance.models import Cluster, Host, Instance, Pod, Zone

ROWS_MAX = 200
HOSTS_OFFERED_MAX = 300
TIGHT_RATIO = 0.05

KINDS = {"zones": "Zones", "pods": "Pods", "clusters": "Clusters", "hosts": "Hosts"}
ON_FAILURE = (
    (OnFailure.PAUSE, "Pause and ask me", "The failed host is returned to service first. The rest wait."),
    (
        OnFailure.SKIP,
        "Skip it and go on",
        "It is returned to service, marked Failed, and the next host starts.",
    ),
    (OnFailure.STOP, "Stop the run", "It is returned to service. Hosts not begun stay as they are."),
)
_MARKS = {
    Verdict.READY: Mark("Waiting", "Ready", "waiting"),
    Verdict.STAYS: Mark("Skipped", "Will be skipped", "skipped"),
    Verdict.SKIPPED: Mark("Skipped", "Will be skipped", "skipped"),
    Verdict.BLOCKED: Mark("Failed", "Blocks the start", "failed"),
    Verdict.HELD: Mark("NeedsPerson", "Would wait", "paused"),
    Verdict.LEFT_OUT: Mark("Cancelled", "Left out", "skipped"),
}


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    id: UUID
    name: str
    more: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class ScopeKind:
    value: str
    text: str
    is_chosen: bool
    choices: list[ScopeChoice]
    more: int


@dataclass(frozen=True, slots=True)
class PlanRow:
    id: UUID
    order: int
    name: str
    url: str
    instances: int
    goes_to: str
    hooks: list[HookBox]
    expected: str
    spare: str
    is_tight: bool
    is_tightest: bool
    mark: Mark
    is_quiet: bool
    verdict: str
    why: str
    is_left_out: bool


@dataclass(frozen=True, slots=True)
class PlanGroup:
    title: str
    rows: list[PlanRow]


@dataclass(frozen=True, slots=True)
class PlanShown:
    groups: list[PlanGroup]
    more: int
    hash: str
    hash_words: str
    computed_at: datetime
    seen: str  # what this page showed, so that a difference can be told later
    pace: str


@dataclass(frozen=True, slots=True)
class Says:
    bold: str
    rest: str


@dataclass(frozen=True, slots=True)
class Check:
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    length: str
    length_more: str
    ends: Ends | None
    says: list[Says]
    checks: list[Check]
    start_label: str
    start_disabled: str


@dataclass(frozen=True, slots=True)
class StartScreen:
    kinds: list[ScopeKind]
    kind: str
    scope_words: str
    plan: PlanShown | None
    summary: Summary
    given: dict[str, str]
    errors: dict[str, str]
    on_failure: list[tuple[str, str, str, bool]]
    is_ordered: bool
    order: tuple[UUID, ...]
    problem: str
    problem_url: str
    problem_link: str
    items: list[str]
    differences: list[str]
    key: str


# ---- scope -----------------------------------------------------------------------------------------------------------


def scope_kinds(choices: StartChoices) -> list[ScopeKind]:
    """What can be chosen. Only the chosen kind's hosts are listed in full; a fleet's hosts are chosen on their page."""
    hosts = Host.objects.filter(gone_at=None).order_by()
    found = []
    for kind, text in KINDS.items():
        chosen = set(choices.ids) if kind == choices.kind else set()
        offered, more = _offered(kind, hosts, chosen)
        found.append(ScopeKind(kind, text, kind == choices.kind, offered, more))
    return found


def _offered(kind: str, hosts: QuerySet[Host], chosen: set[UUID]) -> tuple[list[ScopeChoice], int]:
    if kind == "hosts":
        return _hosts_offered(chosen)
    path = {"zones": "cluster__pod__zone", "pods": "cluster__pod", "clusters": "cluster"}[kind]
    sizes = dict(hosts.values_list(path).annotate(hosts=Count("id")))
    running = Instance.objects.filter(gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list(f"host__{path}").annotate(instances=Count("id")))
    rows: list[tuple[UUID, str]] = []
    match kind:
        case "zones":
            rows = [(z.id, z.name) for z in Zone.objects.filter(gone_at=None)]
        case "pods":
            rows = [
                (p.id, f"{p.zone.name} · {p.name}")
                for p in Pod.objects.filter(gone_at=None).select_related("zone")
            ]
        case _:
            listed = Cluster.objects.filter(gone_at=None).select_related("pod__zone")
            rows = [(c.id, f"{c.pod.zone.name} · {c.name}") for c in listed]
    rows.sort(key=lambda row: natural(row[1]))
    return [
        ScopeChoice(
            key,
            name,
            f"{count(sizes.get(key, 0), 'host')}, {count(instances.get(key, 0), 'instance')}",
            key in chosen,
        )
        for key, name in rows
    ], 0


def _hosts_offered(chosen: set[UUID]) -> tuple[list[ScopeChoice], int]:
    listed = Host.objects.filter(gone_at=None).select_related("cluster__pod__zone")
    total = listed.count()
    shown = (
        list(listed) if total <= HOSTS_OFFERED_MAX else list(listed.filter(id__in=chosen)[:HOSTS_OFFERED_MAX])
    )
    shown.sort(key=lambda h: (natural(h.cluster.pod.zone.name), natural(h.cluster.name), natural(h.name)))
    return [
        ScopeChoice(h.id, h.name, f"{h.cluster.pod.zone.name} · {h.cluster.name}", h.id in chosen)
        for h in shown
    ], total - len(shown)


# ---- plan ------------------------------------------------------------------------------------------------------------


def plan_shown(plan: Plan, choices: StartChoices) -> PlanShown:
    shown = plan.hosts[:ROWS_MAX]
    groups = [
        PlanGroup(f"{zone} · {cluster}", [_row(host, plan) for host in hosts])
        for (zone, cluster), hosts in groupby(shown, key=lambda h: (h.zone, h.cluster))
    ]
    at_once, clusters = choices.rules["max_unavailable"], choices.rules["clusters_in_parallel"]
    return PlanShown(
        groups=groups,
        more=len(plan.hosts) - len(shown),
        hash=plan.hash,
        hash_words=f"{plan.hash[:4]} {plan.hash[4:8]}",
        computed_at=plan.computed_at,
        seen=",".join(f"{host.host_id}:{host.verdict}" for host in plan.hosts),
        pace=f"{_clusters_words(clusters)}, {_hosts_words(at_once)}",
    )


def _clusters_words(at_once: int) -> str:
    return "clusters one after another" if at_once == 1 else f"{at_once} clusters at once"


def _hosts_words(at_once: int) -> str:
    return "hosts one at a time" if at_once == 1 else f"up to {at_once} hosts of a cluster at a time"


def _row(host: PlannedHost, plan: Plan) -> PlanRow:
    expected = ""
    if host.expected_low_s is not None and host.expected_high_s is not None:
        expected = str(Range(host.expected_low_s, host.expected_high_s))
    is_tightest = plan.tightest is not None and plan.tightest.host_id == host.host_id
    return PlanRow(
        id=host.host_id,
        order=host.order,
        name=host.name,
        url=reverse("host", args=[host.host_id]),
        instances=host.instances,
        goes_to=" ".join(f"{said(name)}{NBSP}({n})" for name, n in host.goes_to) or _stay_words(host),
        hooks=_boxes(host),
        expected=expected or "–",
        spare=f"{host.spare_ratio:.0%}".replace("%", f"{NBSP}%") if host.spare_ratio is not None else "–",
        is_tight=host.spare_ratio is not None and host.spare_ratio < TIGHT_RATIO,
        is_tightest=is_tightest,
        mark=_MARKS[host.verdict],
        is_quiet=host.verdict is Verdict.READY,
        verdict=host.verdict,
        why=host.why or ("tightest moment" if is_tightest else ""),
        is_left_out=host.verdict is Verdict.LEFT_OUT,
    )


def _stay_words(host: PlannedHost) -> str:
    if host.verdict in {Verdict.READY, Verdict.HELD}:
        return "none to move" if not host.instances else "no room"
    return "stay"


def _boxes(host: PlannedHost) -> list[HookBox]:
    return [
        HookBox(
            HOOK_LETTERS[stage],
            f"{stage}: not known" if there is None else stage if there else f"{stage}: none",
            there is False,
            there is None,
        )
        for stage, there in ((stage, host.scripts.get(stage)) for stage in STAGES)
    ]


# ---- summary ---------------------------------------------------------------------------------------------------------


def nothing_chosen(problem: str = "") -> Summary:
    reason = problem or "Choose what to maintain first."
    return Summary("–", "", None, [], [], "Start", reason)


def summary(plan: Plan, choices: StartChoices) -> Summary:
    leaving = plan.of(Verdict.READY, Verdict.HELD)
    blocked = plan.of(Verdict.BLOCKED)
    at_once = choices.rules["max_unavailable"] * choices.rules["clusters_in_parallel"]
    pace = "one at a time" if at_once == 1 else f"up to {at_once} at a time"
    disabled = ""
    if blocked:
        disabled = (
            f"{count(len(blocked), 'host')} block{'s' if len(blocked) == 1 else ''} the start; see the plan."
        )
    elif not plan.of(Verdict.READY, Verdict.HELD, Verdict.STAYS):
        disabled = "No host is left to work on."
    ends = None
    length, more = "Not known yet", "learned after three hosts have ended well"
    if plan.minutes_low is not None and plan.minutes_high is not None:
        length, more = _minutes(plan.minutes_low, plan.minutes_high), ""
        ends = Ends(plan.computed_at, plan.computed_at).later(plan.minutes_low * 60, plan.minutes_high * 60)
    return Summary(
        length=length if leaving else "Not yet" if blocked else "Nothing to do",
        length_more=more if leaving else "",
        ends=ends if leaving else None,
        says=_says(plan, leaving, pace),
        checks=_checks(plan),
        start_label=_start_label(len(leaving), pace),
        start_disabled=disabled,
    )


def _minutes(low: float, high: float) -> str:
    if high < 2:
        return f"about {max(1, round(high * 60))}{NBSP}s"
    if high < 120:
        a, b = max(1, round(low)), max(1, round(high))
        return f"{a}–{b}{NBSP}min" if a < b else f"about {b}{NBSP}min"
    hours_low, hours_high = round(low / 60, 1), round(high / 60, 1)
    return (
        f"{hours_low:g}–{hours_high:g}{NBSP}h" if hours_low < hours_high else f"about {hours_high:g}{NBSP}h"
    )


def _says(plan: Plan, leaving: Sequence[PlannedHost], pace: str) -> list[Says]:
    in_run = [h for h in plan.hosts if h.verdict not in {Verdict.LEFT_OUT, Verdict.SKIPPED}]
    first = f"PreFlight runs on {'all ' if len(in_run) > 1 else ''}{len(in_run):,} first."
    return [
        _leave(leaving, pace),
        _moves(leaving),
        Says(first, " If one fails, nothing is touched."),
    ]


def _leave(leaving: Sequence[PlannedHost], pace: str) -> Says:
    match len(leaving):
        case 0:
            return Says("No host leaves service.", "")
        case 1:
            return Says(f"{count(1, 'host')} leaves service", " and comes back.")
        case several:
            return Says(f"{count(several, 'host')} leave service", f", {pace}, and come back.")


def _start_label(leaving: int, pace: str) -> str:
    match leaving:
        case 0:
            return "Start"
        case 1:
            return f"Start: {count(1, 'host')}"
        case several:
            return f"Start: {count(several, 'host')}, {pace}"


def _moves(leaving: Sequence[PlannedHost]) -> Says:
    """Whose instances move. One that moves to a host whose turn is later moves again with that host."""
    moves = sum(host.instances for host in leaving)
    if not moves:
        return Says("No instance has to move.", "")
    ids = [host.host_id for host in leaving]
    running = Instance.objects.filter(host__in=ids, gone_at=None, state__in=RUNNING).order_by()
    tenants = running.values("account", "domain").distinct().count()
    moving = running.count()
    words = f"{count(moving, 'instance')} of {count(tenants, 'tenant')} {'moves' if moving == 1 else 'move'} live."
    again = f" Some more than once: {count(moves, 'move')} in all." if moves > moving else ""
    return Says(words, f"{again} None is powered off.")


def _checks(plan: Plan) -> list[Check]:
    checks = []
    blocked, held = plan.of(Verdict.BLOCKED), plan.of(Verdict.HELD)
    passed_by = plan.of(Verdict.SKIPPED, Verdict.STAYS)
    left_out = plan.of(Verdict.LEFT_OUT)
    if blocked:
        checks += [Check(_MARKS[Verdict.BLOCKED], f"{said(h.name)}: {h.why}") for h in blocked[:5]]
        if len(blocked) > 5:
            checks.append(Check(_MARKS[Verdict.BLOCKED], f"and {count(len(blocked) - 5, 'host')} more"))
    else:
        checks.append(Check(Mark("Done", "", "done"), "All hosts are Up and Enabled, or passed by"))
        checks.append(Check(Mark("Done", "", "done"), "No other run has these hosts"))
    if passed_by:
        names = listing([said(h.name) for h in passed_by])
        checks.append(Check(_MARKS[Verdict.SKIPPED], f"{len(passed_by):,} will be skipped: {names}"))
    if held:
        names = listing([said(h.name) for h in held])
        checks.append(
            Check(_MARKS[Verdict.HELD], f"No room now for the instances of {names}: held until there is")
        )
    if left_out:
        names = listing([said(h.name) for h in left_out])
        checks.append(Check(_MARKS[Verdict.LEFT_OUT], f"{len(left_out):,} left out: {names}"))
    tight = plan.tightest
    if tight is not None and tight.spare_ratio is not None and tight.spare_ratio < TIGHT_RATIO:
        text = (
            f"Tight: with {said(tight.name)} out, {tight.cluster} has {tight.spare_ratio:.0%} memory spare."
        )
        checks.append(Check(Mark("NeedsPerson", "", "paused"), text))
    checks += [Check(Mark("Unknown", "", "unknown"), warning) for warning in plan.warnings]
    return checks


# ---- order and difference --------------------------------------------------------------------------------------------


def moved(plan: Plan, move: str) -> tuple[UUID, ...]:
    """The order after `up:ID` or `down:ID`: a host passes its neighbour; at its cluster's edge the cluster passes."""
    blocks = [list(hosts) for _, hosts in groupby(plan.hosts, key=lambda h: h.cluster_id)]
    direction, _, key = move.partition(":")
    step = -1 if direction == "up" else 1
    for at, block in enumerate(blocks):
        for place, host in enumerate(block):
            if str(host.host_id) != key:
                continue
            if 0 <= place + step < len(block):
                block[place], block[place + step] = block[place + step], block[place]
            elif 0 <= at + step < len(blocks):
                blocks[at], blocks[at + step] = blocks[at + step], blocks[at]
            return tuple(h.host_id for b in blocks for h in b)
    return tuple(h.host_id for h in plan.hosts)


def differences(seen: str, plan: Plan) -> list[str]:
    """What is no longer as the page showed it, a sentence each."""
    before = dict(part.split(":", 1) for part in seen.split(",") if ":" in part)
    now = {str(h.host_id): h for h in plan.hosts}
    found = []
    for key, host in now.items():
        name, word = said(host.name), _MARKS[host.verdict].word.lower()
        why = f" ({host.why})" if host.why else ""
        if key not in before:
            found.append(f"{name} is new in this scope: {word}{why}.")
        elif before[key] != host.verdict and before[key] in set(Verdict):
            found.append(f"{name} was “{_MARKS[Verdict(before[key])].word.lower()}”, now “{word}”{why}.")
    gone = [key for key in before if key not in now]
    if gone:
        found.append(f"{count(len(gone), 'host')} left this scope.")
    if not found and list(before) != list(now):
        found.append("The order of the hosts is another one.")
    return found or ["The rules are not those the plan was made for."]
