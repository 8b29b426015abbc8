"""What a place is made of: the pods of a zone, the clusters of a pod, the hosts of a cluster. The first page of the
list that can be searched and sorted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from dashboard.screens.hosts.found import COLUMNS as HOST_COLUMNS
from dashboard.screens.hosts.found import sorted_hosts
from dashboard.screens.hosts.rows import HostRow, host_rows
from dashboard.screens.places.asked import PAGE_ROWS, Asked, Heading, headings
from dashboard.screens.places.kinds import BY_PLURAL, Kind
from dashboard.screens.places.list import COLUMNS, sorted_places
from dashboard.screens.places.rows import PlaceRow, place_rows
from dashboard.screens.servers.blocked import why_no_start
from maintenance.models import Host


@dataclass(frozen=True, slots=True)
class Below:
    """`all_url`: the same in the list, with its filters. Of a cluster the rows are hosts, otherwise places."""

    plural: str
    title: str
    hosts: list[HostRow]
    places: list[PlaceRow]
    headings: Sequence[Heading]
    total: int
    all_url: str
    start_disabled: str

    @property
    def more(self) -> int:
        return self.total - len(self.hosts) - len(self.places)


def below(kind: Kind, place: Any, role: str) -> Below:
    """The headings lead to the list, sorted like that."""
    asked = Asked(**{kind.name: place.id})
    url = reverse(kind.below)
    hosts: list[HostRow] = []
    places: list[PlaceRow] = []
    if kind.below == "hosts":
        there = Host.objects.filter(gone_at=None, cluster=place.id)
        hosts = host_rows(list(sorted_hosts(there, Asked()).values_list("id", flat=True)[:PAGE_ROWS]))
        heads = headings(asked, HOST_COLUMNS)
    else:
        child = BY_PLURAL[kind.below]
        there = child.listed().filter(**{kind.name: place.id})
        first = sorted_places(child, there, Asked()).values_list("id", flat=True)[:PAGE_ROWS]
        places = place_rows(child, list(first))
        heads = headings(asked, COLUMNS)
    return Below(
        plural=kind.below,
        title=str(kind.below_title),
        hosts=hosts,
        places=places,
        headings=[Heading(h.key, h.title, url + h.url, "", h.is_number) for h in heads],
        total=there.count(),
        all_url=url + asked.address(),
        start_disabled=why_no_start(role),
    )
