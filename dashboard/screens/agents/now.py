"""A cloud's agents as they are: the verdict, settings, expected against actual, zones, drift, what is unwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.agents.words import change_mark, drift_words, finding_mark, finding_words, interval
from dashboard.screens.events.telling_words import data, sentence
from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.servers.marks import state_mark
from dashboard.screens.words import count, figure
from maintenance.agents_view import AgentsView, agents_view, rules_of
from maintenance.domain.agent_balance import DriftingAgent, Share, Spread
from maintenance.domain.balance_preview import Fewest
from maintenance.models import Cloud, CloudChange, Cluster, Zone

DRIFTING_SHOWN = 20
CHANGES_SHOWN = 3
BAR = 100


@dataclass(frozen=True, slots=True)
class ServerBar:
    """Widths are of the bar's hundred."""

    name: str
    url: str
    address: str
    mark: Mark
    preferred: int
    expected: int
    actual: int
    direct: int
    actual_width: float
    expected_at: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class ZoneLine:
    name: str
    url: str
    counts: str
    skew: int
    expected_skew: int


@dataclass(frozen=True, slots=True)
class DriftLine:
    name: str
    url: str
    server: str
    listed: str  # empty: not known
    expected: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    mark: Mark
    says: str
    answer: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Now:
    """`view` None: nothing of its settings is known. `drift_more`: how many drift beside those that are named."""

    cloud: Cloud
    title: str
    says: str
    then: str
    mark: Mark
    facts: Sequence[tuple[str, str, str]]
    bars: Sequence[ServerBar]
    zones: Sequence[ZoneLine]
    drifting: Sequence[DriftLine]
    drift_more: int
    findings: Sequence[tuple[Mark, str]]
    fewest: str
    changes: Sequence[ChangeLine]
    is_known: bool


def now_of(cloud_id: UUID) -> Now | None:
    cloud = Cloud.objects.filter(id=cloud_id).first()
    return None if cloud is None else now(cloud, agents_view(cloud))


def now(cloud: Cloud, view: AgentsView | None) -> Now:
    """A few queries, whatever the number of agents."""
    is_known = cloud.is_known(timezone.now())
    if view is None:
        says, then = _("How agents are spread is not known."), _("The cloud's settings were not read yet.")
        return Now(cloud, says, says, then, UNKNOWN, [], [], [], [], 0, [], "", _changes(cloud), is_known)
    spread = view.spread
    says, then, drawn = _verdict(view, spread, is_known=is_known)
    found = sorted(spread.drifting, key=lambda one: one.agent.name)
    return Now(
        cloud=cloud,
        title=_title(spread),
        says=says,
        then=then,
        mark=drawn,
        facts=_facts(view),
        bars=_bars(spread),
        zones=_zones(cloud, view, spread),
        drifting=[_drift(one, view) for one in found[:DRIFTING_SHOWN]],
        drift_more=max(0, len(found) - DRIFTING_SHOWN),
        findings=[(finding_mark(finding), finding_words(finding)) for finding in view.lint()],
        fewest=_fewest(view.fewest(), spread),
        changes=_changes(cloud),
        is_known=is_known,
    )


# ---- the verdict -----------------------------------------------------------------------------------------------------


def _title(spread: Spread) -> str:
    if not spread.drifting:
        return _("Agents")
    return _("%(n)s agents drift") % {"n": figure(len(spread.drifting))}


def _verdict(view: AgentsView, spread: Spread, *, is_known: bool) -> tuple[str, str, Mark]:
    fatal = next((finding for finding in view.lint() if finding.is_fatal), None)
    if not is_known:
        return (
            _("How agents are spread now is not known."),
            _("The cloud could not be read lately; this is how it was."),
            UNKNOWN,
        )
    if fatal is not None:
        return _("Agents cannot be told where to go."), finding_words(fatal), Mark("Failed", "", "failed")
    if spread.drifting:
        says = ngettext(
            "%(n)s of %(all)s is not as it should be.",
            "%(n)s of %(all)s are not as they should be.",
            len(spread.drifting),
        ) % {"n": figure(len(spread.drifting)), "all": count(spread.agents, "agent")}
        return says, _how(view, spread), Mark("NeedsPerson", "", "paused")
    if not spread.agents:
        return _("No agent is known yet."), _how(view, spread), Mark("Waiting", "", "waiting")
    says = ngettext("%(n)s agent is where it belongs.", "%(n)s agents are where they belong.", spread.agents)
    return says % {"n": figure(spread.agents)}, _how(view, spread), Mark("Done", "", "done")


def _how(view: AgentsView, spread: Spread) -> str:
    words = {
        "algorithm": view.settings.algorithm,
        "servers": count(len(view.settings.hosts), "server"),
        "skew": figure(spread.skew),
    }
    return (
        _("%(algorithm)s over %(servers)s; the fullest has %(skew)s more than the emptiest that is Up.")
        % words
    )


def _facts(view: AgentsView) -> list[tuple[str, str, str]]:
    """Label, value, and what it is called in CloudStack."""
    settings = view.settings
    names = dict(
        Cluster.objects.filter(id__in=settings.check_interval_of_cluster_s).values_list("id", "name")
    )
    own = ", ".join(
        f"{names.get(cluster, cluster)}: {interval(seconds)}"
        for cluster, seconds in settings.check_interval_of_cluster_s.items()
    )
    algorithm = settings.algorithm
    if algorithm == "shuffle":
        algorithm = _("shuffle – not recommended for production")
    minutes = _("%(n)s min") % {"n": figure(settings.maintenance_timeout_min)}
    passed = _("are passed over") if settings.ignore_maintenance_hosts else _("hold a server")
    return [
        (_("Algorithm"), algorithm, "indirect.agent.lb.algorithm"),
        (_("Servers, in order"), ", ".join(settings.hosts) or "–", "host"),
        (_("Check interval"), interval(settings.check_interval_s), "indirect.agent.lb.check.interval"),
        (_("Clusters with their own"), own or _("none"), "indirect.agent.lb.check.interval"),
        (_("Maintenance timeout"), minutes, "management.server.maintenance.timeout"),
        (_("Hosts in maintenance"), passed, "management.server.maintenance.ignore.maintenance.hosts"),
    ]


# ---- servers, zones, agents ------------------------------------------------------------------------------------------


def _bars(spread: Spread) -> list[ServerBar]:
    widest = max([1, *(max(share.expected, share.actual) for share in spread.shares)])
    return [_bar(share, widest) for share in spread.shares]


def _bar(share: Share, widest: int) -> ServerBar:
    server = share.server
    if server is None:
        drawn = Mark("Unknown", _("no server is known there"), "unknown")
    else:
        drawn = UNKNOWN if server.state is None else state_mark(server.state)
    return ServerBar(
        name=share.name,
        url=reverse("server", args=[server.id]) if server else "",
        address=share.address,
        mark=drawn,
        preferred=share.preferred,
        expected=share.expected,
        actual=share.actual,
        direct=share.direct,
        actual_width=round(BAR * share.actual / widest, 1),
        expected_at=round(BAR * share.expected / widest, 1),
        is_right=share.actual - share.direct == share.expected,
    )


def _zones(cloud: Cloud, view: AgentsView, spread: Spread) -> list[ZoneLine]:
    names = dict(Zone.objects.filter(cloud=cloud).values_list("id", "name"))
    servers = view.servers.by_id
    lines = [
        ZoneLine(
            name=names.get(zone.zone, str(zone.zone)),
            url=reverse("zone", args=[zone.zone]) if zone.zone in names else "",
            counts=", ".join(f"{servers[id].name} {figure(n)}" for id, n in zone.actual.items()),
            skew=zone.skew,
            expected_skew=zone.expected_skew,
        )
        for zone in spread.zones
    ]
    return sorted(lines, key=lambda line: (-line.skew, line.name))


def _drift(one: DriftingAgent, view: AgentsView) -> DriftLine:
    agent = one.agent
    server = view.servers.by_id.get(agent.server) if agent.server else None
    should_s = rules_of(view.settings).interval_for(agent.cluster)
    return DriftLine(
        name=agent.name,
        url=reverse("host", args=[agent.key.id]) if agent.key.kind == "host" else "",
        server=server.name if server else "",
        listed="" if agent.listed is None else kept_as(agent.listed, agent.algorithm),
        expected=kept_as(one.expected, view.settings.algorithm),
        reasons=[drift_words(reason, agent.interval_s, should_s) for reason in one.reasons],
    )


def kept_as(listed: Sequence[str], algorithm: str) -> str:
    """As an agent's own file has it: `a,b,c@roundrobin`."""
    return ",".join(listed) + (f"@{algorithm}" if algorithm else "")


def _fewest(fewest: Fewest, spread: Spread) -> str:
    if not fewest.moves:
        return _("Over all zones the servers that are Up hold equally many, within one.")
    loads = ", ".join(f"{load.name} {figure(load.after)}" for load in fewest.loads)
    says = _(
        "%(moves)s would make the servers hold equally many over all zones: %(loads)s. "
        "Round robin counts zone by zone, so it may need more, and end less even."
    )
    return sentence(says, moves=count(fewest.moves, "move"), loads=data(loads))


def _changes(cloud: Cloud) -> list[ChangeLine]:
    rows = CloudChange.objects.filter(cloud=cloud).order_by("-asked_at")[:CHANGES_SHOWN]
    return [
        ChangeLine(change_mark(row), _asked(row), row.answer, row.asked_by, row.ended_at or row.asked_at)
        for row in rows
    ]


def _asked(change: CloudChange) -> str:
    if change.kind == "rebalance":
        return _("Send all agents to their preferred servers")
    kept = change.change
    told = {
        "algorithm": _("algorithm %(value)s"),
        "hosts": _("servers %(value)s"),
        "check_interval_s": _("check interval %(value)s s"),
        "maintenance_timeout_min": _("maintenance timeout %(value)s min"),
    }
    said = [
        text % {"value": ", ".join(kept[name]) if name == "hosts" else kept[name]}
        for name, text in told.items()
        if name in kept
    ]
    if "ignore_maintenance_hosts" in kept:
        is_passed_over = kept["ignore_maintenance_hosts"]
        said.append(
            _("hosts in maintenance are passed over")
            if is_passed_over
            else _("hosts in maintenance hold a server that prepares")
        )
    if own := kept.get("check_interval_of_cluster_s"):
        said.append(_("own intervals of %(clusters)s") % {"clusters": count(len(own), "cluster")})
    return _("Change: %(what)s") % {"what": "; ".join(said) or "–"}
