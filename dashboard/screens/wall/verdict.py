"""The wall's first band: is anything wrong, what runs, how far, and when it ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.census import RUNNING, lost_instances
from dashboard.screens.fleet import Service
from dashboard.screens.marks import DOWN, NEEDS_PERSON, TAKEN, UNKNOWN, Mark, mark, moving
from dashboard.screens.run.outlook import held_runs, run_ends
from dashboard.screens.runs.name import finished_of
from dashboard.screens.runs.usual import Ends
from dashboard.screens.wall.now import Now, is_up
from dashboard.screens.words import count, figure
from dashboard.templatetags.pitstop import between
from maintenance.domain.states import RunState
from maintenance.models import Instance, Target

# So many letters fit into the first line, and into the second; more of them are written smaller.
WORD_FITS, FACTS_FIT = (20, 27), (48, 56)


@dataclass(frozen=True, slots=True)
class WallVerdict:
    """`fit`, `facts_fit`: 1 where the words have their whole size, more where they are written smaller."""

    says: str
    mark: Mark
    facts: list[SafeString]
    fit: int
    facts_fit: int
    is_quiet: bool


def verdict(now: Now) -> WallVerdict:
    says, drawn = _says(now)
    facts = _facts(now)
    letters = sum(len(_plain(fact)) for fact in facts) + 3 * (len(facts) - 1)
    return WallVerdict(says, drawn, facts, _fit(len(says), WORD_FITS), _fit(letters, FACTS_FIT), now.is_quiet)


def _says(now: Now) -> tuple[str, Mark]:
    """What takes away the ground comes first."""
    if not now.clouds:
        return _("No cloud yet"), UNKNOWN
    if now.silent is not None:
        return _("No engine answers"), UNKNOWN
    if now.is_no_server_up:
        return _("No server is Up"), DOWN
    if all(not cloud.is_known(now.at) for cloud in now.clouds):
        return ngettext("Cloud not read", "Clouds not read", len(now.clouds)), UNKNOWN
    if now.problems:
        words = ngettext("%(n)s needs a person", "%(n)s need a person", now.problems)
        return words % {"n": figure(now.problems)}, mark("Failed") if now.failed else NEEDS_PERSON
    if now.runs:
        return _of_runs(now)
    return _at_rest(now)


def _of_runs(now: Now) -> tuple[str, Mark]:
    """Runs that stand still are not told as if they went on."""
    if all(run.state == RunState.PAUSED for run in now.runs):
        return _("Maintenance paused"), mark(RunState.PAUSED)
    if len(held_runs(now.runs)) == len(now.runs):
        return _("Maintenance held"), mark("Waiting")
    return _("Maintenance running"), moving(_("Running"))


def _at_rest(now: Now) -> tuple[str, Mark]:
    hosts = now.hosts
    if hosts[Service.DOWN]:
        words = ngettext("%(n)s host down", "%(n)s hosts down", hosts[Service.DOWN])
        return words % {"n": figure(hosts[Service.DOWN])}, DOWN
    if hosts[Service.UNKNOWN]:
        words = ngettext("%(n)s host unknown", "%(n)s hosts unknown", hosts[Service.UNKNOWN])
        return words % {"n": figure(hosts[Service.UNKNOWN])}, UNKNOWN
    if out := hosts[Service.OUT] + hosts[Service.OTHERS]:
        return ngettext("%(n)s host out", "%(n)s hosts out", out) % {"n": figure(out)}, TAKEN
    if odd := sum(not is_up(server, now.at) for server in now.servers):
        return ngettext("%(n)s server not Up", "%(n)s servers not Up", odd) % {"n": figure(odd)}, TAKEN
    return _("All quiet"), Mark("Done", _("Quiet"), "done")


def _facts(now: Now) -> list[SafeString]:
    if now.is_quiet:
        return [
            format_html("{}", _("nothing running")),
            format_html("{}", _("nothing waits for a person")),
        ]
    return [fact for fact in (_progress(now), _end(now), _instances(now)) if fact]


def _progress(now: Now) -> SafeString | None:
    if not now.runs:
        return format_html("{}", _("nothing running"))
    runs = now.host_runs
    if not runs:
        return format_html(_("<b>{runs}</b> of servers"), runs=count(len(now.runs), "run"))
    targets = Target.objects.filter(run__in=runs).order_by()
    counts = dict(targets.values_list("state").annotate(n=Count("id")))
    return format_html(
        _("<b>{done} of {total}</b> hosts"),
        done=figure(finished_of(counts)),
        total=figure(sum(counts.values())),
    )


def _end(now: Now) -> SafeString | None:
    """When all of them will be over; nothing where that is not known of each."""
    found = [run_ends(run) for run in now.host_runs]
    ends = [one for one in found if one is not None]
    if not ends or len(ends) < len(found):
        return None
    last = Ends(max(one.low for one in ends), max(one.high for one in ends))
    return format_html(_("ends <b>{when}</b>"), when=between(last))


def _instances(now: Now) -> SafeString | None:
    """Those that run, against those that ran before; nothing of clouds that are not known just now."""
    known = [cloud.id for cloud in now.clouds if cloud.is_known(now.at)]
    if not known:
        return None
    running = Instance.objects.filter(cloud__in=known, gone_at=None, state__in=RUNNING).count()
    lost, _tenants = lost_instances([run.id for run in now.runs])
    if not running and not lost:
        return None
    return format_html(
        _("<b>{running} of {all}</b> instances up"), running=figure(running), all=figure(running + lost)
    )


def running_instances(now: Now) -> int:
    return Instance.objects.filter(now.profile.of(), gone_at=None, state__in=RUNNING).count()


def _plain(fact: SafeString) -> str:
    """Without its elements."""
    text, inside = "", False
    for letter in fact:
        inside = letter == "<" or (inside and letter != ">")
        text += letter if not inside and letter != ">" else ""
    return text


def _fit(letters: int, limits: Sequence[int]) -> int:
    return 1 + sum(letters > limit for limit in limits)
