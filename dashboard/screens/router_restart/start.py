"""The page that restarts routers: whose, in which order, in which way, what that has cost so far, what if it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.restart_forms import REAPPLY, REPLACE, SERIAL, RestartChoices
from dashboard.screens.router_restart.find import FoundPlace, found_places
from dashboard.screens.router_restart.measured import measured_lines
from dashboard.screens.router_restart.ways import CONSEQUENCE, HAPPENS, IF_IT_FAILS, NAMES
from dashboard.screens.words import count, figure, listing
from maintenance.actions import ActionError
from maintenance.actions.router_plans import RestartPlan, plan_router_restart
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind
from maintenance.usual_restarts import MeasuredWay, usual_restarts

NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class RouterLine:
    order: int
    name: str
    url: str
    side: str
    version: str
    state: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """`why`: why not the way that one would expect; `refused`: why there is no restart at all."""

    name: str
    kind: str
    routers: Sequence[RouterLine]
    way: str
    why: str
    refused: str
    refused_url: str


@dataclass(frozen=True, slots=True)
class WayChoice:
    value: str
    label: str
    happens: str
    if_it_fails: str
    measured: Sequence[str]
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class StartRestart:
    """`disabled`: why the button cannot be pressed. `found`: places to choose from, while none is chosen. `others`:
    what was measured of ways that are not offered here."""

    says: str
    then: str
    places: Sequence[PlaceLine]
    ways: Sequence[WayChoice]
    others: Sequence[tuple[str, Sequence[str]]]
    can_become_redundant: bool
    makes_redundant: bool
    network_ids: Sequence[UUID]
    vpc_ids: Sequence[UUID]
    given: Mapping[str, str]
    find: str
    found: Sequence[FoundPlace]
    button: str
    consequence: str
    disabled: str
    refusal: str


def start_restart(choices: RestartChoices, *, refusal: str = "") -> StartRestart:
    """A few queries, however many networks are chosen."""
    plans, wrong = _planned(choices) if choices.has_place else ([], "")
    replaced = _planned_as(choices, REPLACE) if choices.has_place else []
    ways = {plan.chosen.way for plan in plans}
    measured = usual_restarts()
    offered = _ways(choices, replaced, measured)
    names = listing([plan.place_name for plan in plans], most=NAMED_MAX)
    way = plans[0].chosen.way if plans else RestartWay.PARALLEL
    return StartRestart(
        says=_says(plans, names, way) if plans else _("Restart routers."),
        then=_then(plans, way) if plans else _("Choose whose; nothing begins yet."),
        places=[_place(plan) for plan in plans],
        ways=offered,
        others=_others(measured, {one.label for one in offered}),
        can_become_redundant=any(not _is_pair(plan) for plan in plans) and choices.how != REAPPLY,
        makes_redundant=choices.makes_redundant,
        network_ids=choices.network_ids,
        vpc_ids=choices.vpc_ids,
        given=choices.given,
        find=choices.find,
        found=[] if choices.has_place else found_places(choices.find),
        button=_button(way, names),
        consequence=str(CONSEQUENCE[way]) if plans else "",
        disabled=_why_not(choices, plans, ways, wrong),
        refusal=refusal,
    )


def _planned(choices: RestartChoices) -> tuple[list[RestartPlan], str]:
    """What would be done; else why nothing can be."""
    try:
        return plan_router_restart(choices.request()), ""
    except ActionError as reason:
        return [], _sentence(str(reason))


def _planned_as(choices: RestartChoices, how: str) -> list[RestartPlan]:
    try:
        return plan_router_restart(choices.request(how))
    except ActionError:  # said by `_planned`
        return []


# ---- in words -------------------------------------------------------------------------------------------------------


def _says(plans: Sequence[RestartPlan], names: str, way: RestartWay) -> str:
    routers = count(sum(len(plan.routers) for plan in plans), "router")
    facts = {"routers": routers, "names": names}
    if way is RestartWay.REAPPLY:
        return _("The rules of %(routers)s of %(names)s will be applied again.") % facts
    return _("%(routers)s of %(names)s will be replaced.") % facts


def _then(plans: Sequence[RestartPlan], way: RestartWay) -> str:
    versions = sorted({plan.new_version for plan in plans if plan.new_version})
    if way is RestartWay.REAPPLY:
        return _("Nothing is stopped.")
    if not versions:
        return _("Which version the new ones get is not known.")
    words = ngettext(
        "New ones get version %(versions)s.", "New ones get the versions %(versions)s.", len(versions)
    )
    return words % {"versions": listing(versions, most=NAMED_MAX)}


def _button(way: RestartWay, names: str) -> str:
    match way:
        case RestartWay.REAPPLY:
            return _("Apply the rules of %(names)s again") % {"names": names}
        case RestartWay.SERIAL:
            return _("Stop the routers of %(names)s and replace them") % {"names": names}
        case _:
            return _("Replace the routers of %(names)s") % {"names": names}


def _place(plan: RestartPlan) -> PlaceLine:
    owner = plan.owner or {}
    return PlaceLine(
        name=plan.place_name,
        kind=_("VPC") if plan.is_vpc else _("Network"),
        routers=[
            RouterLine(
                order=place,
                name=vm.name,
                url=reverse("system-vm", args=[vm.id]),
                side=_side(vm.redundant_state),
                version=vm.template_version or _("unknown"),
                state=vm.state,
            )
            for place, vm in enumerate(plan.routers, 1)
        ],
        way=str(NAMES[plan.chosen.way]),
        why=_sentence(plan.chosen.words),
        refused=_sentence(plan.refused),
        refused_url=reverse("run", args=[owner["run"]]) if owner.get("run") else "",
    )


def _side(redundant_state: str) -> str:
    words = {"PRIMARY": _("primary side"), "BACKUP": _("backup side"), "": _("alone")}
    return words.get(redundant_state, redundant_state)


def _is_pair(plan: RestartPlan) -> bool:
    return any(vm.redundant_state for vm in plan.routers)


def _ways(
    choices: RestartChoices,
    replaced: Sequence[RestartPlan],
    measured: Mapping[str, Sequence[MeasuredWay]],
) -> list[WayChoice]:
    """Replacing has the way that fits what is chosen."""
    best = replaced[0].chosen.way if replaced else RestartWay.PARALLEL
    offered = ((REPLACE, best), (SERIAL, RestartWay.SERIAL), (REAPPLY, RestartWay.REAPPLY))
    return [
        WayChoice(
            value=value,
            label=str(NAMES[way]),
            happens=str(HAPPENS[way]),
            if_it_fails=str(IF_IT_FAILS[way]),
            measured=measured_lines(measured, way),
            is_chosen=value == choices.how,
        )
        for value, way in offered
    ]


def _others(measured: Mapping[str, Sequence[MeasuredWay]], offered: set[str]) -> list[tuple[str, list[str]]]:
    """For comparison."""
    names = {way: str(name) for way, name in NAMES.items()} | {RunKind.LIVE_PATCH: _("Live patch")}
    return [(name, measured_lines(measured, way)) for way, name in names.items() if name not in offered]


def _why_not(choices: RestartChoices, plans: Sequence[RestartPlan], ways: set[RestartWay], wrong: str) -> str:
    if not choices.has_place:
        return _("Choose a network or VPC first.")
    if wrong:
        return wrong
    refused = [plan for plan in plans if plan.refused]
    if refused and len(plans) == 1:
        return _sentence(refused[0].refused)
    if refused:
        facts = {"name": refused[0].place_name, "reason": refused[0].refused, "n": figure(len(refused))}
        return (
            ngettext(
                "%(n)s of them cannot be restarted; %(name)s: %(reason)s.",
                "%(n)s of them cannot be restarted; %(name)s, for one: %(reason)s.",
                len(refused),
            )
            % facts
        )
    if len(ways) > 1:
        return _("These would be restarted in several ways: start a run for each.")
    return ""


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}." if reason else ""
