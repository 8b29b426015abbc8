"""The list of hosts: search, filters, order and pages in the address; one row a host, and a selection of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from dashboard.screens.hosts.found import COLUMNS, SCRIPTS, STATES, hosts_on_page, narrowed
from dashboard.screens.hosts.rows import HostRow, host_rows
from dashboard.screens.places.asked import (
    Asked,
    Choice,
    Heading,
    Pages,
    headings,
    known_sort,
    orders,
    pages_of,
)
from dashboard.screens.places.kinds import CLUSTER, POD, ZONE
from dashboard.screens.places.list import above_filter
from dashboard.screens.servers.blocked import why_no_start
from dashboard.screens.words import count, figure
from maintenance.models import Host

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, slots=True)
class HostList:
    rows: list[HostRow]
    says: str
    asked: Asked
    headings: list[Heading]
    filters: list[tuple[str, str, list[Choice]]]
    orders: list[Choice]
    pages: Pages
    start_disabled: str


def host_list(asked: Asked, role: str) -> HostList:
    listed = Host.objects.filter(gone_at=None)
    found = narrowed(listed, asked)
    total, matching = listed.count(), found.count()
    pages = pages_of(asked, matching)
    says = count(total, "host")
    if asked.is_filtered:
        says = _("%(n)s of %(all)s") % {"n": figure(matching), "all": says}
    return HostList(
        rows=host_rows(hosts_on_page(found, asked, pages.rows)),
        says=says,
        asked=asked,
        headings=headings(asked, COLUMNS),
        filters=_filters(asked),
        orders=orders(asked, COLUMNS),
        pages=pages,
        start_disabled=why_no_start(role),
    )


def asked_of_hosts(asked: Asked) -> Asked:
    """What this list can answer."""
    return Asked(
        search=asked.search,
        zone=asked.zone,
        pod=asked.pod,
        cluster=asked.cluster,
        state=asked.state if asked.state in STATES else "",
        scripts=asked.scripts if asked.scripts in SCRIPTS else "",
        sort=known_sort(asked.sort, COLUMNS),
        page=asked.page,
    )


def _filters(asked: Asked) -> list[tuple[str, str, list[Choice]]]:
    return [
        *(above_filter(kind, getattr(asked, kind.name), asked) for kind in (ZONE, POD, CLUSTER)),
        ("state", _("State"), _choices(STATES, asked.state)),
        ("scripts", _("Scripts"), _choices(SCRIPTS, asked.scripts)),
    ]


def _choices(texts: "Mapping[str, StrPromise]", chosen: str) -> list[Choice]:
    return [Choice(str(value), str(text), value == chosen) for value, text in texts.items()]
