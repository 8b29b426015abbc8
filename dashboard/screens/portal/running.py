"""A card while an update, or a restart of its router, is under way or waits for its time."""

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.models import User
from dashboard.screens.marks import moving
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.shapes import Card, Offer, Pair, SlotOffer, moment, usually, with_moment
from dashboard.screens.portal.steps import WAITING, dots_of, is_going_back
from dashboard.screens.words import figure
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import TARGET_BEGUN, TARGET_ENDED, RunKind, RunState
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Target
from maintenance.usual_patches import Usual

RANK_RUNNING, RANK_SLOT = 0, 4


def under_way(place: Place) -> list[Target]:
    """Its targets that have not come to their end."""
    return [target for target in place.under_way if target.state not in TARGET_ENDED]


def own_run(place: Place, facts: Facts) -> Run | None:
    """The run that has not begun and that a tenant's person started for this network alone: theirs to change."""
    open_ones = under_way(place)
    run = open_ones[0].run if open_ones else None
    if run is None or run.state != RunState.QUEUED or run.kind != RunKind.LIVE_PATCH:
        return None
    is_alone = run.scope_kind == "networks" and set(run.scope_ids) <= set(place.network_ids)
    return run if is_alone and run.started_by in facts.tenants else None


def running_card(place: Place, facts: Facts, usual: Usual | None, person: User) -> Card:
    open_ones = under_way(place)
    run = open_ones[0].run
    at_work = next((t for t in open_ones if t.state in TARGET_BEGUN or facts.steps.get(t.id)), None)
    if at_work is not None:
        return _updating(place, facts, at_work)
    if not is_held(run) and any(target.state in TARGET_ENDED for target in place.under_way):
        return _updating(place, facts, open_ones[0])
    if run.state == RunState.QUEUED and run.not_before is not None and run.not_before > facts.now:
        return _chosen(place, facts, run, usual, person)
    return _in_line(place, facts, run)


def _in_line(place: Place, facts: Facts, run: Run) -> Card:
    """It has not begun: others are before it, operators are at work below it, or hold it."""
    said = _("In line")
    text = _("The update is in line and starts by itself. Until then everything stays as it is.")
    if is_restart(run):
        said = _("Restart in line")
        text = _("Your operators restart its router: it is in line. Until then everything stays as it is.")
    if is_held(run):
        said = _("Paused")
        text = _("Your operators have paused it: until they go on, everything stays as it is.")
    elif place.id in facts.below_work:
        text = _(
            "Your operators work on the hardware below this network. It starts by itself when they are done; "
            "until then everything stays as it is."
        )
    texts: list[str | SafeString] = [text, *_ended_badly(place, run)]
    return Card(place.id, place.name, WAITING, said, RANK_RUNNING, tiers=place.tiers, texts=texts)


def is_held(run: Run) -> bool:
    return run.pausing or run.state == RunState.PAUSED


def _ended_badly(place: Place, run: Run) -> list[str]:
    """Of a pair, what became of the side that was done first, where it did not go well."""
    results = {target.result for target in _of_run(place, run) if target.state in TARGET_ENDED}
    if results & {PatchOutcome.FAILED_NOT_RESTORED, PatchOutcome.UNCONFIRMED}:
        return [_("One of its routers is being repaired; the other serves.")]
    if results & {PatchOutcome.FAILED_RESTORED, PatchOutcome.NOTHING_CHANGED}:
        return [_("One of its routers could not be done: it is as it was before.")]
    return []


def is_restart(run: Run) -> bool:
    return run.kind == RunKind.ROUTER_RESTART


def _chosen(place: Place, facts: Facts, run: Run, usual: Usual | None, person: User) -> Card:
    assert run.not_before is not None
    is_own = own_run(place, facts) is not None
    texts = [_("The update starts by itself then. You may close this page.")]
    if is_restart(run):
        texts = [_("Your operators restart its router then.")]
    elif not is_own:
        texts = [_("Your operators chose this time. The update starts by itself then.")]
    if place.id in facts.below_work:
        texts.append(_("Your operators work on the hardware below it now; the update waits for their end."))
    pairs = [
        Pair(_("Starts"), moment(run.not_before, facts.now)),
        Pair(_("Until then"), _("everything stays as it is")),
    ]
    if usual is not None and not is_restart(run):
        pairs.append(Pair(_("Takes"), usually(usual)))
    return Card(
        place.id,
        place.name,
        WAITING,
        with_moment(_("Restarts {at}") if is_restart(run) else _("Updates {at}"), run.not_before, facts.now),
        RANK_SLOT,
        tiers=place.tiers,
        texts=list(texts),
        pairs=pairs,
        now=_now_instead(place) if is_own else None,
        slot=SlotOffer(
            _("Choose another time"),
            reverse("portal-slot", args=[place.id]),
            str(place.id),
            _("Update at this time"),
            run.not_before,
        )
        if is_own
        else None,
        give_up=Offer(_("Give the time up"), reverse("portal-give-up", args=[place.id])) if is_own else None,
        beside=_chosen_by(run, person) if is_own else "",
    )


def _now_instead(place: Place) -> Offer:
    return Offer(
        _("Update now instead"),
        reverse("portal-update", args=[place.id]),
        says=_("The update starts at once and not at the time you chose."),
        confirm=_("Start the update now"),
    )


def _chosen_by(run: Run, person: User) -> str:
    return _("You chose this time.") if run.started_by == person.username else _("Chosen in your account.")


# ---- at work ---------------------------------------------------------------------------------------------------------


def _updating(place: Place, facts: Facts, target: Target) -> Card:
    steps = [step for step in facts.steps.get(target.id, []) if step.attempt == target.attempt]
    by_stage = {step.stage: step for step in steps}
    dots = dots_of(target.run, by_stage)
    n = next((nth for nth, dot in enumerate(dots, 1) if dot.is_current), len(dots))
    if is_going_back(by_stage):
        said = dots[-1].text
    else:
        said = _said(place, target) % {
            "n": n,
            "all": len(dots),
            "what": _lower(dots[n - 1].text),
            **_which(place, target),
        }
    goes_on = _("You may close this page; the update goes on.")
    if is_restart(target.run):
        goes_on = _("You may close this page; the restart goes on.")
    return Card(
        place.id,
        place.name,
        moving(""),
        said,
        RANK_RUNNING,
        tiers=place.tiers,
        texts=_about(place, target.run),
        dots=dots,
        beside=goes_on,
        is_restart=is_restart(target.run),
    )


def _said(place: Place, target: Target) -> str:
    """Which step; of several routers also of which one, for each takes all the steps."""
    is_alone = len(_of_run(place, target.run)) == 1
    if is_restart(target.run):
        return (
            _("Restarting %(n)s of %(all)s: %(what)s")
            if is_alone
            else _("Restarting router %(nth)s of %(routers)s, step %(n)s of %(all)s: %(what)s")
        )
    return (
        _("Updating %(n)s of %(all)s: %(what)s")
        if is_alone
        else _("Updating router %(nth)s of %(routers)s, step %(n)s of %(all)s: %(what)s")
    )


def _which(place: Place, target: Target) -> dict[str, str]:
    ids = [one.id for one in _of_run(place, target.run)]
    return {"nth": figure(ids.index(target.id) + 1), "routers": figure(len(ids))}


def _of_run(place: Place, run: Run) -> list[Target]:
    """Its routers in this run, in the order in which they are done."""
    return sorted((t for t in place.under_way if t.run_id == run.id), key=lambda target: target.order)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _about(place: Place, run: Run) -> list[str | SafeString]:
    texts: list[str | SafeString] = []
    if is_restart(run):
        texts.append(_about_restart(run))
    routers = _of_run(place, run)
    if len(routers) > 1:
        done = sum(target.state in TARGET_ENDED for target in routers)
        says = _("One router after the other. %(done)s of %(all)s done.")
        if place.is_pair:
            says = _(
                "One side at a time: while one is worked on, the other serves. %(done)s of %(all)s done."
            )
        texts.append(says % {"done": figure(done), "all": figure(len(routers))})
    return texts


def _about_restart(run: Run) -> str:
    match run.way:
        case RestartWay.REAPPLY:
            return _("Your operators have your rules set again; nothing is replaced.")
        case RestartWay.SERIAL:
            return _("Your operators replace the router of this network. It is away until the new one runs.")
        case _:
            return _(
                "Your operators replace the router of this network. The old one serves until the new one does."
            )
