"""One card a network: what is so, what an update would do, and what can be pressed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.models import User
from dashboard.screens.marks import Mark
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.restarted import GOOD, IN_DOUBT, restart_card, restart_note, shown_restart
from dashboard.screens.portal.results import not_asked_since, result_card, shown_result, version_of_place
from dashboard.screens.portal.running import running_card, under_way
from dashboard.screens.portal.services import restarts, silent
from dashboard.screens.portal.shapes import Card, Offer, Pair, SlotOffer, gap, moment, usually, with_moment
from dashboard.screens.words import figure
from maintenance.actions.live_patches import TENANT_EVERY
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind, TargetState
from maintenance.domain.system_vms import Update, UpdateState, Why
from maintenance.models import Target
from maintenance.usual_patches import Usual
from maintenance.usual_restarts import MeasuredWay

RANK_SECURITY, RANK_AVAILABLE, RANK_RESTART, RANK_UNKNOWN, RANK_CURRENT = 2, 3, 4, 4, 6
U = UpdateState
# Of a pair, what comes first here is told: one side up to date makes no pair that is.
_FIRST = (U.AVAILABLE, U.WAITS, U.NEEDS_UPGRADE, U.NOT_POSSIBLE, U.UNKNOWN, U.CURRENT)


def card_of(
    place: Place,
    facts: Facts,
    person: User,
    *,
    patch: Usual | None,
    away: Mapping[str, Sequence[MeasuredWay]],
    free_at: dict[UUID, datetime | None],
) -> Card:
    """`patch`: how long an update takes; `away`: how long networks were away while their router was replaced;
    `free_at`: when operators' work below the network is expected to be over."""
    if under_way(place):
        return running_card(place, facts, patch, person)
    if (target := shown_result(place, facts)) is not None:
        return result_card(place, facts, target, person)
    update = min(place.updates, key=lambda one: _FIRST.index(one.state), default=None)
    restart = shown_restart(place, facts)
    if restart is not None and (restart.result in IN_DOUBT or not _has_more_to_say(restart, update)):
        return restart_card(place, facts, restart, person)
    card = _as_it_is(place, facts, update, patch, away, free_at.get(place.id))
    if restart is None:
        return card
    return replace(card, texts=[*card.texts, restart_note(place, facts, restart)])


def _has_more_to_say(restart: Target, update: Update | None) -> bool:
    """Whether the network waits for something that a restart which is over must not hide."""
    if update is None:
        return False
    if restart.result in GOOD:
        return update.state not in {U.CURRENT, U.UNKNOWN}
    return update.state is U.AVAILABLE


def _as_it_is(
    place: Place,
    facts: Facts,
    update: Update | None,
    patch: Usual | None,
    away: Mapping[str, Sequence[MeasuredWay]],
    free_at: datetime | None,
) -> Card:
    if update is None:
        return _plain(
            place,
            Mark("Waiting", "", "waiting"),
            _("Nothing to update"),
            RANK_CURRENT,
            _("No router serves this network now. One is started with the first machine that needs it."),
        )
    match update.state:
        case U.AVAILABLE:
            return _available(place, facts, update, patch)
        case U.WAITS:
            return _waits(place, facts, update, patch, free_at)
        case U.NEEDS_UPGRADE:
            return _needs_restart(place, update, away)
        case U.NOT_POSSIBLE:
            return _not_possible(place, facts)
        case U.UNKNOWN:
            return _unknown(place, facts)
        case U.CURRENT:
            return _current(place, facts, update)


def _plain(place: Place, mark: Mark, said: str | SafeString, rank: int, *texts: str | SafeString) -> Card:
    return Card(place.id, place.name, mark, said, rank, tiers=place.tiers, texts=list(texts))


def _available(place: Place, facts: Facts, update: Update, usual: Usual | None) -> Card:
    texts: list[str | SafeString] = []
    if update.fixes_security:
        texts.append(format_html("<b>{}</b>", _("It closes security holes.")))
    if place.is_pair:
        texts.append(_("Two routers share the work: one side at a time is updated while the other serves."))
    said = _("Security update available") if update.fixes_security else _("Update available")
    return Card(
        place.id,
        place.name,
        Mark("Available", "", "available"),
        said,
        RANK_SECURITY if update.fixes_security else RANK_AVAILABLE,
        tiers=place.tiers,
        versions=(version_of_place(place), update.version),
        takes=usually(usual) or _("how long it takes was not measured here yet"),
        texts=texts,
        pairs=_during(place, update),
        now=Offer(
            _("Live Patch: update now"),
            reverse("portal-update", args=[place.id]),
            says=_consequence(place),
            confirm=_("Start the update"),
            is_primary=True,
        ),
        slot=slot_offer(place),
        beside=_not_before(place, facts),
    )


def slot_offer(place: Place) -> SlotOffer:
    return SlotOffer(
        _("Choose a time"), reverse("portal-slot", args=[place.id]), str(place.id), _("Update at this time")
    )


def _during(place: Place, update: Update) -> list[Pair]:
    found = [
        Pair(_("Stays up"), _("your machines, public addresses, traffic that no load balancer passes on")),
        Pair(_("Restarts briefly"), restarts(place)),
    ]
    if update.reason:  # the only remark there is on what can be updated
        found.append(Pair(_("May break off"), _("remote access VPN: this router has an older image")))
    return found


def _consequence(place: Place) -> str:
    names = restarts(place)
    if not names:
        return _("The update starts at once. If anything does not answer, the previous version is put back.")
    says = _(
        "Starts at once and restarts %(services)s. If anything does not answer, the previous version is put back."
    )
    return says % {"services": names}


def _not_before(place: Place, facts: Facts) -> str | SafeString:
    """Why a press would be refused a while longer: one update in ten minutes."""
    counted = [
        target.run.created_at
        for target in place.ran
        if target.run.kind == RunKind.LIVE_PATCH
        and target.state not in {TargetState.SKIPPED, TargetState.CANCELLED}
    ]
    again = max(counted, default=facts.now - TENANT_EVERY) + TENANT_EVERY
    if again <= facts.now:
        return ""
    return with_moment(
        _("One update in 10 minutes: again from {at}."), again + timedelta(seconds=59), facts.now
    )


def _waits(place: Place, facts: Facts, update: Update, usual: Usual | None, free_at: datetime | None) -> Card:
    is_ahead = free_at is not None and free_at > facts.now
    said = (
        with_moment(_("Waiting until about {at}"), free_at, facts.now)
        if free_at and is_ahead
        else _("Waiting")
    )
    until: str | SafeString = (
        moment(free_at, facts.now) if free_at and is_ahead else _("when that work is done")
    )
    return Card(
        place.id,
        place.name,
        Mark("Waiting", "", "waiting"),
        said,
        RANK_AVAILABLE,
        tiers=place.tiers,
        versions=(version_of_place(place), update.version),
        takes=usually(usual),
        texts=[_("Your operators work on the hardware below this network. Nothing is wrong.")],
        pairs=[Pair(_("Possible"), until), Pair(_("Until then"), _("everything stays as it is"))],
        now=Offer(
            _("Live Patch: update now"),
            "",
            why_not=_("Not while your operators work on the hardware below it."),
        ),
    )


def _needs_restart(place: Place, update: Update, away: Mapping[str, Sequence[MeasuredWay]]) -> Card:
    return Card(
        place.id,
        place.name,
        Mark("Waiting", "", "waiting"),
        _("Needs a restart instead"),
        RANK_RESTART,
        tiers=place.tiers,
        versions=(version_of_place(place), update.version) if update.version else None,
        texts=[
            _(
                "The software in this router is too old to be updated while it runs. "
                "A restart puts a new router in its place."
            )
        ],
        pairs=[
            Pair(_("Away for"), _away_words(place, away)),
            Pair(_("Stays up"), _("your machines and the traffic between them")),
        ],
        beside=_("Your operators restart it: ask them for a time that suits you."),
    )


def _away_words(place: Place, away: Mapping[str, Sequence[MeasuredWay]]) -> str:
    """What was measured here, of pairs where this is one; never a promise."""
    ways = (RestartWay.REDUNDANT, RestartWay.PARALLEL) if place.is_pair else (RestartWay.PARALLEL,)
    known = next((away[way] for way in ways if way in away), ())
    if not known:
        return _("a short interruption; not measured here yet")
    longest = max(known, key=lambda one: one.average_ms)
    says = ngettext(
        "about %(gap)s, as measured in %(n)s restart here",
        "about %(gap)s, as measured in %(n)s restarts here",
        longest.times,
    )
    return says % {"gap": gap(longest.average_ms), "n": figure(longest.times)}


def _not_possible(place: Place, facts: Facts) -> Card:
    waiting = Mark("Waiting", "", "waiting")
    if not place.cloud.is_known(facts.now):
        return _unknown(place, facts)
    if place.is_vpc and not place.network_ids:
        text = _("This VPC has no network in it yet: there is nothing that an update would serve.")
        return _plain(place, waiting, _("No update possible yet"), RANK_RESTART, text)
    text = _("Its router does not run now. Only one that runs can be updated while it runs.")
    return _plain(place, waiting, _("Not running"), RANK_RESTART, text)


def _unknown(place: Place, facts: Facts) -> Card:
    why = not_asked_since(place, facts) or _("We do not know what its router runs.")
    mark = Mark("Unknown", "", "unknown")
    return _plain(place, mark, _("Not known"), RANK_UNKNOWN, why, _("We ask again by ourselves."))


def _current(place: Place, facts: Facts, update: Update) -> Card:
    newest = _("{version}, the newest. Nothing to do.")
    if update.why is Why.NONE_PUBLISHED:  # nobody can say that there is nothing newer
        newest = _("It runs {version}. No update is published for it.")
    text = format_html(newest, version=version_of_place(place))
    if dead := silent(place):
        mark = Mark("NeedsPerson", "", "paused")
        says = _("Does not run now: %(services)s.") % {"services": dead}
        return _plain(place, mark, _("Up to date, not everything answers"), RANK_UNKNOWN, text, says)
    asked = min((vm.probed_at for vm in place.routers if vm.probed_at), default=None)
    card = _plain(place, Mark("Done", "", "done"), _("Up to date"), RANK_CURRENT, text)
    if asked is None:
        return card
    return replace(card, beside=with_moment(_("Asked at {at}"), asked, facts.now))
