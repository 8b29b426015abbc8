"""What the address of the list of runs asks for: filters, search, order, page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from dashboard.screens.days import day_begins, day_ends, zone_name
from dashboard.screens.runs.name import KINDS
from maintenance.domain.states import RUN_ACTIVE, RunState
from maintenance.models import Run, Target

STATES: Mapping[str, tuple[Promise, tuple[RunState, ...]]] = {
    "active": (gettext_lazy("In progress"), tuple(RUN_ACTIVE)),
    "done": (gettext_lazy("Done"), (RunState.SUCCEEDED,)),
    "failed": (gettext_lazy("Failed"), (RunState.FAILED,)),
    "cancelled": (gettext_lazy("Cancelled"), (RunState.CANCELLED,)),
}
SORTS: Mapping[str, tuple[Promise, tuple[Any, ...]]] = {
    "newest": (gettext_lazy("Newest first"), ("-number",)),
    "oldest": (gettext_lazy("Oldest first"), ("number",)),
    "ended": (gettext_lazy("Last ended first"), (F("finished_at").desc(nulls_last=True), "-number")),
    "longest": (gettext_lazy("Longest first"), ("-took", "-number")),
}
LONGEST = 200


@dataclass(frozen=True, slots=True)
class RunsAsked:
    """`place`: part of the name of a host, cluster or management server. `since`, `until`: days in `zone`; what is none
    is left out."""

    state: str = ""
    kind: str = ""
    by: str = ""
    place: str = ""
    search: str = ""
    since: str = ""
    until: str = ""
    zone: str = ""
    sort: str = "newest"
    page: int = 1

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "RunsAsked":
        def words(name: str) -> str:
            return asked.get(name, "").replace("\0", "").strip()[:LONGEST]

        page = words("page")
        days = {name: words(name) if _day(words(name)) else "" for name in ("since", "until")}
        return cls(
            state=words("state") if words("state") in STATES else "",
            kind=words("kind") if words("kind") in KINDS else "",
            by=words("by"),
            place=words("place"),
            search=words("search"),
            **days,
            zone=zone_name(words("zone")) if any(days.values()) else "",
            sort=words("sort") if words("sort") in SORTS else "newest",
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    @property
    def is_filtered(self) -> bool:
        return replace(self, sort="newest", page=1) != RunsAsked()

    @property
    def shows_newest(self) -> bool:
        """Whether a new run belongs at the top of what is shown."""
        return self == RunsAsked()

    def query(self, **changes: Any) -> str:
        """The address of the same list with something else chosen; another filter starts at the first page."""
        to = replace(self, **({"page": 1} | changes))
        plain = RunsAsked()
        asked = {name: getattr(to, name) for name in self.__slots__}
        differing = {name: value for name, value in asked.items() if value != getattr(plain, name)}
        return f"?{urlencode(differing)}" if differing else "?"

    def found(self) -> QuerySet[Run]:
        """The runs that are asked for, in order."""
        runs = Run.objects.all()
        if self.state:
            runs = runs.filter(state__in=STATES[self.state][1])
        if self.kind:
            runs = runs.filter(kind=self.kind)
        if self.by:
            runs = runs.filter(started_by=self.by)
        if self.place:
            runs = runs.filter(_at_place(self.place))
        if self.search:
            runs = runs.filter(_mentions(self.search))
        if day := _day(self.since):
            runs = runs.filter(created_at__gte=day_begins(day, self.zone))
        if day := _day(self.until):
            runs = runs.filter(created_at__lt=day_ends(day, self.zone))
        if self.sort == "longest":
            runs = runs.annotate(
                took=Coalesce("finished_at", timezone.now()) - Coalesce("started_at", "created_at")
            )
        return runs.order_by(*SORTS[self.sort][1])


def _at_place(name: str) -> Q:
    there = Target.objects.filter(run=OuterRef("id"))
    return Q(Exists(there.filter(Q(name__icontains=name) | Q(cluster_name__icontains=name))))


def _mentions(words: str) -> Q:
    """In its reason, its ticket, its scope, or as its number."""
    found = Q(reason__icontains=words) | Q(ticket__icontains=words) | Q(scope_words__icontains=words)
    number = words.removeprefix("#").lower().removeprefix("run").strip()
    if number.isascii() and number.isdigit() and len(number) < 16:
        found |= Q(number=int(number))
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
