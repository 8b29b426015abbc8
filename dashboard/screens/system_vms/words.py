"""The words of system VMs: their types, what can be said of an update, and how a patch ended."""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark, mark
from dashboard.screens.words import listing
from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import TARGET_ENDED, RunKind, TargetState
from maintenance.domain.system_vms import ROUTERS, PatchOutcome, SystemVmType, Update, UpdateState
from maintenance.models import SystemVm, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

TYPES: "Mapping[str, StrPromise]" = {
    SystemVmType.SECONDARY_STORAGE: gettext_lazy("Secondary storage"),
    SystemVmType.CONSOLE_PROXY: gettext_lazy("Console proxy"),
    SystemVmType.ROUTER: gettext_lazy("Virtual router"),
    SystemVmType.INTERNAL_LB: gettext_lazy("Internal load balancer"),
}
SECURITY = Mark("Available", gettext_lazy("Security update"), "available")
_UPDATES: Mapping[UpdateState, Mark] = {
    UpdateState.AVAILABLE: Mark("Available", gettext_lazy("Available"), "available"),
    UpdateState.CURRENT: Mark("Done", gettext_lazy("Current"), "done"),
    UpdateState.NEEDS_UPGRADE: Mark("Waiting", gettext_lazy("Needs an upgrade instead"), "waiting"),
    UpdateState.NOT_POSSIBLE: Mark("Waiting", gettext_lazy("Not possible"), "waiting"),
    UpdateState.WAITS: Mark("Waiting", gettext_lazy("Waits"), "waiting"),
    UpdateState.UNKNOWN: UNKNOWN,
}
# How a patch ended, told apart everywhere.
OUTCOMES: Mapping[str, Mark] = {
    PatchOutcome.PATCHED: Mark("Done", gettext_lazy("Patched"), "done"),
    PatchOutcome.ALREADY_CURRENT: Mark(
        "Skipped", gettext_lazy("Already current, nothing was done"), "skipped"
    ),
    PatchOutcome.FAILED_RESTORED: Mark(
        "NeedsPerson", gettext_lazy("Failed, previous version is back"), "paused"
    ),
    PatchOutcome.NOTHING_CHANGED: Mark(
        "NeedsPerson", gettext_lazy("Failed before anything was changed"), "paused"
    ),
    PatchOutcome.FAILED_NOT_RESTORED: Mark("Failed", gettext_lazy("Failed, not restored"), "failed"),
    PatchOutcome.UNCONFIRMED: Mark("Unknown", gettext_lazy("Could not confirm"), "unknown"),
    RouterOutcome.REPLACED: Mark("Done", gettext_lazy("Replaced"), "done"),
    RouterOutcome.REAPPLIED: Mark("Done", gettext_lazy("Rules applied again"), "done"),
}
# The same words of the restart of a router mean something else than of a patch.
RESTARTS: Mapping[str, Mark] = {
    **OUTCOMES,
    RouterOutcome.FAILED_RESTORED: Mark(
        "NeedsPerson", gettext_lazy("Failed, the previous router serves"), "paused"
    ),
    RouterOutcome.NOTHING_CHANGED: Mark(
        "NeedsPerson", gettext_lazy("Failed, nothing was replaced"), "paused"
    ),
}
REPLACED_ALONE = Mark("NeedsPerson", gettext_lazy("Replaced, without a second router"), "paused")


def type_word(kind: str) -> str:
    """A type that nobody knows by its own name."""
    return str(TYPES.get(kind, kind))


def update_mark(update: Update) -> Mark:
    """An update that fixes something of security stands apart."""
    if update.state is UpdateState.AVAILABLE and update.fixes_security:
        return SECURITY
    return _UPDATES[update.state]


def restarts(update: Update) -> str:
    """What would restart, and so be away for a moment."""
    return _("restarts %(services)s") % {"services": listing(update.services, most=len(update.services) + 1)}


def ended_mark(kind: str, state: str, result: str) -> Mark | None:
    """How a patch or a restart (`kind` is the run's) ended; None: nothing was told apart."""
    if kind == RunKind.ROUTER_RESTART and (state, result) == (TargetState.FAILED, RouterOutcome.REPLACED):
        return REPLACED_ALONE
    return (RESTARTS if kind == RunKind.ROUTER_RESTART else OUTCOMES).get(result)


def outcome_mark(target: Target) -> Mark:
    """Where a system VM of a run is, or how its patch or restart ended. Load it with its run."""
    if target.state not in TARGET_ENDED:
        return mark(target.state)
    if target.result and (drawn := ended_mark(target.run.kind, target.state, target.result)):
        return drawn
    if target.state == TargetState.NEEDS_PERSON:
        return NEEDS_PERSON
    return mark(target.state)


def restart_url(vm: SystemVm) -> str:
    """The page that restarts the routers of its network or VPC; empty of what has none."""
    if vm.type not in ROUTERS or (vm.vpc_id or vm.network_id) is None:
        return ""
    asked = {"vpc": vm.vpc_id} if vm.vpc_id is not None else {"network": vm.network_id}
    return f"{reverse('routers-restart')}?{urlencode(asked)}"


def serves(vm: SystemVm) -> str:
    """What it is, and for what: Virtual router of shop-prod. Load it with its network and VPC."""
    of = vm.vpc or vm.network
    if of is None:
        return type_word(vm.type)
    alone, paired = _("%(type)s of %(network)s"), _("%(type)s of %(network)s, one of a pair")
    words = paired if vm.redundant_state else alone
    return words % {"type": type_word(vm.type), "network": of.name}


def owner(vm: SystemVm) -> str:
    """shop, ROOT/retail; empty for what is the cloud's own."""
    return ", ".join(part for part in (vm.account, vm.domain) if part)
