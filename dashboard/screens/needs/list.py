"""What needs a person, grouped by cause: a few of each, the rest counted; or filtered, in pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, too_low
from dashboard.screens.marks import NEEDS_PERSON, Mark, mark
from dashboard.screens.needs.actions import take_action
from dashboard.screens.needs.causes import CAUSES, ORDER, cause_words_of
from dashboard.screens.needs.seen import Seen, seen_now
from dashboard.screens.needs.settled import SettledBy, settled_by
from dashboard.screens.needs.waiting import open_needs, waiting_for, waiting_of, waiting_words
from dashboard.screens.run.choice import Choice
from dashboard.screens.words import count, figure, spelled
from maintenance.models import Attention

PAGE_ROWS = 50
MESSAGE_CHARACTERS_MAX = 240
EACH_MAX = 5  # of one cause, before the others are counted
EACH_ON_OVERVIEW_MAX = 2
STATES = ("open", "taken", "closed")


@dataclass(frozen=True, slots=True)
class Need:
    """`take`: the button by which whoever reads it says that they have it; None where they cannot."""

    id: UUID
    mark: Mark
    cause: str
    title: str
    url: str
    message: str
    since: datetime | None
    taken_by: str
    resolved_at: datetime | None
    settled_by: SettledBy
    take: Action | None
    can_be_taken: bool


@dataclass(frozen=True, slots=True)
class Group:
    """All of one cause. `more` of them are not shown here; `url` leads to all."""

    cause: str
    name: str
    total: int
    needs: list[Need]
    more: str
    url: str


@dataclass(frozen=True, slots=True)
class Groups:
    groups: list[Group]
    total: int
    summary: str


def grouped(role: str, *, each: int = EACH_MAX) -> Groups:
    """Everything that is open. As many questions to the database for ten thousand as for one."""
    seen = seen_now()
    open_now = open_needs()
    totals = dict(open_now.order_by().values_list("cause").annotate(n=Count("id")))
    place = Window(RowNumber(), partition_by=F("cause"), order_by=[F("since").asc(), F("id").asc()])
    found: dict[str, list[Need]] = {}
    for one in seen:
        totals[one.cause] = totals.get(one.cause, 0) + 1
        if len(found.setdefault(one.cause, [])) < each:
            found[one.cause].append(of_seen(one))
    shown = list(open_now.annotate(place=place).filter(place__lte=each).order_by("since", "id"))
    for attention, need in zip(shown, of_attentions(shown, role), strict=True):
        found.setdefault(attention.cause, []).append(need)
    groups = [_group(cause, totals.get(cause, len(needs)), needs) for cause, needs in _in_order(found)]
    total = sum(group.total for group in groups)
    return Groups(groups, total, _summary(total, len(groups)))


def overview_needs(role: str) -> Groups:
    """The same, shorter."""
    return grouped(role, each=EACH_ON_OVERVIEW_MAX)


def _in_order(found: dict[str, list[Need]]) -> Iterable[tuple[str, list[Need]]]:
    return sorted(found.items(), key=lambda one: (ORDER.get(one[0], len(ORDER)), one[0]))


def _group(cause: str, total: int, needs: list[Need]) -> Group:
    left = max(0, total - len(needs))
    more = (
        ngettext("and %(n)s more with the same cause", "and %(n)s more with the same cause", left)
        % {"n": figure(left)}
        if left
        else ""
    )
    url = f"{reverse('needs')}?{urlencode({'cause': cause})}"
    return Group(cause, str(cause_words_of(cause).name), total, needs, more, url)


def _summary(total: int, causes: int) -> str:
    if not total:
        return ""
    if total == causes:
        return count(causes, "cause")
    return _("%(things)s from %(causes)s") % {
        "things": count(total, "thing"),
        "causes": count(causes, "cause"),
    }


# ---- one row ------------------------------------------------------------------------------------------------------


def of_attentions(attentions: Sequence[Attention], role: str) -> list[Need]:
    """One query more, however many they are."""
    waiting = waiting_for(attentions)
    return [_of_attention(one, waiting_of(one, waiting), role) for one in attentions]


def _of_attention(attention: Attention, waiting: list[str], role: str) -> Need:
    is_open = attention.resolved_at is None
    can_be_taken = is_open and not attention.taken_by
    return Need(
        id=attention.id,
        mark=NEEDS_PERSON if is_open else mark("Done"),
        cause=str(cause_words_of(attention.cause).name),
        title=attention.title,
        url=need_url(attention.id),
        message=waiting_words(waiting) if waiting else in_short(attention.message),
        since=attention.since,
        taken_by=attention.taken_by,
        resolved_at=attention.resolved_at,
        settled_by=settled_by(attention),
        take=take_action(attention) if can_be_taken and not too_low(role) else None,
        can_be_taken=can_be_taken,
    )


def in_short(message: str) -> str:
    """In lists, what was noted is a reminder: all of it stands on its page."""
    return (
        message if len(message) <= MESSAGE_CHARACTERS_MAX else f"{message[:MESSAGE_CHARACTERS_MAX].rstrip()}…"
    )


def of_seen(seen: Seen) -> Need:
    return Need(
        id=seen.id,
        mark=Mark(NEEDS_PERSON.state, NEEDS_PERSON.said, NEEDS_PERSON.glyph),
        cause=str(cause_words_of(seen.cause).name),
        title=seen.title,
        url=need_url(seen.id),
        message=seen.message,
        since=seen.since,
        taken_by="",
        resolved_at=None,
        settled_by=SettledBy("", ""),
        take=None,
        can_be_taken=False,
    )


def need_url(need_id: UUID) -> str:
    return reverse("need", args=[need_id])


def need_row(need_id: UUID, role: str) -> Need | None:
    """One row alone, as it is pushed."""
    attention = Attention.objects.filter(id=need_id).first()
    return of_attentions([attention], role)[0] if attention is not None else None


# ---- the page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NeedsVerdict:
    says: str
    then: str
    title: str
    glyph: str


def needs_verdict() -> NeedsVerdict:
    open_now = open_needs()
    seen = seen_now()
    total = open_now.count() + len(seen)
    if not total:
        return NeedsVerdict(_("Nothing needs a person."), "", _("Nothing needs a person"), "done")
    says = need_words(total)
    nobody = open_now.filter(taken_by="").count() + len(seen)
    if not nobody:
        then = _("Somebody has each of them.") if total > 1 else _("Somebody has it.")
    elif nobody == total:
        then = _("Nobody has any of them yet.") if total > 1 else _("Nobody has it yet.")
    else:
        then = ngettext("Nobody has %(n)s of them yet.", "Nobody has %(n)s of them yet.", nobody) % {
            "n": figure(nobody)
        }
    return NeedsVerdict(says, then, _("Needs a person"), "paused")


def need_words(total: int) -> str:
    """One thing needs a person. · Twelve … in figures."""
    return ngettext("%(n)s thing needs a person.", "%(n)s things need a person.", total) % {
        "n": spelled(total)
    }


@dataclass(frozen=True, slots=True)
class NeedFilter:
    state: str = "open"
    cause: str = ""
    page: int = 1

    @property
    def is_plain(self) -> bool:
        """Everything that is open, grouped: the only list that is pushed whole."""
        return self.state == "open" and not self.cause

    def query(self, **changes: str | int) -> str:
        asked = {"state": self.state, "cause": self.cause, "page": 1} | changes
        said = {name: value for name, value in asked.items() if value not in ("", 1, "open")}
        return "?" + urlencode(said) if said else ""


@dataclass(frozen=True, slots=True)
class NeedList:
    """`groups` where nothing is filtered, `rows` otherwise."""

    asked: NeedFilter
    groups: Groups | None
    rows: list[Need]
    states: list[Choice]
    causes: list[Choice]
    total: int
    page: int
    pages: int
    previous: str
    next: str
    empty: str


def need_list(asked: NeedFilter, role: str) -> NeedList:
    if asked.is_plain:
        groups = grouped(role)
        return _listed(asked, groups, [], groups.total, 1, 1)
    found = _matching(asked)
    seen = [of_seen(one) for one in seen_now() if asked.state == "open" and one.cause == asked.cause]
    total = found.count() + len(seen)
    pages = max(1, -(-total // PAGE_ROWS))
    page = min(asked.page, pages)
    rows = of_attentions(list(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]), role)
    return _listed(asked, None, [*seen, *rows], total, page, pages)


def _matching(asked: NeedFilter) -> QuerySet[Attention]:
    found = Attention.objects.filter(cause=asked.cause) if asked.cause else Attention.objects.all()
    match asked.state:
        case "closed":
            return found.exclude(resolved_at=None).order_by("-resolved_at", "id")
        case "taken":
            return found.filter(resolved_at=None).exclude(taken_by="").order_by("since", "id")
        case _:
            found = open_needs()
            return (found.filter(cause=asked.cause) if asked.cause else found).order_by("since", "id")


def _listed(
    asked: NeedFilter, groups: Groups | None, rows: list[Need], total: int, page: int, pages: int
) -> NeedList:
    names = {"open": _("Open"), "taken": _("Somebody has it"), "closed": _("Settled")}
    return NeedList(
        asked=asked,
        groups=groups,
        rows=rows,
        states=[Choice(state, names[state], state == asked.state) for state in STATES],
        causes=[
            Choice("", _("Every cause"), not asked.cause),
            *(Choice(cause, str(words.name), cause == asked.cause) for cause, words in CAUSES.items()),
        ],
        total=total,
        page=page,
        pages=pages,
        previous=asked.query(page=page - 1) if page > 1 else "",
        next=asked.query(page=page + 1) if page < pages else "",
        empty=_empty(asked),
    )


def _empty(asked: NeedFilter) -> str:
    if asked.cause:
        return _("Nothing with this cause is in this state.")
    return _("Nobody has anything now.") if asked.state == "taken" else _("Nothing was ever settled.")
