"""A change of agent balance before it is made: the form, what it would do, and the button that does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.screens.actions import too_low_to_administer
from dashboard.screens.agents.words import finding_mark, finding_words
from dashboard.screens.marks import Mark
from dashboard.screens.places.asked import Choice
from dashboard.screens.words import count, figure
from maintenance.actions.errors import BadInput
from maintenance.agents_view import AgentsView
from maintenance.backends.servers import BalanceChange
from maintenance.domain.balance_preview import Flow, Load, Mover, Preview
from maintenance.domain.servers import ALGORITHMS
from maintenance.models import Cloud, Cluster

FIELDS = (
    *("algorithm", "host", "checkinterval", "cluster", "clusterinterval"),
    *("maintenancetimeout", "ignoremaintenancehosts"),
)
YES, NO = "true", "false"
CLUSTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """What a preview says."""

    says: str
    then: str
    flows: Sequence[Flow]
    loads: Sequence[Load]
    first: Sequence[Mover]
    more: int
    findings: Sequence[tuple[Mark, str]]
    fewest: int
    is_certain: bool
    hash: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`given`: what stands in the form. `shown` None: nothing to preview yet. `besides`: what changes without that
    anybody moves."""

    cloud: Cloud
    given: Mapping[str, str]
    algorithms: Sequence[Choice]
    clusters: Sequence[Choice]
    passes_over: Sequence[Choice]
    shown: Shown | None
    besides: Sequence[str]
    disabled: str
    errors: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False  # another plan than the one that was agreed to


def plan(
    cloud: Cloud,
    view: AgentsView,
    given: Mapping[str, str],
    preview: Preview | None,
    role: str,
    *,
    errors: Mapping[str, str] | None = None,
    is_new: bool = False,
) -> Plan:
    filled = {**in_force(view), **given}
    texts = {
        "static": _("static – everybody the list as it is written"),
        "roundrobin": _("roundrobin – evenly, zone by zone"),
        "shuffle": _("shuffle – not recommended for production"),
    }
    clusters = Cluster.objects.filter(cloud=cloud, gone_at=None).order_by("name")[:CLUSTERS_MAX]
    return Plan(
        cloud=cloud,
        given=filled,
        algorithms=[Choice(name, texts[name], name == filled["algorithm"]) for name in ALGORITHMS],
        clusters=[Choice(str(row.id), row.name, str(row.id) == filled["cluster"]) for row in clusters],
        passes_over=[
            Choice(NO, _("no – they hold the server"), filled["ignoremaintenancehosts"] != YES),
            Choice(YES, _("yes – they hold nothing"), filled["ignoremaintenancehosts"] == YES),
        ],
        shown=None if preview is None else shown(preview),
        besides=[] if preview is None else _besides(change_of(given, view), view),
        disabled=too_low_to_administer(role),
        errors=errors or {},
        is_new=is_new,
    )


def in_force(view: AgentsView) -> dict[str, str]:
    """What stands in a form that nobody has filled in."""
    return {
        "algorithm": view.settings.algorithm,
        "host": ", ".join(view.settings.hosts),
        "checkinterval": str(view.settings.check_interval_s),
        "cluster": "",
        "clusterinterval": "",
        "maintenancetimeout": str(view.settings.maintenance_timeout_min),
        "ignoremaintenancehosts": YES if view.settings.ignore_maintenance_hosts else NO,
    }


def change_of(given: Mapping[str, str], view: AgentsView) -> BalanceChange:
    """What differs from what is in force. Raises: BadInput naming the field."""
    now = in_force(view)
    hosts = tuple(given.get("host", now["host"]).split(","))
    is_other = [h.strip() for h in hosts] != list(view.settings.hosts)
    algorithm = given.get("algorithm", now["algorithm"])
    seconds = _whole("checkinterval", given.get("checkinterval", now["checkinterval"]))
    minutes = _minutes(given.get("maintenancetimeout", now["maintenancetimeout"]))
    passes_over = _yes_or_no(given.get("ignoremaintenancehosts", now["ignoremaintenancehosts"]))
    return BalanceChange(
        hosts=hosts if is_other else None,
        algorithm=algorithm if algorithm != view.settings.algorithm else None,
        check_interval_s=seconds if seconds != view.settings.check_interval_s else None,
        check_interval_of_cluster_s=_own(given),
        maintenance_timeout_min=minutes if minutes != view.settings.maintenance_timeout_min else None,
        ignore_maintenance_hosts=passes_over
        if passes_over != view.settings.ignore_maintenance_hosts
        else None,
    )


def _besides(change: BalanceChange, view: AgentsView) -> list[str]:
    """What of the change is about servers that prepare, and not about where agents go."""
    found = []
    if change.maintenance_timeout_min is not None:
        says = _(
            "A server has %(then)s min to prepare for maintenance, no longer %(now)s: no agent moves by this."
        )
        minutes = {"then": change.maintenance_timeout_min, "now": view.settings.maintenance_timeout_min}
        found.append(says % {name: figure(value) for name, value in minutes.items()})
    if change.ignore_maintenance_hosts is True:
        found.append(
            _("Agents on hosts in maintenance no longer hold a server that prepares: no agent moves by this.")
        )
    if change.ignore_maintenance_hosts is False:
        found.append(
            _("Agents on hosts in maintenance hold a server that prepares again: no agent moves by this.")
        )
    return found


def _own(given: Mapping[str, str]) -> dict[UUID, int | None]:
    text = given.get("cluster", "")
    if not text:
        return {}
    try:
        cluster = UUID(text)
    except ValueError:
        raise BadInput(_("Choose one of the clusters."), field="cluster", bad=text) from None
    seconds = given.get("clusterinterval", "")
    return {cluster: _whole("clusterinterval", seconds) if seconds else None}


def _minutes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadInput(_("Give whole minutes."), field="maintenancetimeout", bad=text)
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text not in {YES, NO}:
        raise BadInput(_("Choose one of the two."), field="ignoremaintenancehosts", bad=text)
    return text == YES


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadInput(_("Give whole seconds; 0 is off."), field=name, bad=text)
    return int(text)


def shown(preview: Preview) -> Shown:
    says = _("Nobody moves.")
    if preview.moving:
        says = _("%(n)s of %(all)s move.") % {
            "n": count(preview.moving, "agent"),
            "all": preview.agents,
        }
    later = preview.moving - preview.by_themselves
    then = _("%(n)s get another list.") % {"n": count(preview.sent_lists, "agent")}
    if later:
        then += " " + _("%(n)s of those that move stay until they are sent home or connect anew.") % {
            "n": count(later, "agent")
        }
    return Shown(
        says=says,
        then=then,
        flows=preview.flows,
        loads=preview.loads,
        first=preview.first,
        more=preview.moving - len(preview.first),
        findings=[(finding_mark(finding), finding_words(finding)) for finding in preview.findings],
        fewest=preview.fewest.moves,
        is_certain=preview.is_certain,
        hash=preview.hash,
    )
