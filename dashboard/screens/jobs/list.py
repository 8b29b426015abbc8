"""The list of pending jobs: search, server, order and page stand in the address."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Collate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.jobs.rows import JobRow, job_rows, pending
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import (
    Choice,
    Column,
    Heading,
    Pages,
    headings,
    known_sort,
    orders,
    pages_of,
)
from dashboard.screens.words import count, figure
from maintenance.models import ManagementServer, PendingJob

COLUMNS = (
    Column("age", gettext_lazy("Age"), is_number=True),
    Column("command", gettext_lazy("Command")),
    Column("resource", gettext_lazy("Resource type")),
    Column("account", gettext_lazy("Account")),
    Column("domain", gettext_lazy("Domain")),
    Column("server", gettext_lazy("Server")),
    Column("progress", gettext_lazy("Progress"), is_number=True, most_first=True),
)
_SORTED_BY = {
    "command": "name",
    "resource": "resource_type",
    "account": "account",
    "domain": "domain",
    "server": "management_server__name",
}


@dataclass(frozen=True, slots=True)
class AskedJobs:
    """Nothing asked is everything, the oldest first. Has what `places/asked.py` needs to make headings and pages."""

    search: str = ""
    server: UUID | None = None
    sort: str = ""
    page: int = 1

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.server)

    @property
    def is_plain(self) -> bool:
        """The list that everybody sees who asked for nothing: it is pushed whole."""
        return not self.is_filtered and not self.sort and self.page == 1

    def address(self, **changes: object) -> str:
        asked = replace(self, **changes)  # type: ignore[arg-type]
        said = {
            "search": asked.search,
            "server": asked.server,
            "sort": asked.sort,
            "page": asked.page if asked.page > 1 else "",
        }
        return "?" + urlencode({name: str(value) for name, value in said.items() if value})


@dataclass(frozen=True, slots=True)
class JobList:
    asked: AskedJobs
    says: str
    headings: list[Heading]
    rows: list[JobRow]
    filters: list[tuple[str, str, list[Choice]]]
    orders: list[Choice]
    pages: Pages


@dataclass(frozen=True, slots=True)
class Total:
    """The heading: how many there are, and where."""

    title: str
    says: str
    then: str


def total() -> Total:
    """One query."""
    by_server = list(
        pending().order_by().values_list("management_server__name").annotate(n=Count("id")).order_by("-n")
    )
    jobs = sum(n for _name, n in by_server)
    says = ngettext("%(n)s job is pending.", "%(n)s jobs are pending.", jobs) % {"n": figure(jobs)}
    if not jobs:
        return Total(_("Pending jobs"), _("No job is pending."), "")
    servers = len({name for name, _n in by_server if name})
    then = ngettext("On %(n)s management server.", "On %(n)s management servers.", servers) % {
        "n": figure(servers)
    }
    return Total(_("%(jobs)s pending") % {"jobs": count(jobs, "job")}, says, then if servers else "")


def job_list(asked: AskedJobs) -> JobList:
    asked = replace(asked, sort=known_sort(asked.sort, COLUMNS))
    found = _narrowed(asked)
    matching = found.count()
    pages = pages_of(asked, matching)  # type: ignore[arg-type]
    return JobList(
        asked=asked,
        says=count(matching, "job"),
        headings=_as_shown(headings(asked, COLUMNS)),  # type: ignore[arg-type]
        rows=job_rows(_sorted(found, asked)[pages.rows]),
        filters=[("server", _("Server"), _servers(asked))],
        orders=orders(asked, COLUMNS),  # type: ignore[arg-type]
        pages=pages,
    )


def _as_shown(found: list[Heading]) -> list[Heading]:
    """The age orders a list that asks for nothing, and stands near its end."""
    return [*found[1:-1], found[0], found[-1]]


def _narrowed(asked: AskedJobs) -> QuerySet[PendingJob]:
    found = pending()
    if asked.server:
        found = found.filter(management_server=asked.server)
    if asked.search:
        columns = ("name", "resource_name", "resource_type", "account", "domain")
        wanted = Q()
        for column in columns:
            wanted |= Q(**{f"{column}__icontains": asked.search})
        found = found.filter(wanted)
    return found


def _sorted(found: QuerySet[PendingJob], asked: AskedJobs) -> QuerySet[PendingJob]:
    """Among equals the oldest first."""
    if asked.column in _SORTED_BY:
        key: F | Collate = natural_key(_SORTED_BY[asked.column])
    elif asked.column == "progress":
        key = F("progress")
    else:
        return found.order_by("-created" if asked.is_descending else "created", "id")
    first = key.desc(nulls_last=True) if asked.is_descending else key.asc(nulls_last=True)
    return found.order_by(first, "created", "id")


def _servers(asked: AskedJobs) -> list[Choice]:
    listed = ManagementServer.objects.filter(gone_at=None).order_by(natural_key("name"), "id")
    found = listed.values_list("id", "name")
    return [Choice(str(key), name, key == asked.server) for key, name in found]
