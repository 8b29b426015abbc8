"""A card after an update: what became of it, and what was measured. Each end has words of its own."""

from datetime import timedelta

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.models import User
from dashboard.screens.marks import Mark
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.services import named_in, silent
from dashboard.screens.portal.shapes import Card, Offer, gap, with_moment
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import RunKind, Stage
from maintenance.domain.system_vms import PatchOutcome, UpdateState
from maintenance.models import Target

RANK_TROUBLE, RANK_RESULT = 1, 5
GOOD_SHOWN = timedelta(hours=24)
BAD_SHOWN = timedelta(days=7)
P = PatchOutcome

# Of a pair the worse result is told.
_WORST_FIRST = (
    P.FAILED_NOT_RESTORED,
    P.UNCONFIRMED,
    P.FAILED_RESTORED,
    P.NOTHING_CHANGED,
    P.PATCHED,
    P.ALREADY_CURRENT,
)
_GOOD = frozenset({P.PATCHED, P.ALREADY_CURRENT})
_IN_DOUBT = frozenset({P.FAILED_NOT_RESTORED, P.UNCONFIRMED})


def shown_result(place: Place, facts: Facts) -> Target | None:
    """The newest result, while it is worth a card: what is in doubt until somebody has settled it, a failure until
    the next update, a success for a day."""
    ran = [target for target in place.ran if target.result in set(PatchOutcome)]
    worst = min(ran, key=lambda target: _WORST_FIRST.index(P(target.result)), default=None)
    if worst is None or worst.run.kind != RunKind.LIVE_PATCH:
        return None
    if worst.result in _IN_DOUBT:
        return worst if place.needs_person or not worst.finished_at else None
    age = facts.now - (worst.finished_at or worst.run.created_at)
    if worst.result in _GOOD:
        states = {update.state for update in place.updates}
        return worst if age <= GOOD_SHOWN and states <= {UpdateState.CURRENT, UpdateState.UNKNOWN} else None
    is_over = all(update.state is UpdateState.CURRENT for update in place.updates)
    return worst if age <= BAD_SHOWN and not is_over else None


def result_card(place: Place, facts: Facts, target: Target, person: User) -> Card:
    match P(target.result):
        case P.PATCHED:
            return _patched(place, facts, target, person)
        case P.ALREADY_CURRENT:
            return _nothing_to_do(place, facts, target)
        case P.FAILED_RESTORED:
            return _restored(place, facts, target)
        case P.NOTHING_CHANGED:
            return _untouched(place, facts, target)
        case P.FAILED_NOT_RESTORED:
            return _not_restored(place, facts, target)
        case P.UNCONFIRMED:
            return _unconfirmed(place, facts, target)


def _patched(place: Place, facts: Facts, target: Target, person: User) -> Card:
    at = target.finished_at or facts.now
    texts: list[str | SafeString] = []
    running = format_html(_("{version} is running."), version=version_of_place(place))
    if unasked := not_asked_since(place, facts):
        mark, said = Mark("Unknown", "", "unknown"), _("Updated {at}, not seen since")
        texts = [running, unasked]
    elif dead := silent(place):
        mark, said = Mark("NeedsPerson", "", "paused"), _("Updated {at}, not everything answers")
        texts = [running, _("Does not run now: %(services)s.") % {"services": dead}]
    else:
        mark, said = Mark("Done", "", "done"), _("Updated {at}, everything answers")
        texts = [format_html("{} {}", running, _("We asked every service and read the version back."))]
    texts += measured(place)
    return Card(
        place.id,
        place.name,
        mark,
        with_moment(said, at, facts.now),
        RANK_RESULT if mark.state == "Done" else RANK_TROUBLE,
        tiers=place.tiers,
        texts=texts,
        beside=started_by(target, person, facts),
    )


def _nothing_to_do(place: Place, facts: Facts, target: Target) -> Card:
    if unasked := not_asked_since(place, facts):
        mark, texts = Mark("Unknown", "", "unknown"), [unasked]
    else:
        mark, texts = Mark("Current", "", "done"), []
    ran = format_html(_("It ran {version} already. Nothing was done."), version=version_of_place(place))
    return Card(
        place.id,
        place.name,
        mark,
        with_moment(_("Nothing to do, {at}"), target.finished_at or facts.now, facts.now),
        RANK_RESULT,
        tiers=place.tiers,
        texts=[ran, *texts],
    )


def _restored(place: Place, facts: Facts, target: Target) -> Card:
    """The previous version is back; that everything answers is said only where it was seen."""
    why = _why_failed(target, facts)
    back = format_html("<b>{}</b>", _("The previous version is back."))
    seen = not not_asked_since(place, facts) and not silent(place)
    dead = silent(place)
    after: str = _("Everything answers.") if seen else ""
    if dead:
        after = _("Does not run now: %(services)s.") % {"services": dead}
    return Card(
        place.id,
        place.name,
        Mark("NeedsPerson", "", "paused"),
        with_moment(
            _("Not updated {at}, previous version is back"), target.finished_at or facts.now, facts.now
        ),
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[format_html("{} {} {}", why, back, after), *measured(place)],
        now=_again(place),
    )


def _untouched(place: Place, facts: Facts, target: Target) -> Card:
    text = _("It stopped before anything was changed: your network is as it was.")
    return Card(
        place.id,
        place.name,
        Mark("NeedsPerson", "", "paused"),
        with_moment(_("Not updated {at}, nothing was changed"), target.finished_at or facts.now, facts.now),
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[text],
        now=_again(place),
    )


def _not_restored(place: Place, facts: Facts, target: Target) -> Card:
    text = _(
        "The update failed and the previous version could not be put back. Parts of this network may not answer. "
        "Your operators were told and repair it; you see the result here."
    )
    return Card(
        place.id,
        place.name,
        Mark("Failed", "", "failed"),
        _("Not updated, being repaired"),
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[text, *since(target, facts)],
    )


def _unconfirmed(place: Place, facts: Facts, target: Target) -> Card:
    text = format_html(
        "{} <b>{}</b>",
        _("The update ran, but the router does not answer us. Your traffic may be fine; we cannot see it."),
        _("We are looking."),
    )
    return Card(
        place.id,
        place.name,
        Mark("Unknown", "", "unknown"),
        _("Could not confirm"),
        RANK_TROUBLE,
        tiers=place.tiers,
        texts=[text, *since(target, facts)],
    )


def since(target: Target, facts: Facts) -> list[str | SafeString]:
    return [with_moment(_("Since {at}."), target.finished_at, facts.now)] if target.finished_at else []


def _why_failed(target: Target, facts: Facts) -> str:
    """In which step it failed, and of what; the engine's own text may name what is not theirs."""
    failed = [
        step
        for step in facts.steps.get(target.id, [])
        if step.attempt == target.attempt
        and step.outcome not in {"", Outcome.OK}
        and step.stage != Stage.PATCH_ROLL_BACK
    ]
    if not failed:
        return _("The update did not work.")
    services = named_in(failed[-1].detail)
    match failed[-1].stage:
        case Stage.PATCH_APPLY:
            return _("The new software could not be put in place.")
        case Stage.PATCH_RESTART if services:
            return _("Did not start with the new version: %(services)s.") % {"services": services}
        case Stage.PATCH_RESTART:
            return _("Not every service started with the new version.")
        case Stage.PATCH_RULES:
            return _("Your rules could not be set with the new version.")
        case _ if services:
            return _("Did not answer with the new version: %(services)s.") % {"services": services}
        case _:
            return _("The check after the update found a fault.")


def _again(place: Place) -> Offer | None:
    """Trying again: not while somebody looks at why it failed."""
    is_possible = any(update.possible for update in place.updates)
    return Offer(
        _("Try again"),
        reverse("portal-update", args=[place.id]),
        says=_("The same update is tried again, with the same way back."),
        confirm=_("Update now"),
        why_not=_("We look first: your operators were told.")
        if place.needs_person
        else ("" if is_possible else _("Not possible just now.")),
    )


def measured(place: Place) -> list[str | SafeString]:
    """What probes from outside measured; nothing where nobody measured."""
    if place.away_ms is None:
        return []
    if round(place.away_ms) == 0:
        return [_("Measured from outside: it answered all the time.")]
    return [_("Measured from outside: %(gap)s without an answer.") % {"gap": gap(place.away_ms)}]


def not_asked_since(place: Place, facts: Facts) -> SafeString | str:
    """What to say where a router could not be asked lately; empty where all were."""
    for vm in place.routers:
        if vm.probe_error or vm.probed_at is None:
            if vm.probed_at is None:
                return _("We could not ask the router what it runs.")
            return with_moment(_("The router has not answered us since {at}."), vm.probed_at, facts.now)
    if not place.cloud.is_known(facts.now):
        return _("We could not look at the cloud for a while: this may have changed.")
    return ""


def started_by(target: Target, person: User, facts: Facts) -> str:
    if target.run.started_by == person.username:
        return _("Started by you")
    if target.run.started_by in facts.tenants:
        return _("Started in your account")
    return _("Started by your operators")


def version_of_place(place: Place) -> str:
    """What was probed in its routers; the lower one of a pair."""
    found = sorted({vm.software_version for vm in place.routers if vm.software_version})
    return found[0] if found else _("an unknown version")
