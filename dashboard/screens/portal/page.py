"""The portal: everything one tenant's person sees, from what this person may see at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.models import User
from dashboard.screens.portal.cards import card_of
from dashboard.screens.portal.places import facts_of
from dashboard.screens.portal.shapes import Card
from dashboard.screens.portal.timeline import Moment, timeline
from dashboard.screens.portal.turns import free_again
from dashboard.screens.portal.work import Work, work_of
from dashboard.screens.words import figure, spelled
from maintenance.domain.order import natural
from maintenance.domain.system_vms import ROUTERS
from maintenance.usual_patches import usual_patch
from maintenance.usual_restarts import usual_restarts

PAGE = 50
SEARCH_FROM = 9  # fewer networks are found by looking


@dataclass(frozen=True, slots=True)
class Portal:
    """`element`: the id of what is pushed: only the first page, unfiltered, is drawn anew for everybody's eyes."""

    element: str
    title: str
    more_words: str
    cards: list[Card]
    total: int
    search: str
    page: int
    pages: int
    work: list[Work]
    timeline: list[Moment]
    has_accounts: bool

    @property
    def is_first(self) -> bool:
        return self.element == "portal-now"

    @property
    def has_search(self) -> bool:
        return self.total >= SEARCH_FROM or bool(self.search)


def portal(person: User, search: str = "", page: int = 1) -> Portal:
    facts = facts_of(person)
    patch, free_at = usual_patch(ROUTERS), free_again(facts.places)
    away = usual_restarts()
    cards = [card_of(place, facts, person, patch=patch, away=away, free_at=free_at) for place in facts.places]
    works = work_of(person, facts)
    wanted = [card for card in cards if _fits(card, search)]
    wanted.sort(key=lambda card: (card.rank, natural(card.name), str(card.id)))
    pages = max(1, -(-len(wanted) // PAGE))
    page = min(page, pages)
    return Portal(
        element="portal-now" if page == 1 and not search else "portal-some",
        title=_("Your networks."),
        more_words=_verdict(cards, works),
        cards=wanted[(page - 1) * PAGE : page * PAGE],
        total=len(cards),
        search=search,
        page=page,
        pages=pages,
        work=works,
        timeline=timeline(facts, works),
        has_accounts=person.memberships.exists(),
    )


def _fits(card: Card, search: str) -> bool:
    return not search or any(search.casefold() in name.casefold() for name in (card.name, *card.tiers))


def _verdict(cards: Sequence[Card], works: Sequence[Work]) -> str:
    """What is so, and what waits for whoever reads it."""
    if not cards:
        return ""
    running = sum(card.mark.state == "Running" and not card.is_restart for card in cards)
    restarting = sum(card.mark.state == "Running" and card.is_restart for card in cards)
    trouble = sum(card.mark.state in {"Failed", "NeedsPerson"} for card in cards)
    unknown = sum(card.mark.state == "Unknown" for card in cards)
    offered = sum(card.mark.state == "Available" for card in cards)
    said = []
    if running:
        said.append(
            ngettext("%(n)s update is running.", "%(n)s updates are running.", running)
            % {"n": spelled(running)}
        )
    if restarting:
        said.append(
            ngettext("%(n)s router restart is running.", "%(n)s router restarts are running.", restarting)
            % {"n": spelled(restarting)}
        )
    if trouble:
        said.append(
            ngettext("%(n)s network needs a look.", "%(n)s networks need a look.", trouble)
            % {"n": spelled(trouble)}
        )
    if unknown:
        said.append(
            ngettext("Of %(n)s we do not know how it is.", "Of %(n)s we do not know how they are.", unknown)
            % {"n": figure(unknown)}
        )
    if offered:
        said.append(
            ngettext("%(n)s update waits for you.", "%(n)s updates wait for you.", offered)
            % {"n": spelled(offered)}
        )
    if any(work.ended is None for work in works):
        said.append(_("Work on the hardware touches what is yours."))
    if said:
        return " ".join(said)
    if all(card.mark.state in {"Current", "Done"} for card in cards):
        return _("All of them are up to date.")
    return _("Nothing waits for you.")
