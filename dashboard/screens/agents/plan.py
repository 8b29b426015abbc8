"""A change of agent balance before it is made: the form, what it would do, and the button that does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS
from dashboard.screens.agents.words import finding_mark, finding_words
from dashboard.screens.marks import Mark
from dashboard.screens.places.asked import Choice
from dashboard.screens.words import count
from maintenance.actions.errors import BadInput
from maintenance.agents_view import AgentsView
from maintenance.backends.servers import BalanceChange
from maintenance.domain.balance_preview import Flow, Load, Mover, Preview
from maintenance.domain.servers import ALGORITHMS
from maintenance.models import Cloud, Cluster

FIELDS = ("algorithm", "host", "checkinterval", "cluster", "clusterinterval")
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
    """`given`: what stands in the form. `shown` None: nothing to preview yet."""

    cloud: Cloud
    given: Mapping[str, str]
    algorithms: Sequence[Choice]
    clusters: Sequence[Choice]
    shown: Shown | None
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
        shown=None if preview is None else shown(preview),
        disabled=too_low(role),
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
    }


def change_of(given: Mapping[str, str], view: AgentsView) -> BalanceChange:
    """What differs from what is in force. Raises: BadInput naming the field."""
    now = in_force(view)
    hosts = tuple(given.get("host", now["host"]).split(","))
    is_other = [h.strip() for h in hosts] != list(view.settings.hosts)
    algorithm = given.get("algorithm", now["algorithm"])
    seconds = _whole("checkinterval", given.get("checkinterval", now["checkinterval"]))
    return BalanceChange(
        hosts=hosts if is_other else None,
        algorithm=algorithm if algorithm != view.settings.algorithm else None,
        check_interval_s=seconds if seconds != view.settings.check_interval_s else None,
        check_interval_of_cluster_s=_own(given),
    )


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


def too_low(role: str) -> str:
    """Why this role changes nothing; empty where it may."""
    if role in ADMINISTRATORS:
        return ""
    return _("Your role is %(role)s. Administrators can do this.") % {"role": role or _("none")}
