"""Hosts as they are now, drawn: the one place that joins the inventory with our open runs and our ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from dashboard.screens.marks import Mark, host_mark
from dashboard.screens.words import said
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


def service_counts() -> tuple[int, int, int]:
    """Hosts listed, in service, and down (of those that are not)."""
    listed = Host.objects.filter(gone_at=None)
    good = Q(state="Up", resource_state="Enabled")
    found = listed.aggregate(
        total=Count("id"), good=Count("id", filter=good), down=Count("id", filter=~Q(state="Up"))
    )
    return found["total"], found["good"], found["down"]


def in_service_words() -> str:
    """All are in service · 9 are in service, 1 is not."""
    total, good, _ = service_counts()
    if good == total:
        return "All are in service." if total else ""
    away = total - good
    return f"{good:,} {'is' if good == 1 else 'are'} in service, {away:,} {'is' if away == 1 else 'are'} not."
