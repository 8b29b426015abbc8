"""What pressing Start would do, in words: how long, who moves, what is tight, what else is out, what is in the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.forms import StartChoices
from dashboard.screens.census import RUNNING
from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.runs.usual import Ends
from dashboard.screens.servers.blocked import why_blocked
from dashboard.screens.start.plan import TIGHT_RATIO
from dashboard.screens.start.words import MARKS, pace, percent, run_length
from dashboard.screens.words import count, listing, said
from maintenance.domain.plan import LEAVING, Holder, OutNow, Plan, PlannedHost, Verdict
from maintenance.models import Cloud, Host, Instance

LOOKED_AT_MAX = 500  # hosts in the way, to tell which clouds they are of

NAMED = 5


@dataclass(frozen=True, slots=True)
class Says:
    bold: str
    rest: str


@dataclass(frozen=True, slots=True)
class Check:
    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class OutLine:
    """A host of these clusters that is out already, or a run at work in them."""

    name: str
    url: str
    why: str
    holder: Holder | None
    holder_url: str


@dataclass(frozen=True, slots=True)
class Summary:
    length: str
    length_more: str
    ends: Ends | None
    not_before: datetime | None
    tightest: str
    tightest_more: str
    is_tight: bool
    out: list[OutLine]
    out_more: int
    runs: list[OutLine]
    says: list[Says]
    checks: list[Check]
    start_label: str
    start_disabled: str


def nothing_chosen(problem: str) -> Summary:
    """Before there is a plan."""
    reason = problem or _("Choose what to maintain first.")
    return Summary(
        "–", "", None, None, "", "", False, [], 0, [], [], [], _("Start"), reason
    )  # fmt: skip


def summary(plan: Plan, choices: StartChoices) -> Summary:
    leaving = [host for host in plan.hosts if host.verdict in LEAVING]
    blocked = plan.of(Verdict.BLOCKED)
    at_once = choices.rules["max_unavailable"] * choices.rules["clusters_in_parallel"]
    not_before = choices.rules["not_before"]
    length, more, ends = _length(plan, leaving, bool(blocked), not_before)
    tightest, tightest_more, is_tight = _tightest(plan)
    around = plan.surroundings
    return Summary(
        length=length,
        length_more=more,
        ends=ends,
        not_before=not_before,
        tightest=tightest,
        tightest_more=tightest_more,
        is_tight=is_tight,
        out=[_out(host) for host in around.out[:NAMED]],
        out_more=max(0, len(around.out) - NAMED),
        runs=[_run(holder) for holder in around.runs[:NAMED]],
        says=[_leave(leaving, at_once), _moves(leaving), _preflight(plan)],
        checks=_checks(plan),
        start_label=_start_label(len(leaving), at_once, later=not_before is not None),
        start_disabled=_why_not(plan, len(blocked)) or _blocked(plan),
    )


def _why_not(plan: Plan, blocked: int) -> str:
    if blocked:
        return ngettext(
            "%(n)s host blocks the start: see what is in the way.",
            "%(n)s hosts block the start: see what is in the way.",
            blocked,
        ) % {"n": blocked}
    if not plan.of(Verdict.READY, Verdict.HELD, Verdict.STAYS):
        return _("No host is left to work on.")
    return ""


def _blocked(plan: Plan) -> str:
    """A plan is of one cloud's hosts."""
    cloud = Host.objects.filter(id=plan.hosts[0].host_id).values_list("cloud", flat=True).first()
    return why_blocked(cloud) if cloud is not None else ""


def _length(
    plan: Plan, leaving: Sequence[PlannedHost], is_blocked: bool, not_before: datetime | None
) -> tuple[str, str, Ends | None]:
    if not leaving:
        return (_("Cannot start") if is_blocked else _("Nothing to do")), "", None
    if plan.minutes_low is None or plan.minutes_high is None:
        return _("Not known yet"), _("learned after three hosts have ended well"), None
    begins = not_before or plan.computed_at
    ends = Ends(begins, begins).later(plan.minutes_low * 60, plan.minutes_high * 60)
    return run_length(plan.minutes_low, plan.minutes_high), "", ends


def _tightest(plan: Plan) -> tuple[str, str, bool]:
    host = plan.tightest
    if host is None or host.spare_ratio is None:
        return "", "", False
    text = _("%(percent)s memory spare") % {"percent": percent(host.spare_ratio)}
    more = _("while %(host)s is out of %(cluster)s") % {"host": said(host.name), "cluster": host.cluster}
    return text, more, host.spare_ratio < TIGHT_RATIO


def _out(host: OutNow) -> OutLine:
    url = reverse("host", args=[host.host_id])
    holder_url = reverse("run", args=[host.holder.run_id]) if host.holder else ""
    return OutLine(said(host.name), url, host.why, host.holder, holder_url)


def _run(holder: Holder) -> OutLine:
    url = reverse("run", args=[holder.run_id])
    return OutLine(_("Run %(number)s") % {"number": holder.number}, url, holder.scope, holder, url)


def _leave(leaving: Sequence[PlannedHost], at_once: int) -> Says:
    if not leaving:
        return Says(_("No host leaves service."), "")
    hosts = {"hosts": count(len(leaving), "host")}
    if len(leaving) == 1:
        return Says(_("%(hosts)s leaves service") % hosts, _(" and comes back."))
    return Says(
        _("%(hosts)s leave service") % hosts, _(", %(pace)s, and come back.") % {"pace": pace(at_once)}
    )


def _moves(leaving: Sequence[PlannedHost]) -> Says:
    """Whose instances move. One that moves to a host whose turn is later moves again with that host."""
    moves = sum(host.instances for host in leaving)
    if not moves:
        return Says(_("No instance has to move."), "")
    ids = [host.host_id for host in leaving]
    running = Instance.objects.filter(host__in=ids, gone_at=None, state__in=RUNNING).order_by()
    tenants = running.values("account", "domain").distinct().count()
    moving = running.count()
    words = ngettext(
        "%(instances)s of %(tenants)s moves live.", "%(instances)s of %(tenants)s move live.", moving
    ) % {"instances": count(moving, "instance"), "tenants": count(tenants, "tenant")}
    again = ""
    if moves > moving:
        again = _(" Some more than once: %(moves)s in all.") % {"moves": count(moves, "move")}
    return Says(words, again + _(" None is powered off."))


def _preflight(plan: Plan) -> Says:
    checked = len([h for h in plan.hosts if h.verdict not in {Verdict.LEFT_OUT, Verdict.SKIPPED}])
    first = ngettext("PreFlight runs on %(n)s first.", "PreFlight runs on all %(n)s first.", checked)
    return Says(first % {"n": f"{checked:,}"}, _(" If one fails, nothing is touched."))


def _start_label(leaving: int, at_once: int, *, later: bool) -> str:
    if not leaving:
        return _("Start")
    said_of = {"hosts": count(leaving, "host"), "pace": pace(at_once)}
    if leaving == 1:
        return (_("Start later: %(hosts)s") if later else _("Start: %(hosts)s")) % said_of
    return (_("Start later: %(hosts)s, %(pace)s") if later else _("Start: %(hosts)s, %(pace)s")) % said_of


def _checks(plan: Plan) -> list[Check]:
    blocked, held = plan.of(Verdict.BLOCKED), plan.of(Verdict.HELD)
    passed_by, left_out = plan.of(Verdict.SKIPPED, Verdict.STAYS), plan.of(Verdict.LEFT_OUT)
    checks = []
    if blocked:
        text = _("In the way of the start: %(names)s") % {"names": _names(blocked)}
        checks.append(Check(MARKS[Verdict.BLOCKED], text))
        checks += [Check(UNKNOWN, text) for text in _unread(blocked)]
    else:
        fine = Mark("Done", "", "done")
        checks.append(Check(fine, _("All hosts are Up and Enabled, or passed by")))
        checks.append(Check(fine, _("No other run has these hosts")))
    if held:
        text = _("Would be held at their turn: %(names)s") % {"names": _names(held)}
        checks.append(Check(MARKS[Verdict.HELD], text))
    if passed_by:
        text = _("%(n)s will be skipped: %(names)s") % {
            "n": f"{len(passed_by):,}",
            "names": _names(passed_by),
        }
        checks.append(Check(MARKS[Verdict.SKIPPED], text))
    if left_out:
        text = _("%(n)s left out: %(names)s") % {"n": f"{len(left_out):,}", "names": _names(left_out)}
        checks.append(Check(MARKS[Verdict.LEFT_OUT], text))
    tightest, more, is_tight = _tightest(plan)
    if is_tight:
        text = _("Tight: %(spare)s %(when)s. One new large instance would hold the run there.")
        checks.append(Check(MARKS[Verdict.HELD], text % {"spare": tightest, "when": more}))
    return checks + [Check(Mark("Unknown", "", "unknown"), warning) for warning in plan.warnings]


def _unread(blocked: Sequence[PlannedHost]) -> list[str]:
    """Hosts are in the way because nobody knows how they are: that mends itself, and says so."""
    now = timezone.now()
    hosts = Host.objects.filter(id__in=[host.host_id for host in blocked[:LOOKED_AT_MAX]])
    words = _(
        "%(cloud)s was not read lately: how its hosts are is not known. Make the plan again once it is."
    )
    clouds = Cloud.objects.filter(id__in=hosts.values("cloud")).order_by("name")
    return [words % {"cloud": cloud.name} for cloud in clouds if not cloud.is_known(now)]


def _names(hosts: Sequence[PlannedHost]) -> str:
    return listing([said(host.name) for host in hosts])
