"""The smallest drawings that every page repeats: a state, an icon, a host's name, a moment, a duration.

They are tags, not included templates, because a list draws them hundreds of times.
"""

from datetime import UTC, datetime
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.dateformat import format as written
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens import words
from dashboard.screens.marks import Mark
from dashboard.screens.runs.usual import Ends
from dashboard.screens.words import NBSP, duration, split_name

register = template.Library()
PRODUCT = " · Pitstop"  # the end of every page's own title


@register.simple_tag
def state(mark: Mark) -> SafeString:
    """Glyph, word and colour of a state."""
    return format_html(
        '<span class="state" data-state="{}"{}>{}{}</span>',
        mark.state,
        SafeString(" data-live" if mark.live else ""),
        glyph(mark),
        word(mark),
    )


@register.simple_tag
def word(mark: Mark) -> SafeString:
    """The word alone, set apart where it is the cloud's own."""
    return format_html("<bdi>{}</bdi>" if mark.is_told else "{}", mark.word)


@register.simple_tag
def glyph(mark: Mark) -> SafeString:
    """The glyph alone; the word must stand beside it, or hidden for readers of the screen."""
    return format_html('<svg class="glyph" aria-hidden="true"><use href="#g-{}"/></svg>', mark.glyph)


@register.simple_tag
def icon(name: str) -> SafeString:
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.filter
def figure(number: int) -> str:
    """2942 → 2,942."""
    return words.figure(number)


@register.filter(is_safe=True)
def title_element(own: SafeString, needs: str) -> SafeString:
    """<title>: what needs a person, before the page's own title. The script keeps it true, and needs the own one."""
    own = SafeString(own.strip())
    without_product = SafeString(own.removesuffix(PRODUCT).removesuffix("Pitstop"))
    shown = format_html("{} · {}", needs, without_product) if needs and without_product else needs or own
    return format_html('<title data-own="{}">{}</title>', own, shown)


@register.simple_tag
def hostname(name: str) -> SafeString:
    """A host's whole name, isolated in its direction, with the part that people say standing out."""
    parts = split_name(name)
    stem = format_html("<span>{}</span>", parts.stem) if parts.stem else ""
    domain = format_html("<span>{}</span>", parts.domain) if parts.domain else ""
    return format_html("<bdi>{}{}{}</bdi>", stem, parts.said, domain)


@register.simple_tag
def clock(moment: datetime | None, form: str = "clock", listing: UUID | None = None) -> SafeString:
    """A moment. Server text is UTC; live.js writes it in the reader's zone. `form`: clock | minute | day.

    `listing`: the cloud whose list is of this moment; while the page is live it is the newest that we have.
    """
    if moment is None:
        return SafeString("–")
    utc = moment.astimezone(UTC)
    forms = {"clock": r"H:i:s \U\T\C", "minute": r"H:i \U\T\C", "day": r"j M Y, H:i \U\T\C"}
    return format_html(
        '<time datetime="{}" data-as="{}"{}>{}</time>',
        _iso(utc),
        form,
        format_html(' data-listing="{}"', listing) if listing else "",
        written(utc, forms[form]).replace(" ", NBSP),
    )


@register.simple_tag
def between(ends: Ends) -> SafeString:
    """An expected moment: 13:05–13:20, or about 13:05 where both are the same minute."""
    low, high = ends.low.astimezone(UTC), ends.high.astimezone(UTC)
    if low.replace(second=0, microsecond=0) == high.replace(second=0, microsecond=0):
        return format_html(_("about {moment}"), moment=clock(high, "minute"))
    return format_html("{}–{}", clock(low, "minute"), clock(high, "minute"))


@register.simple_tag
def ago(moment: datetime | None, reading: UUID | None = None) -> SafeString:
    """How long ago; live.js keeps it true.

    `reading`: the cloud that was read then. What has not changed since holds for each later reading, too: while the
    page is live it tells the age of the newest one.
    """
    if moment is None:
        return format_html("{}", _("never"))
    text = _("%(duration)s ago") % {"duration": duration((timezone.now() - moment).total_seconds())}
    of_cloud = format_html(' data-reading="{}"', reading) if reading else ""
    return format_html(
        '<time datetime="{}" data-as="ago"{}>{}</time>', _iso(moment.astimezone(UTC)), of_cloud, text
    )


@register.simple_tag
def elapsed(since: datetime | None, until: datetime | None = None) -> SafeString:
    """How long it took, or how long it has taken so far; live.js lets the open one run."""
    if since is None:
        return SafeString("–")
    if until is not None:
        return format_html("{}", duration((until - since).total_seconds()))
    text = duration((timezone.now() - since).total_seconds())
    return format_html('<time datetime="{}" data-as="for">{}</time>', _iso(since.astimezone(UTC)), text)


@register.simple_tag
def left(until: datetime | None) -> SafeString:
    """How much time is left, as a clock that runs down: 42:18, 1:02:18. live.js lets it run."""
    if until is None:
        return SafeString("–")
    seconds = max(0, round((until - timezone.now()).total_seconds()))
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    text = f"{hours}:{m:02}:{s:02}" if hours else f"{m:02}:{s:02}"
    return format_html('<time datetime="{}" data-as="left">{}</time>', _iso(until.astimezone(UTC)), text)


def _iso(utc: datetime) -> str:
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
