"""What a list's address asks for – search, filters, order, page – and the addresses of its other views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """Nothing asked is everything, in its natural order. `sort` is a column's key, with a minus from its end."""

    search: str = ""
    zone: UUID | None = None
    pod: UUID | None = None
    cluster: UUID | None = None
    state: str = ""
    scripts: str = ""
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
        return bool(self.search or self.zone or self.pod or self.cluster or self.state or self.scripts)

    def address(self, **changes: object) -> str:
        """The same list, with these changes; a change of order begins at the first page."""
        asked = replace(self, **changes)  # type: ignore[arg-type]
        said = {
            "search": asked.search,
            "zone": asked.zone,
            "pod": asked.pod,
            "cluster": asked.cluster,
            "state": asked.state,
            "scripts": asked.scripts,
            "sort": asked.sort,
            "page": asked.page if asked.page > 1 else "",
        }
        return "?" + urlencode({name: str(value) for name, value in said.items() if value})


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be sorted by. `most_first`: its first click shows the largest."""

    key: str
    title: "StrPromise"
    is_number: bool = False
    most_first: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading: where a click on it leads, and whether the list is sorted by it (`aria-sort`)."""

    key: str
    title: str
    url: str
    sorted: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a filter."""

    value: str
    text: str
    is_chosen: bool


def headings(asked: Asked, columns: Sequence[Column]) -> list[Heading]:
    """The first column is the order of a list that was not asked for any."""
    return [_heading(asked, column, is_first=column is columns[0]) for column in columns]


def _heading(asked: Asked, column: Column, *, is_first: bool) -> Heading:
    is_current = asked.column == column.key or (is_first and not asked.sort)
    sorted_ = ("descending" if asked.is_descending else "ascending") if is_current else ""
    from_its_end = not asked.is_descending if is_current else column.most_first
    sort = ("-" if from_its_end else "") + column.key
    if is_first and not from_its_end:
        sort = ""
    return Heading(column.key, str(column.title), asked.address(sort=sort, page=1), sorted_, column.is_number)


def orders(asked: Asked, columns: Sequence[Column]) -> list[Choice]:
    """The same orders as a filter, for narrow screens that show no headings: each column its first way round."""
    found = []
    for column in columns:
        sort = "" if column is columns[0] else ("-" if column.most_first else "") + column.key
        is_chosen = asked.column == column.key or (column is columns[0] and not asked.sort)
        found.append(Choice(asked.sort if is_chosen else sort, str(column.title), is_chosen))
    return found


def known_sort(sort: str, columns: Sequence[Column]) -> str:
    """The order, if there is such a column; else none."""
    return sort if sort.removeprefix("-") in {column.key for column in columns} else ""


@dataclass(frozen=True, slots=True)
class Pages:
    """Which rows of `matching` are shown, and where the others are."""

    page: int
    pages: int
    previous: str
    next: str

    @property
    def rows(self) -> slice:
        return slice((self.page - 1) * PAGE_ROWS, self.page * PAGE_ROWS)


def pages_of(asked: Asked, matching: int) -> Pages:
    """A page behind the last is the last."""
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(max(1, asked.page), pages)
    return Pages(
        page,
        pages,
        asked.address(page=page - 1) if page > 1 else "",
        asked.address(page=page + 1) if page < pages else "",
    )
