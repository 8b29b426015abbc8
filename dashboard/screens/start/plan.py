"""The plan as it is drawn: a few hosts one by one, a fleet as its clusters, each to be opened a page at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.forms import StartChoices
from dashboard.screens.hook_box import HookBox
from dashboard.screens.hosts.rows import HOOK_LETTERS
from dashboard.screens.marks import Mark
from dashboard.screens.start.order import seen
from dashboard.screens.start.words import MARKS, pace_in_clusters, percent
from dashboard.screens.words import NBSP, Range, count, listing, said
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.plan import LEAVING, Holder, Plan, PlannedHost, Verdict

PAGE_ROWS = 50  # hosts of a cluster, clusters of a plan
OPEN_HOSTS_MAX = 50  # a plan of so many hosts is shown whole
TIGHT_RATIO = 0.05
STUCK_NAMED = 8
IN_THE_WAY_MAX = 12


@dataclass(frozen=True, slots=True)
class PlanRow:
    id: UUID
    order: int
    name: str
    said: str
    url: str
    instances: int
    goes_to: list[tuple[str, int]]
    stays: str
    scripts: list[HookBox]
    expected: str
    spare: str
    is_tight: bool
    mark: Mark
    is_quiet: bool
    verdict: str
    why: str
    note: str
    is_left_out: bool
    is_changed: bool
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class PlanCluster:
    """One cluster: its hosts when it is open, else what is said of them together."""

    id: UUID
    title: str
    hosts: str
    says: str
    marks: list[Mark]  # the worst that is in it, with a count as word
    rows: list[PlanRow]
    is_open: bool
    is_first: bool
    is_last: bool
    page: int
    pages: int
    left_out_unseen: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """Instances that cannot move for the same reason, by name."""

    names: list[str]
    more: int
    why: str


@dataclass(frozen=True, slots=True)
class InTheWay:
    """A host that blocks the start or would wait, with what a person can do about it from here."""

    id: UUID
    name: str
    said: str
    url: str
    mark: Mark
    why: str
    stuck: list[Stuck]
    holder: Holder | None
    holder_url: str


@dataclass(frozen=True, slots=True)
class PlanShown:
    clusters: list[PlanCluster]
    can_fold: bool
    page: int
    pages: int
    in_the_way: list[InTheWay]
    in_the_way_more: int
    passes_by: int  # so many hosts would be passed by with the rule that does so
    blocking: int
    blocking_ids: str  # all that block the start, as one field
    hash: str
    hash_words: str
    computed_at: datetime
    seen: str
    pace: str
    left_out_unseen: str


def plan_shown(plan: Plan, choices: StartChoices, changed: frozenset[UUID]) -> PlanShown:
    """`changed`: hosts that are not as the page showed them before."""
    blocks = [list(hosts) for _key, hosts in groupby(plan.hosts, key=lambda h: h.cluster_id)]
    can_fold = len(plan.hosts) > OPEN_HOSTS_MAX and len(blocks) > 1
    pages = max(1, -(-len(blocks) // PAGE_ROWS))
    page = min(choices.page, pages)
    first, last = (page - 1) * PAGE_ROWS, page * PAGE_ROWS
    clusters = [
        _cluster(
            hosts, plan, choices, changed, is_open=not can_fold or hosts[0].cluster_id in choices.opened,
            is_first=at == 0, is_last=at == len(blocks) - 1,
        )
        for at, hosts in enumerate(blocks)
        if first <= at < last
    ]  # fmt: skip
    elsewhere = [host for at, hosts in enumerate(blocks) if not first <= at < last for host in hosts]
    blocked = plan.of(Verdict.BLOCKED)
    troubled = blocked + plan.of(Verdict.HELD)
    return PlanShown(
        clusters=clusters,
        can_fold=can_fold,
        page=page,
        pages=pages,
        in_the_way=[_in_the_way(host) for host in troubled[:IN_THE_WAY_MAX]],
        in_the_way_more=max(0, len(troubled) - IN_THE_WAY_MAX),
        passes_by=sum(1 for host in blocked if host.is_unready and host.holder is None),
        blocking=len(blocked),
        blocking_ids=",".join(str(host.host_id) for host in blocked),
        hash=plan.hash,
        hash_words=f"{plan.hash[:4]} {plan.hash[4:8]}",
        computed_at=plan.computed_at,
        seen=seen(plan),
        pace=pace_in_clusters(choices.rules["clusters_in_parallel"], choices.rules["max_unavailable"]),
        left_out_unseen=_left_out(elsewhere),
    )


def _cluster(
    hosts: Sequence[PlannedHost],
    plan: Plan,
    choices: StartChoices,
    changed: frozenset[UUID],
    *,
    is_open: bool,
    is_first: bool,
    is_last: bool,
) -> PlanCluster:
    pages = max(1, -(-len(hosts) // PAGE_ROWS))
    page = min(choices.opened.get(hosts[0].cluster_id, 1), pages)
    first, last = (page - 1) * PAGE_ROWS, page * PAGE_ROWS
    shown = list(hosts[first:last]) if is_open else []
    unseen = [host for host in hosts if host not in shown] if is_open else list(hosts)
    return PlanCluster(
        id=hosts[0].cluster_id,
        title=f"{hosts[0].zone} · {hosts[0].cluster}",
        hosts=count(len(hosts), "host"),
        says=_together(hosts),
        marks=_marks(hosts, changed),
        rows=[
            _row(host, plan, changed, is_first=host is hosts[0], is_last=host is hosts[-1]) for host in shown
        ],
        is_open=is_open,
        is_first=is_first,
        is_last=is_last,
        page=page,
        pages=pages if is_open else 1,
        left_out_unseen=_left_out(unseen),
    )


def _left_out(hosts: Sequence[PlannedHost]) -> str:
    """As one field: what is not on the page stays left out."""
    return ",".join(str(host.host_id) for host in hosts if host.verdict is Verdict.LEFT_OUT)


def _together(hosts: Sequence[PlannedHost]) -> str:
    leaving = [host for host in hosts if host.verdict in LEAVING]
    parts = [_("%(hosts)s leave service") % {"hosts": count(len(leaving), "host")}] if leaving else []
    moves = sum(host.instances for host in leaving)
    if moves:
        parts.append(count(moves, "move"))
    spares = [host.spare_ratio for host in leaving if host.spare_ratio is not None]
    if spares:
        parts.append(_("at the tightest %(percent)s spare") % {"percent": percent(min(spares))})
    return " · ".join(parts) or _("no host leaves service")


def _marks(hosts: Sequence[PlannedHost], changed: frozenset[UUID]) -> list[Mark]:
    counted = Counter(host.verdict for host in hosts)
    told = (Verdict.BLOCKED, Verdict.HELD, Verdict.SKIPPED, Verdict.STAYS, Verdict.LEFT_OUT)
    marks = [
        Mark(MARKS[v].state, _("%(n)s: %(what)s") % {"n": counted[v], "what": MARKS[v].word}, MARKS[v].glyph)
        for v in told
        if counted[v]
    ]
    news = sum(1 for host in hosts if host.host_id in changed)
    return [*marks, Mark("Running", _("%(n)s changed") % {"n": news}, "running")] if news else marks


def _row(
    host: PlannedHost, plan: Plan, changed: frozenset[UUID], *, is_first: bool, is_last: bool
) -> PlanRow:
    expected = ""
    if host.expected_low_s is not None and host.expected_high_s is not None:
        expected = str(Range(host.expected_low_s, host.expected_high_s))
    is_tightest = plan.tightest is not None and plan.tightest.host_id == host.host_id
    return PlanRow(
        id=host.host_id,
        order=host.order,
        name=host.name,
        said=said(host.name),
        url=reverse("host", args=[host.host_id]),
        instances=host.instances,
        goes_to=[(said(name), number) for name, number in host.goes_to],
        stays=_stay_words(host),
        scripts=_boxes(host),
        expected=expected or "–",
        spare=percent(host.spare_ratio).replace(" ", NBSP) if host.spare_ratio is not None else "–",
        is_tight=host.spare_ratio is not None and host.spare_ratio < TIGHT_RATIO,
        mark=MARKS[host.verdict],
        is_quiet=host.verdict is Verdict.READY,
        verdict=host.verdict,
        why="" if host.verdict is Verdict.LEFT_OUT else host.why,
        note=_("tightest moment") if is_tightest else "",
        is_left_out=host.verdict is Verdict.LEFT_OUT,
        is_changed=host.host_id in changed,
        is_first=is_first,
        is_last=is_last,
    )


def _stay_words(host: PlannedHost) -> str:
    if host.verdict in LEAVING:
        if host.stuck:
            names = listing([stuck.name for stuck in host.stuck])
            return _("%(names)s cannot move") % {"names": names}
        return _("none to move")
    return _("stay")


def _boxes(host: PlannedHost) -> list[HookBox]:
    return [
        HookBox(
            HOOK_LETTERS[stage],
            (_("%(stage)s: not known") if there is None else "%(stage)s" if there else _("%(stage)s: none"))
            % {"stage": stage},
            there is False,
            there is None,
        )
        for stage, there in ((stage, host.scripts.get(stage)) for stage in STAGES)
    ]


def _stuck(host: PlannedHost) -> list[Stuck]:
    by_reason: dict[str, list[str]] = {}
    for stuck in host.stuck:
        by_reason.setdefault(stuck.why, []).append(stuck.name)
    return [
        Stuck(names[:STUCK_NAMED], max(0, len(names) - STUCK_NAMED), why) for why, names in by_reason.items()
    ][:STUCK_NAMED]


def _in_the_way(host: PlannedHost) -> InTheWay:
    return InTheWay(
        id=host.host_id,
        name=host.name,
        said=said(host.name),
        url=reverse("host", args=[host.host_id]),
        mark=MARKS[host.verdict],
        why="" if host.stuck else host.why,
        stuck=_stuck(host),
        holder=host.holder,
        holder_url=reverse("run", args=[host.holder.run_id]) if host.holder else "",
    )
