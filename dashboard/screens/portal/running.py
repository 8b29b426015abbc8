"""A card while an update is under way, or waits for its time."""

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.models import User
from dashboard.screens.marks import Mark, moving
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.shapes import Card, Dot, Offer, Pair, SlotOffer, moment, usually, with_moment
from dashboard.screens.runs.usual import usual_ranges
from dashboard.screens.words import duration
from dashboard.templatetags.pitstop import elapsed
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_ENDED,
    RunKind,
    RunState,
    Stage,
    StepState,
)
from maintenance.models import Run, Step, Target
from maintenance.usual_patches import Usual

RANK_RUNNING, RANK_SLOT = 0, 4
WAITING = Mark("Waiting", "", "waiting")
_DONE = Mark("Done", "", "done")
_FAILED = Mark("Failed", "", "failed")


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
    if any(target.state in TARGET_ENDED for target in place.under_way):
        return _updating(place, facts, open_ones[0])
    if run.state == RunState.QUEUED and run.not_before is not None and run.not_before > facts.now:
        return _chosen(place, facts, run, usual, person)
    return Card(
        place.id,
        place.name,
        WAITING,
        _("In line"),
        RANK_RUNNING,
        tiers=place.tiers,
        texts=[_("The update is in line and starts by itself. Until then everything stays as it is.")],
    )


def _chosen(place: Place, facts: Facts, run: Run, usual: Usual | None, person: User) -> Card:
    assert run.not_before is not None
    is_own = own_run(place, facts) is not None
    texts = [_("The update starts by itself then. You may close this page.")]
    if not is_own:
        texts = [_("Your operators chose this time. The update starts by itself then.")]
    pairs = [
        Pair(_("Starts"), moment(run.not_before, facts.now)),
        Pair(_("Until then"), _("everything stays as it is")),
    ]
    if usual is not None:
        pairs.append(Pair(_("Takes"), usually(usual)))
    return Card(
        place.id,
        place.name,
        WAITING,
        with_moment(_("Updates {at}"), run.not_before, facts.now),
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


# ---- the steps -------------------------------------------------------------------------------------------------------


def _updating(place: Place, facts: Facts, target: Target) -> Card:
    steps = [step for step in facts.steps.get(target.id, []) if step.attempt == target.attempt]
    by_stage = {step.stage: step for step in steps}
    back = by_stage.get(Stage.PATCH_ROLL_BACK)
    dots = _dots(by_stage, is_going_back=back is not None)
    if back is not None:
        said: str | SafeString = _("Putting the previous version back")
    else:
        n = next((place_ for place_, dot in enumerate(dots, 1) if dot.is_current), 1)
        current = next((dot.text for dot in dots if dot.is_current), dots[0].text)
        said = _("Updating %(n)s of %(all)s: %(what)s") % {"n": n, "all": len(dots), "what": _lower(current)}
    return Card(
        place.id,
        place.name,
        moving(""),
        said,
        RANK_RUNNING,
        tiers=place.tiers,
        texts=_about_pair(place),
        dots=dots,
        beside=_("You may close this page; the update goes on."),
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _about_pair(place: Place) -> list[str | SafeString]:
    if not place.is_pair:
        return []
    done = sum(target.state in TARGET_ENDED for target in place.under_way)
    says = _("One side at a time: while one is updated, the other serves. %(done)s of %(all)s sides done.")
    return [says % {"done": done, "all": len(place.routers)}]


def _dots(by_stage: dict[str, Step], *, is_going_back: bool) -> list[Dot]:
    """The five steps, and the way back where it is gone."""
    found = [
        _dot(by_stage, (Stage.PATCH_COPY,), _("Copying the new software"), _("New software copied")),
        _dot(by_stage, (Stage.PATCH_BACK_UP,), _("Preparing the way back"), _("Way back prepared")),
        _dot(
            by_stage, (Stage.PATCH_APPLY,), _("Putting the new software in place"), _("New software in place")
        ),
        _dot(by_stage, (Stage.PATCH_RESTART,), _("Restarting services"), _("Services restarted")),
        _dot(
            by_stage,
            (Stage.PATCH_VERIFY, Stage.PATCH_RULES),
            _("Checking that everything answers"),
            _("Everything answers"),
        ),
    ]
    if is_going_back:
        found = [dot for dot in found if dot.mark is not WAITING]
        found.append(
            _dot(
                by_stage,
                (Stage.PATCH_ROLL_BACK,),
                _("Putting the previous version back"),
                _("The previous version is back"),
            )
        )
        return found
    if not any(dot.is_current for dot in found):  # between two steps: the next one is due
        next_one = next((n for n, dot in enumerate(found) if dot.mark is WAITING), None)
        if next_one is not None:
            dot = found[next_one]
            found[next_one] = Dot(moving(""), dot.text, "", is_current=True)
    return found


def _dot(by_stage: dict[str, Step], stages: tuple[Stage, ...], doing: str, done: str) -> Dot:
    steps = [by_stage[stage] for stage in stages if stage in by_stage]
    if not steps:
        usual = usual_ranges().get(stages[0])
        return Dot(WAITING, doing, str(usual) if usual is not None else "")
    ended = [step for step in steps if step.state == StepState.ENDED]
    bad = next((step for step in ended if step.outcome != Outcome.OK), None)
    if bad is not None:
        return Dot(_FAILED, doing, _took(bad))
    if len(ended) == len(stages):
        return Dot(_DONE, done, _took(*ended))
    return Dot(moving(""), doing, elapsed(steps[0].started) if steps[0].started else "", is_current=True)


def _took(*steps: Step) -> str:
    spans = [
        (step.finished - step.started).total_seconds() for step in steps if step.started and step.finished
    ]
    return duration(sum(spans)) if spans else ""
