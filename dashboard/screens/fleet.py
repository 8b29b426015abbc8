"""Hosts as they are now: the one place that joins the inventory with our open runs and our ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import IN_SERVICE, OUT_OF_SERVICE, SERVES_FLAGGED, Mark, host_mark
from dashboard.screens.words import figure, said
from maintenance.models import Host, HostOut, Target
from maintenance.models.inventory import known_cloud


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
    ours = _ours(hosts)
    open_ones = [of.target for of in ours.values() if of.target]
    targets: dict[UUID, Target] = {}
    if open_ones:
        opened = Target.objects.filter(id__in=open_ones).select_related("run")
        targets = {target.host_id: target for target in opened if target.host_id}
    now = timezone.now()
    found = []
    for host in hosts:
        target, of = targets.get(host.id), ours.get(host.id, NOTHING_OURS)
        drawn = host_mark(host, now, target=target, is_ours=of.is_out)
        found.append(_drawn(host, SERVES_FLAGGED if drawn == IN_SERVICE and of.is_flagged else drawn, target))
    return found


class _OfHost(NamedTuple):
    """What our own tables know of a host."""

    target: UUID | None  # the open one
    is_out: bool
    is_flagged: bool


NOTHING_OURS = _OfHost(None, False, False)


def _ours(hosts: Sequence[Host]) -> dict[UUID, _OfHost]:
    """Of those hosts that we know anything of. One statement in plain SQL: it is asked for each row that is pushed, and
    building it anew would cost more than asking it."""
    with connection.cursor() as cursor:
        cursor.execute(_OURS, [[host.id for host in hosts]])
        return {key: _OfHost(*row) for key, *row in cursor.fetchall()}


_OURS = """
WITH asked AS MATERIALIZED (SELECT unnest(%s::uuid[]) AS id), found AS (
    SELECT host_id, one.id AS target, false AS is_out, false AS is_flagged
    FROM maintenance_target AS one JOIN asked ON asked.id = host_id WHERE is_open
    UNION ALL SELECT host_id, NULL, true, false
    FROM maintenance_hostout JOIN asked ON asked.id = host_id WHERE closed_at IS NULL
    UNION ALL SELECT host_id, NULL, false, true
    FROM maintenance_attention JOIN asked ON asked.id = host_id WHERE resolved_at IS NULL
)
SELECT host_id, max(target::text)::uuid, bool_or(is_out), bool_or(is_flagged) FROM found GROUP BY host_id
"""


def _drawn(host: Host, mark: Mark, target: Target | None) -> DrawnHost:
    return DrawnHost(
        host=host,
        mark=mark,
        said=said(host.name),
        url=reverse("host", args=[host.id]),
        run_number=target.run.number if target else None,
        run_url=reverse("run", args=[target.run_id]) if target else "",
    )


# ---- counted where they are stored -------------------------------------------------------------------------------


class Service(StrEnum):
    """How a host serves, as it is counted. Of one that we took out we know that also while its cloud is silent."""

    IN = "in-service"
    OUT = "out"
    OTHERS = "others"
    DOWN = "down"
    UNKNOWN = "unknown"


NOT_ANSWERING = ("Down", "Alert", "Disconnected", "Error")


def with_service(hosts: QuerySet[Host]) -> QuerySet[Host]:
    """Each host with its `service`, for filters, orders and counts."""
    known = known_cloud(timezone.now())
    ours = Exists(HostOut.objects.filter(host=OuterRef("pk"), closed_at=None))
    return hosts.annotate(
        service=Case(
            When(ours, then=Value(Service.OUT.value)),
            When(known & Q(state="Up", resource_state="Enabled"), then=Value(Service.IN.value)),
            When(known & Q(resource_state__in=OUT_OF_SERVICE), then=Value(Service.OTHERS.value)),
            When(known & Q(state__in=NOT_ANSWERING), then=Value(Service.DOWN.value)),
            When(known & Q(resource_state="Disabled"), then=Value(Service.OTHERS.value)),
            default=Value(Service.UNKNOWN.value),
            output_field=CharField(),
        )
    )


def serving(hosts: QuerySet[Host], service: str) -> QuerySet[Host]:
    """Those that serve like this."""
    return with_service(hosts).filter(Q(service=service))


def count_of(service: Service) -> Count:
    """So many of `with_service` serve like this."""
    return Count("id", filter=Q(service=service.value))


def service_counts() -> tuple[int, int, int]:
    """Hosts listed, in service, and down (of those that are not)."""
    listed = Host.objects.filter(gone_at=None)
    good = Q(state="Up", resource_state="Enabled")
    found = listed.aggregate(
        total=Count("id"), good=Count("id", filter=good), down=Count("id", filter=~Q(state="Up"))
    )
    return found["total"], found["good"], found["down"]


def in_service_words() -> str:
    """All are in service. · 9 are in service, 1 is not. · How 3 are is not known. Beside the number of hosts."""
    total, good, unknown = _serving_and_unknown()
    if not total:
        return ""
    if unknown == total:
        return _("How they are now is not known.")
    if good == total:
        return _("All are in service.")
    serving = ngettext("%(n)s is in service", "%(n)s are in service", good) % {"n": figure(good)}
    return _with_the_others(serving, total - good - unknown, unknown)


def hosts_in_service_words() -> str:
    """The same beside the number of something else: All 9 hosts are in service."""
    total, good, unknown = _serving_and_unknown()
    if not total:
        return _("No host is listed.")
    if unknown == total:
        return _("How their hosts are now is not known.")
    if good == total:
        return ngettext("Their host is in service.", "All %(n)s hosts are in service.", total) % {
            "n": figure(total)
        }
    serving = ngettext(
        "%(good)s of %(n)s host is in service", "%(good)s of %(n)s hosts are in service", total
    )
    return _with_the_others(
        serving % {"good": figure(good), "n": figure(total)}, total - good - unknown, unknown
    )


def _serving_and_unknown() -> tuple[int, int, int]:
    """Hosts listed, in service, and not known."""
    listed = with_service(Host.objects.filter(gone_at=None))
    found = listed.aggregate(total=Count("id"), good=count_of(Service.IN), unknown=count_of(Service.UNKNOWN))
    return found["total"], found["good"], found["unknown"]


def _with_the_others(serving: str, away: int, unknown: int) -> str:
    words = [serving]
    if away:
        words.append(ngettext("%(n)s is not", "%(n)s are not", away) % {"n": figure(away)})
    if unknown:
        words.append(ngettext("%(n)s is not known", "%(n)s are not known", unknown) % {"n": figure(unknown)})
    return f"{', '.join(words)}."
