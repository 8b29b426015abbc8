"""Parts of the overview."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, simple
from dashboard.screens.events.telling import latest_events
from dashboard.screens.needs.list import overview_needs
from dashboard.screens.overview.clusters import cluster_line, clusters, clusters_summary
from dashboard.screens.overview.runs import run_cards
from dashboard.screens.overview.servers import jobs, servers
from dashboard.screens.overview.verdict import verdict
from maintenance.models import Host


def _cluster_of_host(_topic: str, host_id: str, _role: str) -> Context:
    cluster_id = Host.objects.filter(id=host_id).values_list("cluster", flat=True).first()
    line = cluster_line(cluster_id) if cluster_id else None
    return None if line is None else {"cluster": line, "element": line.id}


DRAWINGS: Mapping[Key, Drawing] = {
    ("overview", "verdict"): Drawing(
        "overview.html#verdict", "overview-verdict", simple("verdict", verdict), every_s=0.5
    ),
    ("overview", "runs"): Drawing(
        "overview.html#runs", "overview-runs", simple("runs", run_cards), every_s=0.5
    ),
    ("overview", "needs"): Drawing(
        "overview.html#needs",
        "overview-needs",
        lambda _t, _o, role: {"needs": overview_needs(role)},
        by_role=True,
        every_s=0.5,
    ),
    ("overview", "clusters-summary"): Drawing(
        "overview.html#clusters_summary",
        "clusters-summary",
        simple("clusters_summary", clusters_summary),
        every_s=CALM_S,
    ),
    ("overview", "clusters"): Drawing(
        "overview.html#clusters", "overview-clusters", simple("clusters", clusters), every_s=CALM_S
    ),
    ("overview", "cluster-of-host"): Drawing(
        "overview.html#cluster", "cluster-{}", _cluster_of_host, every_s=0.2
    ),
    ("overview", "servers"): Drawing(
        "overview.html#servers", "overview-servers", simple("servers", servers), every_s=CALM_S
    ),
    ("overview", "jobs"): Drawing(
        "overview.html#jobs", "overview-jobs", simple("jobs", jobs), every_s=CALM_S
    ),
    ("overview", "events"): Drawing(
        "overview.html#events", "overview-events", simple("events", latest_events), every_s=0.5
    ),
}
