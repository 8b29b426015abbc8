"""The figures beside the lines of the navigation. Each is asked for alone when it may have changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark, mark, moving
from dashboard.screens.needs.seen import open_count
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.system_vms.census import SECURITY, census
from dashboard.screens.words import figure
from maintenance.domain.states import RUN_ACTIVE, RunState
from maintenance.domain.system_vms import UpdateState
from maintenance.engine.attention import VM_CAUSES
from maintenance.models import Agent, Attention, Host, ManagementServer, PendingJob, Run

# Of management servers the worst is shown; Up is not: nothing is to be said.
_WORST_FIRST = ("Down", "Unknown", "Stopping", "Preparing", "Skipped")


@dataclass(frozen=True, slots=True)
class NavCount:
    """A figure beside a line; empty when there is nothing to say. `title`: what it makes of the tab's title."""

    id: str
    text: str
    mark: Mark | None
    title: str = ""


def nav_counts() -> list[NavCount]:
    return [count() for count in COUNTS.values()]


def _runs() -> NavCount:
    """In progress, with their worst state."""
    runs = list(Run.objects.filter(state__in=RUN_ACTIVE).values_list("state", flat=True))
    worst = mark(RunState.PAUSED) if RunState.PAUSED in runs else moving(_("in progress"))
    return NavCount("nav-runs", figure(len(runs)) if runs else "", worst if runs else None)


def _needs() -> NavCount:
    needs = open_count()
    title = ngettext("! %(n)s needs you – Pitstop", "! %(n)s need you – Pitstop", needs) % {
        "n": figure(needs)
    }
    if not needs:
        return NavCount("nav-needs", "", None)
    return NavCount("nav-needs", figure(needs), mark("NeedsPerson"), title)


def _hosts() -> NavCount:
    hosts = Host.objects.filter(gone_at=None).count()
    return NavCount("nav-hosts", figure(hosts) if hosts else "", None)


def _jobs() -> NavCount:
    """As many as the list shows."""
    jobs = PendingJob.objects.filter(gone_at=None).count()
    return NavCount("nav-jobs", figure(jobs) if jobs else "", None)


def _servers() -> NavCount:
    """With the worst state of one that is not Up."""
    now = timezone.now()
    marks = [
        server_mark(server, now)
        for server in ManagementServer.objects.filter(gone_at=None).select_related("cloud")
    ]
    odd = [one for one in marks if one.state in _WORST_FIRST]
    worst = min(odd, key=lambda one: _WORST_FIRST.index(one.state)) if odd else None
    return NavCount("nav-servers", figure(len(marks)) if marks else "", worst)


def _agents() -> NavCount:
    agents = Agent.objects.filter(gone_at=None).count()
    return NavCount("nav-agents", figure(agents) if agents else "", None)


def _system_vms() -> NavCount:
    """How many have an update, those that fix security told apart; what needs a person is told first."""
    counts = census().counts
    updates = counts[SECURITY] + counts[UpdateState.AVAILABLE] + counts[UpdateState.WAITS]
    drawn = Mark("Available", _("updates"), "available")
    if counts[SECURITY]:
        drawn = Mark("Available", _("updates, some fix security"), "available")
    if Attention.objects.filter(resolved_at=None, cause__in=VM_CAUSES).exists():
        drawn = mark("NeedsPerson")
    elif not updates:
        return NavCount("nav-system-vms", "", None)
    return NavCount("nav-system-vms", figure(updates), drawn)


COUNTS: Mapping[str, Callable[[], NavCount]] = {
    "nav-runs": _runs,
    "nav-needs": _needs,
    "nav-hosts": _hosts,
    "nav-jobs": _jobs,
    "nav-servers": _servers,
    "nav-agents": _agents,
    "nav-system-vms": _system_vms,
}
