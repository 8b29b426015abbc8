"""A run at a glance: its hosts in a strip, and whether all instances are there."""

from dataclasses import dataclass

from dashboard.screens.census import Census, census
from dashboard.screens.run_rows import all_hosts_url
from dashboard.screens.strip import Strip, counts_of, strip
from maintenance.models import Run


@dataclass(frozen=True, slots=True)
class Progress:
    strip: Strip
    census: Census
    all_url: str


def run_progress(run: Run) -> Progress:
    return Progress(strip(run, counts_of(run)), run_census(run), all_hosts_url(run, ""))


def run_census(run: Run) -> Census:
    """Over the clusters that the run works in."""
    clusters = list(run.targets.order_by().values_list("cluster", flat=True).distinct())
    return census(run.cloud, [run.id], clusters)
