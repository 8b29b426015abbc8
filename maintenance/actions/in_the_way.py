"""Runs over hosts and restarts of management servers refuse each other, so that neither waits for the other for ever.

A single server that prepares is another matter: it waits for the jobs of a run over hosts, and says so.
"""

from maintenance.actions.errors import Conflict
from maintenance.actions.run_numbers import owner_of, runs_begin_one_by_one
from maintenance.domain.states import RUN_ACTIVE, RunKind
from maintenance.models import Cloud, Run


def at_work_elsewhere(cloud: Cloud) -> None:
    """A restart moves every agent and shuts doors that a run over hosts needs: one waits for the other. Of two that
    are asked for at the same moment the second sees the first.

    Raises: Conflict naming the run over hosts.
    """
    runs_begin_one_by_one()
    hosts = Run.objects.filter(
        cloud=cloud, kind__in=[RunKind.ROLLING, RunKind.HOST], state__in=RUN_ACTIVE
    ).order_by("number")
    run = hosts.first()
    if run is not None:
        raise Conflict(
            f"run {run.number} (started by {run.started_by}) works on hosts; restart the servers when it is over",
            owner=owner_of(run),
        )


def restart_in_the_way(cloud: Cloud) -> None:
    """The other way round: no run over hosts begins while servers are restarted. Raises: Conflict naming that run."""
    runs_begin_one_by_one()
    run = Run.objects.filter(cloud=cloud, kind=RunKind.SERVER_RESTART, state__in=RUN_ACTIVE).first()
    if run is not None:
        raise Conflict(
            f"run {run.number} (started by {run.started_by}) restarts management servers; start when it is over",
            owner=owner_of(run),
        )
