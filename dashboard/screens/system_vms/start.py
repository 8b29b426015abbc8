"""The page that starts a live patch of many: what is chosen, who will be patched, who is skipped and why, the rules."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.access import ADMINISTRATORS
from dashboard.patch_forms import PatchChoices
from dashboard.screens.marks import Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.system_vms.reasons import reason_of
from dashboard.screens.system_vms.words import restarts, serves, update_mark
from dashboard.screens.words import count, listing
from maintenance.actions import ActionError
from maintenance.actions.live_patches import vms_in_scope
from maintenance.domain.states import OnFailure
from maintenance.domain.system_vms import UpdateState
from maintenance.models import Network, SystemVm, Zone
from maintenance.updates import updates_of

SHOWN_MAX = 50
FOUND_MAX = 50
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    id: UUID
    name: str
    more: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PlannedVm:
    order: int
    name: str
    url: str
    serves: str
    zone: str
    version: str
    mark: Mark
    restarts: str
    remark: str


@dataclass(frozen=True, slots=True)
class SkippedVms:
    """All that are skipped for one reason."""

    reason: str
    vms: str
    names: str


@dataclass(frozen=True, slots=True)
class PatchPlan:
    """`unusable`: why nothing can be started with this scope."""

    says: str
    then: str
    patched: Sequence[PlannedVm]
    more: int
    skipped: Sequence[SkippedVms]
    unusable: str


@dataclass(frozen=True, slots=True)
class StartPatch:
    scope: str
    scopes: Sequence[tuple[str, str, bool]]
    zones: Sequence[ScopeChoice]
    networks: Sequence[ScopeChoice]
    system_vms: Sequence[ScopeChoice]
    find: str
    on_failure: Sequence[tuple[str, str, str, bool]]
    given: object
    errors: object
    plan: PatchPlan | None
    refusal: str
    may_force: bool
    start: str


def start_patch(choices: PatchChoices, role: str, *, refusal: str = "") -> StartPatch:
    plan = patch_plan(choices) if choices.has_scope else None
    scopes = {
        "all": _("Everything outdated"),
        "zones": _("Zones"),
        "networks": _("Networks"),
        "system_vms": _("Chosen system VMs"),
    }
    return StartPatch(
        scope=choices.scope,
        scopes=[(key, text, key == choices.scope) for key, text in scopes.items()],
        zones=_zones(choices) if choices.scope == "zones" else [],
        networks=_networks(choices) if choices.scope == "networks" else [],
        system_vms=_system_vms(choices) if choices.scope == "system_vms" else [],
        find=choices.find,
        on_failure=_on_failure(choices),
        given=choices.given,
        errors=choices.errors,
        plan=plan,
        refusal=refusal,
        may_force=role in ADMINISTRATORS,
        start=_("Start live patch"),
    )


def _on_failure(choices: PatchChoices) -> list[tuple[str, str, str, bool]]:
    chosen = choices.given.get("on_failure")
    texts = (
        (OnFailure.PAUSE, _("Pause and ask"), _("No further VM begins until somebody resumes.")),
        (OnFailure.SKIP, _("Go on without it"), _("It keeps its previous version, and needs a person.")),
        (OnFailure.STOP, _("Stop the run"), _("What is at work is finished or rolled back.")),
    )
    return [(str(value), text, more, value == chosen) for value, text, more in texts]


def _zones(choices: PatchChoices) -> list[ScopeChoice]:
    there = Count("system_vms", filter=Q(system_vms__gone_at=None))
    zones = Zone.objects.filter(gone_at=None).annotate(vms=there).order_by(natural_key("name"), "id")
    chosen = set(choices.ids.get("zones", ()))
    return [ScopeChoice(z.id, z.name, count(z.vms, "system VM"), z.id in chosen) for z in zones]


def _networks(choices: PatchChoices) -> list[ScopeChoice]:
    """Those that are chosen, and the first that the search finds."""
    chosen = choices.ids.get("networks", ())
    listed = Network.objects.filter(gone_at=None).order_by(natural_key("name"), "id")
    found = listed.exclude(id__in=chosen)
    if choices.find:
        found = found.filter(Q(name__icontains=choices.find) | Q(account__icontains=choices.find))
    rows = [*listed.filter(id__in=chosen)[:1000], *found[:FOUND_MAX]]
    return [
        ScopeChoice(
            n.id, n.name, ", ".join(part for part in (n.account, n.domain) if part), n.id in set(chosen)
        )
        for n in rows
    ]


def _system_vms(choices: PatchChoices) -> list[ScopeChoice]:
    chosen = choices.ids.get("system_vms", ())
    listed = SystemVm.objects.filter(gone_at=None).select_related("network", "vpc")
    found = listed.exclude(id__in=chosen).order_by(natural_key("name"), "id")
    if choices.find:
        found = found.filter(Q(name__icontains=choices.find) | Q(network__name__icontains=choices.find))
    first = listed.filter(id__in=chosen).order_by(natural_key("name"), "id")
    rows = [*first[:1000], *found[:FOUND_MAX]]
    return [ScopeChoice(vm.id, vm.name, serves(vm), vm.id in set(chosen)) for vm in rows]


def patch_plan(choices: PatchChoices) -> PatchPlan:
    """Who would be patched, in this order, and who is skipped for which reason. As the action decides it."""
    try:
        vms = vms_in_scope(choices.request())
    except ActionError as reason:
        return PatchPlan(_("Nothing to patch."), "", [], 0, [], _sentence(str(reason)))
    updates = updates_of(vms)
    forced = bool(choices.rules.get("forced"))
    patched: list[SystemVm] = []
    skipped: dict[str, list[str]] = defaultdict(list)
    for vm in vms:
        update = updates[vm.id]
        if update.possible or (forced and update.state is UpdateState.CURRENT and update.version):
            patched.append(vm)
        else:
            skipped[reason_of(update)].append(vm.name)
    says = ngettext(
        "%(vms)s will be patched.", "%(vms)s will be patched.", len(patched)
    ) % {"vms": count(len(patched), "system VM")}  # fmt: skip
    left = sum(map(len, skipped.values()))
    then = _("%(vms)s skipped.") % {"vms": count(left, "system VM")} if left else ""
    return PatchPlan(
        says=says if patched else _("Nothing to patch."),
        then=then,
        patched=[
            PlannedVm(
                order=place,
                name=vm.name,
                url=reverse("system-vm", args=[vm.id]),
                serves=serves(vm),
                zone=vm.zone.name,
                version=f"{vm.software_version} → {updates[vm.id].version}",
                mark=update_mark(updates[vm.id]),
                restarts=restarts(updates[vm.id]),
                remark=reason_of(updates[vm.id]),
            )
            for place, vm in enumerate(patched[:SHOWN_MAX], 1)
        ],
        more=max(0, len(patched) - SHOWN_MAX),
        skipped=[
            SkippedVms(reason, count(len(names), "system VM"), listing(names, most=NAMED_MAX))
            for reason, names in sorted(skipped.items(), key=lambda item: -len(item[1]))
        ],
        unusable=_unusable(patched, vms, {updates[vm.id].version for vm in patched}),
    )


def _unusable(patched: Sequence[SystemVm], vms: Sequence[SystemVm], versions: set[str]) -> str:
    if not patched:
        return _("No system VM of this scope can be patched now.")
    if len({vm.cloud_id for vm in vms}) > 1:
        return _("These belong to several clouds: patch one cloud at a time.")
    if len(versions) > 1:
        return _(
            "The newest updates of these types differ (%(versions)s): patch each type in a run of its own."
        ) % {"versions": listing(sorted(versions), most=NAMED_MAX)}
    return ""


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}." if reason else ""
