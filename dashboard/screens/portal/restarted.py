"""A network after its router was restarted: what became of it, and for how long it was away, as probes measured it."""

from datetime import timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.models import User
from dashboard.screens.marks import Mark
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.results import (
    RANK_RESULT,
    RANK_TROUBLE,
    measured,
    not_asked_since,
    since,
    started_by,
    version_of_place,
)
from dashboard.screens.portal.services import silent
from dashboard.screens.portal.shapes import Card, with_moment
from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import RunKind
from maintenance.models import Target

SHOWN_FOR = timedelta(hours=24)
R = RouterOutcome
_WORST_FIRST = (
    R.FAILED_NOT_RESTORED,
    R.UNCONFIRMED,
    R.FAILED_RESTORED,
    R.NOTHING_CHANGED,
    R.REPLACED,
    R.REAPPLIED,
)
GOOD = frozenset({R.REPLACED, R.REAPPLIED})
IN_DOUBT = frozenset({R.FAILED_NOT_RESTORED, R.UNCONFIRMED})


def shown_restart(place: Place, facts: Facts) -> Target | None:
    """The newest restart, while it is worth telling: what is in doubt until somebody has settled it, others for a day.
    Of several routers the worst one."""
    ran = [
        target
        for target in place.ran
        if target.run.kind == RunKind.ROUTER_RESTART and target.result in set(RouterOutcome)
    ]
    worst = min(ran, key=lambda target: _WORST_FIRST.index(R(target.result)), default=None)
    if worst is None:
        return None
    if worst.result in IN_DOUBT:
        return worst if place.needs_person or not worst.finished_at else None
    return worst if facts.now - (worst.finished_at or worst.run.created_at) <= SHOWN_FOR else None


def restart_note(place: Place, facts: Facts, target: Target) -> SafeString:
    """In short, for a card that has something else to say."""
    at = target.finished_at or facts.now
    said = with_moment(_note(R(target.result), is_several=len(place.ran) > 1), at, facts.now)
    return format_html_join(" ", "{}", ((text,) for text in (said, *measured(place))))


def _note(result: RouterOutcome, *, is_several: bool) -> str:
    match result:
        case R.REPLACED:
            return (
                _("Its routers were replaced at {at}.")
                if is_several
                else _("Its router was replaced at {at}.")
            )
        case R.REAPPLIED:
            return _("Its rules were set again at {at}.")
        case _:
            return _("A restart of its router did not work at {at}; the previous router serves.")


def restart_card(place: Place, facts: Facts, target: Target, person: User) -> Card:
    text: str | SafeString
    match R(target.result):
        case R.REPLACED:
            text = format_html(_("A new router serves it, with {version}."), version=version_of_place(place))
            return _went_well(place, facts, target, person, _("Restarted {at}"), text)
        case R.REAPPLIED:
            text = _("Your rules were set again. Nothing was replaced.")
            return _went_well(place, facts, target, person, _("Rules set again {at}"), text)
        case R.FAILED_RESTORED:
            return _failed(
                place,
                facts,
                target,
                _("Not restarted {at}, previous router serves"),
                format_html(
                    "{} <b>{}</b> {}",
                    _("The new router did not take over."),
                    _("The previous router serves."),
                    _seen(place, facts),
                ),
            )
        case R.NOTHING_CHANGED:
            text = _("It stopped before anything was replaced: your network is as it was.")
            return _failed(place, facts, target, _("Not restarted {at}, nothing was replaced"), text)
        case R.FAILED_NOT_RESTORED:
            text = _(
                "The restart failed and the previous router could not take over again. Parts of this network may not "
                "answer. Your operators were told and repair it; you see the result here."
            )
            return _in_doubt(place, facts, target, Mark("Failed", "", "failed"), _("Being repaired"), text)
        case R.UNCONFIRMED:
            looking = format_html(
                "{} <b>{}</b>",
                _(
                    "The restart ran, but the router does not answer us. Your traffic may be fine; we cannot see it."
                ),
                _("We are looking."),
            )
            mark = Mark("Unknown", "", "unknown")
            return _in_doubt(place, facts, target, mark, _("Could not confirm"), looking)


def _went_well(
    place: Place, facts: Facts, target: Target, person: User, said: str, text: str | SafeString
) -> Card:
    """Green only while everything answers that was asked."""
    mark, texts = Mark("Done", "", "done"), [text]
    if unasked := not_asked_since(place, facts):
        mark, texts = Mark("Unknown", "", "unknown"), [text, unasked]
    elif dead := silent(place):
        mark = Mark("NeedsPerson", "", "paused")
        texts = [text, _("Does not run now: %(services)s.") % {"services": dead}]
    return Card(
        place.id,
        place.name,
        mark,
        with_moment(said, target.finished_at or facts.now, facts.now),
        RANK_RESULT if mark.state == "Done" else RANK_TROUBLE,
        tiers=place.tiers,
        texts=[*texts, *measured(place)],
        beside=started_by(target, person, facts),
    )


def _seen(place: Place, facts: Facts) -> str:
    if dead := silent(place):
        return _("Does not run now: %(services)s.") % {"services": dead}
    return "" if not_asked_since(place, facts) else _("Everything answers.")


def _failed(place: Place, facts: Facts, target: Target, said: str, text: str | SafeString) -> Card:
    return Card(
        place.id,
        place.name,
        Mark("NeedsPerson", "", "paused"),
        with_moment(said, target.finished_at or facts.now, facts.now),
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[text, *measured(place)],
        beside=_("Your operators were told. Agree on another time with them."),
    )


def _in_doubt(
    place: Place, facts: Facts, target: Target, mark: Mark, said: str, text: str | SafeString
) -> Card:
    return Card(
        place.id,
        place.name,
        mark,
        said,
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[text, *since(target, facts)],
    )
