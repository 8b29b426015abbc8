"""A run at a glance: its hosts in a strip, how far it is, what is out, and whether all instances are there."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.screens.census import Census, census
from dashboard.screens.run.budget import Budget, run_budget, run_rate
from dashboard.screens.run.outlook import outlook
from dashboard.screens.run.percent import run_percent
from dashboard.screens.run.rows import all_hosts_url
from dashboard.screens.run.sections import is_fleet
from dashboard.screens.run.turns import spare_hosts
from dashboard.screens.runs.strip import Strip, counts_of, strip
from dashboard.screens.runs.usual import Ends
from dashboard.screens.words import count, figure
from maintenance.domain.states import RUN_ENDED, TARGET_BEGUN, TARGET_WAITING, RunKind, RunState
from maintenance.models import Run


@dataclass(frozen=True, slots=True)
class Progress:
    """`percent` is empty where none can be told; `percent_wide` is the same for a bar of 100."""

    strip: Strip
    is_fleet: bool
    percent: str
    percent_wide: str
    ends: Ends | None
    ends_unknown: str
    rate: str
    budget: Budget | None
    headroom: str
    census: Census
    all_url: str


def run_progress(run: Run) -> Progress:
    counts = counts_of(run)
    percent = run_percent(run) if run.state not in RUN_ENDED else None  # then the strip says how it ended
    ahead = outlook(run)
    fleet = is_fleet(counts)
    return Progress(
        strip=strip(run, counts),
        is_fleet=fleet,
        percent="" if percent is None else _("%(n)s %%") % {"n": figure(int(percent))},
        percent_wide="" if percent is None else f"{percent:.2f}",
        ends=ahead.ends,
        ends_unknown=ahead.unknown,
        rate=run_rate(run),
        budget=run_budget(run),
        headroom="" if fleet else _headroom(run),
        census=run_census(run),
        all_url=all_hosts_url(run, ""),
    )


def run_census(run: Run) -> Census:
    """Over the clusters that the run works in."""
    clusters = list(run.targets.order_by().values_list("cluster", flat=True).distinct())
    return census(run.cloud, [run.id], clusters)


def _headroom(run: Run) -> str:
    """Spare memory in the cluster that the run works in, or comes to next."""
    if run.kind != RunKind.ROLLING or run.state not in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED}:
        return ""
    at_work = run.targets.filter(state__in=TARGET_BEGUN).order_by("order").first()
    ahead = at_work or run.targets.filter(state__in=TARGET_WAITING).order_by("order").first()
    spare = spare_hosts(ahead.cluster_key) if ahead else None
    if ahead is None or spare is None:
        return ""
    words = _("%(cluster)s has room for %(hosts)s out at once, %(needed)s needed")
    facts = {
        "cluster": ahead.cluster_name,
        "hosts": count(spare, "host"),
        "needed": figure(run.max_unavailable),
    }
    return words % facts
