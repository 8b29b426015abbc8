"""Hosts as they are now, drawn: the one place that joins the inventory with our open runs and our ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from dashboard.screens.marks import Mark, host_mark
from dashboard.screens.words import count, said
from maintenance.models import Host, HostOut, Target


@dataclass(frozen=True, slots=True)
class DrawnHost:
    """`run_number` and `run_url`: the run that has it, if any."""

    host: Host
    mark: Mark
    said: str
    url: str
    run_number: int | None
    run_url: str


def drawn_hosts(hosts: Sequence[Host]) -> list[DrawnHost]:
    """In the order given. Load the hosts with their cloud."""
    ids = [host.id for host in hosts]
    targets = {t.host_id: t for t in Target.objects.filter(host__in=ids, is_open=True).select_related("run")}
    out: set[UUID] = set(
        HostOut.objects.filter(host__in=ids, closed_at=None).values_list("host_id", flat=True)
    )
    now = timezone.now()
    return [
        _drawn(host, host_mark(host, now, target=(t := targets.get(host.id)), is_ours=host.id in out), t)
        for host in hosts
    ]


def _drawn(host: Host, mark: Mark, target: Target | None) -> DrawnHost:
    return DrawnHost(
        host=host,
        mark=mark,
        said=said(host.name),
        url=reverse("host", args=[host.id]),
        run_number=target.run.number if target else None,
        run_url=reverse("run", args=[target.run_id]) if target else "",
    )


def in_service_words() -> str:
    """10 hosts in service · 9 of 10 hosts in service."""
    listed = Host.objects.filter(gone_at=None)
    good = listed.filter(state="Up", resource_state="Enabled").count()
    total = listed.count()
    return (
        f"{count(total, 'host')} in service."
        if good == total
        else f"{good:,} of {count(total, 'host')} in service."
    )
