"""What a card of the portal is made of, ready to be drawn. Texts may hold moments, which the page writes in the
reader's zone."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark
from dashboard.screens.words import NBSP, Range, duration, figure
from dashboard.templatetags.pitstop import clock

if TYPE_CHECKING:
    from maintenance.usual_patches import Usual

FAR_S = 12 * 3600  # moments further away are told with their day


@dataclass(frozen=True, slots=True)
class Pair:
    label: str
    text: str | SafeString


@dataclass(frozen=True, slots=True)
class Dot:
    """One step of an update under way. `took`: how long, or how long it usually takes."""

    mark: Mark
    text: str
    took: str | SafeString
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A button that asks once more in place. `says`: what pressing it does; `why_not`: why it cannot be pressed."""

    label: str
    url: str
    says: str = ""
    confirm: str = ""
    why_not: str = ""
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class SlotOffer:
    """A time to choose. `key` tells this card's fields from others'; `at`: the time chosen before."""

    label: str
    url: str
    key: str
    confirm: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One network, or a VPC with its tiers. `said` stands beside the state's glyph; `rank` sorts what matters first.
    `is_restart`: what is under way replaces routers, and is no update."""

    id: UUID
    name: str
    mark: Mark
    said: str | SafeString
    rank: int
    tiers: list[str] = field(default_factory=list)
    versions: tuple[str, str] | None = None
    takes: str = ""
    texts: list[str | SafeString] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    now: Offer | None = None
    slot: SlotOffer | None = None
    give_up: Offer | None = None
    beside: str | SafeString = ""
    is_restart: bool = False


def moment(at: datetime, now: datetime) -> SafeString:
    """14:02, or with its day when it is far away."""
    is_far = abs((at - now).total_seconds()) > FAR_S
    return clock(at, "day" if is_far else "minute")


def with_moment(text: str, at: datetime, now: datetime) -> SafeString:
    """`text` is ours, with {at} where the moment goes."""
    return format_html(text, at=moment(at, now))


def usually(usual: "Usual | None") -> str:
    """about 40 s, usually 25–60 s; empty while too little was measured."""
    if usual is None:
        return ""
    between = str(Range(usual.low_s, usual.high_s))
    return _("takes about %(median)s, usually %(range)s") % {
        "median": duration(usual.median_s),
        "range": between,
    }


def gap(ms: float) -> str:
    """180 ms · 1.8 s · 42 s."""
    if ms < 1000:
        said = _("%(ms)s ms") % {"ms": figure(round(ms))}
    elif ms < 10_000:
        said = _("%(s)s s") % {"s": number_format(round(ms / 1000, 1), 1)}
    else:
        return duration(ms / 1000)
    return said.replace(" ", NBSP)
