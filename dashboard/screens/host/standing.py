"""One host's page: what everything on it is derived from, loaded once. Its parts are the files beside this one."""

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from dashboard.screens.marks import Mark, host_mark
from maintenance.models import Host, HostOut, Target


@dataclass(frozen=True, slots=True)
class Standing:
    """The host as it stands: in the inventory, in our runs, in our ledger."""

    host: Host
    target: Target | None  # its open target, with its run
    out: HostOut | None  # our open ledger row
    mark: Mark


def standing(host_id: UUID) -> Standing | None:
    host = (
        Host.objects.select_related("cloud", "cluster__pod__zone", "management_server")
        .filter(id=host_id)
        .first()
    )
    if host is None:
        return None
    target = Target.objects.filter(host=host, is_open=True).select_related("run").first()
    out = HostOut.objects.filter(host=host, closed_at=None).select_related("run", "target").first()
    return Standing(
        host, target, out, host_mark(host, timezone.now(), target=target, is_ours=out is not None)
    )
