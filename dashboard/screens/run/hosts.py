"""Every host of a run in pages, by state and by name: where the short lists of the run's page lead to."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.translation import gettext as _

from dashboard.screens.actions import too_low
from dashboard.screens.run.choice import Choice
from dashboard.screens.run.rows import Row, rows
from dashboard.screens.runs.name import run_name, run_url
from dashboard.screens.runs.strip import SECTIONS
from dashboard.screens.words import count, figure
from maintenance.models import Run

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class AllHosts:
    number: int
    name: str
    run_url: str
    rows: list[Row]
    summary: str
    note: str
    states: list[Choice]
    search: str
    page: int
    pages: int
    previous: str
    next: str


def all_hosts(run: Run, role: str, *, state: str, search: str, page: int) -> AllHosts:
    """`search` is part of a host's or a cluster's name."""
    found = run.targets.prefetch_related("host").order_by("order")
    total = found.count()
    if state in SECTIONS:
        found = found.filter(state__in=SECTIONS[state][1])
    if search:
        found = found.filter(Q(name__icontains=search) | Q(cluster_name__icontains=search))
    matching = found.count()
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(page, pages)

    def query(to: int) -> str:
        asked = {"state": state, "search": search, "page": to if to > 1 else ""}
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    return AllHosts(
        number=run.number,
        name=run_name(run),
        run_url=run_url(run),
        rows=rows(run, list(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]), role),
        summary=_("%(n)s of %(hosts)s") % {"n": figure(matching), "hosts": count(total, "host")},
        note=too_low(role),
        states=[Choice(key, drawn.word, key == state) for key, (drawn, _states) in SECTIONS.items()],
        search=search,
        page=page,
        pages=pages,
        previous=query(page - 1) if page > 1 else "",
        next=query(page + 1) if page < pages else "",
    )
