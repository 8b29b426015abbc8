"""The short lists on a run's page: whose turn comes, and who has ended. The rest is a link away."""

from dataclasses import dataclass

from django.db.models import F
from django.utils.translation import gettext as _

from dashboard.screens.actions import too_low
from dashboard.screens.run.rows import Row, all_hosts_url, rows
from dashboard.screens.runs.strip import CELLS_MAX, SECTIONS, counts_of
from dashboard.screens.words import count, figure
from maintenance.domain.states import TARGET_ENDED, TARGET_WAITING, RunState
from maintenance.models import Run

ROWS_MAX = CELLS_MAX  # of a run over a few hosts, all
ROWS_OF_MANY = 8


@dataclass(frozen=True, slots=True)
class Section:
    """`note`: why its rows have no buttons, where that is so."""

    rows: list[Row]
    summary: str
    note: str
    more: int
    more_url: str


def is_fleet(counts: dict[str, int]) -> bool:
    """Whether the page shows clusters instead of hosts."""
    return sum(counts.values()) > CELLS_MAX


def next_section(run: Run, role: str) -> Section:
    """Hosts whose turn has not come, in order."""
    counts = counts_of(run)
    waiting = run.targets.filter(state__in=TARGET_WAITING).prefetch_related("host").order_by("order")
    total = sum(counts.get(state, 0) for state in TARGET_WAITING)
    shown = list(waiting[: ROWS_OF_MANY if is_fleet(counts) else ROWS_MAX])
    hosts = count(total, "host")
    if not total:
        summary = _("no host waits")
    elif run.state == RunState.RUNNING and not run.pausing:
        summary = _("%(hosts)s, in this order; times move with what happens") % {"hosts": hosts}
    else:
        summary = _("%(hosts)s, in this order") % {"hosts": hosts}
    return Section(
        rows(run, shown, role), summary, too_low(role), total - len(shown), all_hosts_url(run, "waiting")
    )


def finished_section(run: Run, role: str) -> Section:
    """Hosts that have ended, the latest first."""
    ended = run.targets.filter(state__in=TARGET_ENDED).order_by(
        F("finished_at").desc(nulls_last=True), "order"
    )
    counts = counts_of(run)
    found = [
        (drawn, sum(counts.get(state, 0) for state in states))
        for drawn, states in SECTIONS.values()
        if states <= TARGET_ENDED
    ]
    summary = ", ".join(
        _("%(n)s %(state)s") % {"n": figure(hosts), "state": drawn.word.lower()}
        for drawn, hosts in found
        if hosts
    )
    shown = list(ended[: ROWS_OF_MANY if is_fleet(counts) else ROWS_MAX])
    more = sum(counts.get(state, 0) for state in TARGET_ENDED) - len(shown)
    return Section(rows(run, shown, role), summary, "", more, all_hosts_url(run, ""))
