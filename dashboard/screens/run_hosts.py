"""Every host of a run in pages, by state and by name: where the short lists of the run's page lead to."""

from dataclasses import dataclass
from urllib.parse import urlencode

from dashboard.screens.run_choice import Choice
from dashboard.screens.run_head import run_name, run_url
from dashboard.screens.run_rows import PAGE_ROWS, Row, rows
from dashboard.screens.strip import SECTIONS
from dashboard.screens.words import count
from maintenance.models import Run


@dataclass(frozen=True, slots=True)
class AllHosts:
    number: int
    name: str
    run_url: str
    rows: list[Row]
    summary: str
    states: list[Choice]
    search: str
    page: int
    pages: int
    previous: str
    next: str


def all_hosts(run: Run, role: str, *, state: str, search: str, page: int) -> AllHosts:
    found = run.targets.order_by("order")
    total = found.count()
    if state in SECTIONS:
        found = found.filter(state__in=SECTIONS[state][1])
    if search:
        found = found.filter(host_name__icontains=search)
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
        summary=f"{matching:,} of {count(total, 'host')}",
        states=[Choice(key, drawn.word, key == state) for key, (drawn, _) in SECTIONS.items()],
        search=search,
        page=page,
        pages=pages,
        previous=query(page - 1) if page > 1 else "",
        next=query(page + 1) if page < pages else "",
    )
