"""API tokens: everybody's, or one person's."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from dashboard.models import TokenNote, User
from dashboard.people.tokens import DAYS, living
from dashboard.screens.words import count

SHOWN_MAX = 500


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: UUID
    name: str
    begins: str  # the first characters, so that people can tell tokens apart
    person: str
    person_url: str
    made_at: datetime
    ends_at: datetime | None
    used_at: datetime | None
    revoke_url: str


@dataclass(frozen=True, slots=True)
class Tokens:
    rows: list[TokenRow]
    summary: str
    is_cut: bool


def all_tokens() -> Tokens:
    """Everybody's, the newest first."""
    found = TokenNote.objects.filter(living()).select_related("token__user").order_by("-token__created")
    rows = [_row(note, "settings-token-revoke") for note in found[: SHOWN_MAX + 1]]
    total = found.count() if len(rows) > SHOWN_MAX else len(rows)
    return Tokens(rows[:SHOWN_MAX], count(total, "token"), len(rows) > SHOWN_MAX)


def tokens_of(person: User) -> list[TokenRow]:
    """One person's, as administrators see them."""
    return [_row(note, "settings-token-revoke") for note in _of(person)]


def own_tokens(person: User) -> list[TokenRow]:
    """As the person sees them."""
    return [_row(note, "me-token-revoke") for note in _of(person)]


def _of(person: User) -> list[TokenNote]:
    found = TokenNote.objects.filter(living(), token__user=person).select_related("token__user")
    return list(found.order_by("-token__created"))


def _row(note: TokenNote, route: str) -> TokenRow:
    token = note.token
    return TokenRow(
        id=note.id,
        name=note.name,
        begins=token.token_key[:4],
        person=token.user.username,
        person_url=reverse("settings-person", args=[token.user.key]),
        made_at=token.created,
        ends_at=token.expiry,
        used_at=note.used_at,
        revoke_url=reverse(route, args=[note.id]),
    )


def days() -> list[tuple[int, str, bool]]:
    """How long a token may hold; the third is proposed."""
    return [(one, count(one, "day"), one == DAYS[2]) for one in DAYS]
