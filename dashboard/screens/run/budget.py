"""How many hosts are out of service where a run works, of how many that may be, and how fast the run is."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.words import count, figure
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_ENDED,
    TARGET_WAITING,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.models import Host, HostOut, Run
from maintenance.models.inventory import known_cloud

RATE_OVER = timedelta(hours=1)
RATE_FROM_HOSTS = 3
RATE_FROM_S = 60.0


@dataclass(frozen=True, slots=True)
class Budget:
    """`says`: 3 of 5 allowed out. `more`: who they are. Empty while nothing can be out because of the run."""

    says: str
    more: str


def run_budget(run: Run) -> Budget | None:
    """In the clusters that the run works in now, or comes to next: every host out of service counts, whoever took it
    out. So many clusters as may have hosts out at once; what is out in later ones is said beside it."""
    if run.kind == RunKind.HOST or run.state not in {RunState.RUNNING, RunState.PAUSED, RunState.STOPPING}:
        return None
    is_begun = Q(state__in=[*TARGET_BEGUN, TargetState.NEEDS_PERSON])
    is_left = Q(state__in=[*TARGET_WAITING, *TARGET_BEGUN, TargetState.CHECKING])
    open_clusters = (
        run.targets.filter(is_begun | is_left)
        .order_by()
        .values_list("cluster")
        .annotate(first=Min("order"), begun=Count("id", filter=is_begun), left=Count("id", filter=is_left))
        .order_by("first")
    )
    clusters = [cluster for cluster, _first, begun, _left in open_clusters if begun]
    coming = [cluster for cluster, _first, begun, _left in open_clusters if not begun]
    clusters_left = sum(bool(left) for _cluster, _first, _begun, left in open_clusters)
    lanes = max(len(clusters), min(run.clusters_in_parallel, clusters_left))
    allowed = lanes * run.max_unavailable
    come_to = lanes - len(clusters)
    found = _out_in(run, [*clusters, *coming[:come_to]], coming[come_to:])
    later = found.pop("later")
    out = sum(found.values())
    says = ngettext("%(n)s of %(allowed)s allowed out", "%(n)s of %(allowed)s allowed out", out)
    return Budget(says % {"n": figure(out), "allowed": figure(allowed)}, _who(found, later))


def _out_in(run: Run, clusters: list[UUID], later: list[UUID]) -> dict[str, int]:
    now = timezone.now()
    is_mine = Exists(HostOut.objects.filter(host=OuterRef("id"), run=run, closed_at=None))
    is_ours = Exists(HostOut.objects.filter(host=OuterRef("id"), closed_at=None))
    is_seen = known_cloud(now)
    in_service = Q(state="Up", resource_state="Enabled")
    listed = Host.objects.filter(cluster__in=[*clusters, *later], gone_at=None)
    here = Q(cluster__in=clusters)
    found = listed.annotate(mine=is_mine, ours=is_ours).aggregate(
        mine_count=Count("id", filter=here & Q(mine=True)),
        others_count=Count("id", filter=here & Q(mine=False) & is_seen & (Q(ours=True) | ~in_service)),
        unknown_count=Count("id", filter=here & Q(mine=False) & ~is_seen),
        later_count=Count("id", filter=~here & is_seen & (Q(ours=True) | ~in_service)),
    )
    return {name.removesuffix("_count"): number for name, number in found.items()}


def _who(found: dict[str, int], later: int) -> str:
    """2 by this run; 1 of them was already down"""
    parts = []
    if found["mine"]:
        parts.append(_("%(n)s by this run") % {"n": figure(found["mine"])})
    if found["others"]:
        words = ngettext(
            "%(n)s was already out, by others or by itself",
            "%(n)s were already out, by others or by themselves",
            found["others"],
        )
        parts.append(words % {"n": figure(found["others"])})
    if later:
        words = ngettext(
            "%(n)s more is out in clusters whose turn comes later",
            "%(n)s more are out in clusters whose turn comes later",
            later,
        )
        parts.append(words % {"n": figure(later)})
    if found["unknown"]:
        parts.append(_("%(n)s unknown: the cloud was not read lately") % {"n": figure(found["unknown"])})
    return "; ".join(parts)


def run_rate(run: Run) -> str:
    """148 hosts an hour, by the last hour, once enough have ended to tell."""
    if run.started_at is None or run.kind == RunKind.HOST:
        return ""
    until = run.finished_at or timezone.now()
    over_s = min(RATE_OVER, until - run.started_at).total_seconds()
    ended = run.targets.filter(
        state__in=TARGET_ENDED - {TargetState.CANCELLED}, finished_at__gt=until - timedelta(seconds=over_s)
    ).count()
    if ended < RATE_FROM_HOSTS or over_s < RATE_FROM_S:
        return ""
    return _("%(hosts)s an hour") % {"hosts": count(round(ended * 3600 / over_s), "host")}
