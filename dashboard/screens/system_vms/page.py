"""One system VM: the sentence it begins with, its facts, its services as probed, its rules and its peer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.actions import Action, too_low
from dashboard.screens.marks import Mark
from dashboard.screens.system_vms.rows import VmRow, vm_row
from dashboard.screens.system_vms.words import owner, restart_url, type_word
from dashboard.screens.words import figure
from maintenance.domain.system_vms import Update, UpdateState
from maintenance.models import SystemVm
from maintenance.updates import update_of_vm

_RULES = ("firewall", "port_forwarding", "load_balancing")


@dataclass(frozen=True, slots=True)
class VmFact:
    """`at`: a moment, said beneath the value."""

    name: str
    value: str
    url: str = ""
    more: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServiceLine:
    name: str
    mark: Mark
    version: str
    note: str


@dataclass(frozen=True, slots=True)
class PeerLine:
    name: str
    url: str
    role: str
    version: str
    state: str


@dataclass(frozen=True, slots=True)
class VmPage:
    id: UUID
    name: str
    title: str
    says: str
    then: str
    mark: Mark
    facts: Sequence[VmFact]
    services: Sequence[ServiceLine]
    probed_at: datetime | None
    probe_error: str
    rules: Sequence[VmFact]
    public_ips: Sequence[str]
    peers: Sequence[PeerLine]
    is_router: bool
    row: VmRow
    restart: Action | None


def vm_page(vm_id: UUID, role: str) -> VmPage | None:
    """None: no cloud lists it. A few queries."""
    vm = (
        SystemVm.objects.select_related("cloud", "zone", "host", "network", "vpc")
        .filter(id=vm_id, gone_at=None)
        .first()
    )
    row = vm_row(vm_id, role) if vm is not None else None
    if vm is None or row is None:
        return None
    update = update_of_vm(vm)
    says, then = _says(vm, row, update)
    return VmPage(
        id=vm.id,
        name=vm.name,
        title=f"{vm.name} · {row.mark.word}",
        says=says,
        then=then,
        mark=row.mark,
        facts=_facts(vm),
        services=[_service(one) for one in vm.services],
        probed_at=vm.probed_at,
        probe_error=vm.probe_error,
        rules=_rules(vm),
        public_ips=[str(one) for one in vm.public_ips],
        peers=_peers(vm),
        is_router=vm.network_id is not None or vm.vpc_id is not None,
        row=row,
        restart=_restart(vm, role),
    )


def _restart(vm: SystemVm, role: str) -> Action | None:
    """Of the routers of its network or VPC; None of what serves none."""
    of, url = vm.vpc or vm.network, restart_url(vm)
    if of is None or not url:
        return None
    label = _("Restart the routers of %(network)s…") % {"network": of.name}
    says = _(
        "New routers take their place, or their rules are applied again. You see how first, and what it has cost."
    )
    return Action(label, "refresh", url, says, is_link=True).unless(too_low(role))


def _says(vm: SystemVm, row: VmRow, update: Update) -> tuple[str, str]:
    """What runs in it, as probed; then what can be said of an update."""
    facts = {"vm": vm.name, "version": row.version, "next": update.version}
    says = (
        _("%(vm)s runs %(version)s.") % facts if row.version else _("What %(vm)s runs is not known.") % facts
    )
    if row.action is not None and row.action.is_link:
        return says, f"{row.mark.word}."
    match update.state:
        case UpdateState.AVAILABLE if update.fixes_security:
            return says, _("%(next)s fixes security.") % facts
        case UpdateState.AVAILABLE:
            return says, _("%(next)s is available.") % facts
        case UpdateState.CURRENT:
            return says, _("It is up to date.") if update.version else _(
                "No update has been published for it."
            )
        case UpdateState.NEEDS_UPGRADE:
            return says, _("It needs an upgrade instead of a patch.")
        case UpdateState.WAITS:
            return says, _("Its update waits for operator work.")
        case UpdateState.NOT_POSSIBLE:
            return says, _("It cannot be patched now.")
        case _:
            return says, _("Whether an update is due is not known.")


def _facts(vm: SystemVm) -> list[VmFact]:
    of = vm.vpc or vm.network
    is_known = vm.is_known(timezone.now())
    found = [
        VmFact(_("Type"), type_word(vm.type), more=_redundant(vm)),
        VmFact(_("State"), vm.state if is_known else _("unknown"), more="" if is_known else vm.state),
        VmFact(_("Version, as probed"), vm.software_version or _("unknown"), at=vm.probed_at),
        VmFact(_("Scripts' checksum"), vm.scripts_checksum or _("unknown")),
        VmFact(_("Image"), vm.template_version or _("not told"), more=vm.base_image),
        VmFact(_("Zone"), vm.zone.name, reverse("zone", args=[vm.zone_id])),
        VmFact(
            _("Host"),
            vm.host.name if vm.host else _("none"),
            reverse("host", args=[vm.host_id]) if vm.host else "",
        ),
    ]
    if of is not None:
        found.append(VmFact(_("VPC") if vm.vpc else _("Network"), of.name))
    if mine := owner(vm):
        found.append(VmFact(_("Account"), mine))
    return found


def _redundant(vm: SystemVm) -> str:
    words = {"PRIMARY": _("primary side of a pair"), "BACKUP": _("backup side of a pair")}
    return words.get(vm.redundant_state, vm.redundant_state)


def _service(told: dict[str, object]) -> ServiceLine:
    """Only what answered is green, with the version it answered."""
    name, version = str(told.get("name", "")), str(told.get("version") or "")
    if told.get("is_active") and version:
        return ServiceLine(
            name, Mark("Done", _("answers %(version)s") % {"version": version}, "done"), version, ""
        )
    if told.get("is_active"):
        return ServiceLine(name, Mark("Unknown", _("runs, tells no version"), "unknown"), "", "")
    if told.get("is_enabled"):
        note = _("It is enabled; a patch leaves it as it was, and is not blamed for it.")
        return ServiceLine(name, Mark("NeedsPerson", _("does not run"), "paused"), "", note)
    return ServiceLine(name, Mark("Waiting", _("not enabled"), "waiting"), "", "")


def _rules(vm: SystemVm) -> list[VmFact]:
    names = {
        "firewall": _("Firewall rules"),
        "port_forwarding": _("Port forwarding rules"),
        "load_balancing": _("Load balancing rules"),
    }
    return [VmFact(names[key], figure(int(vm.rules.get(key) or 0))) for key in _RULES]


def _peers(vm: SystemVm) -> list[PeerLine]:
    """The other side of a redundant pair."""
    if not vm.redundant_state:
        return []
    same = {"vpc": vm.vpc_id} if vm.vpc_id else {"network": vm.network_id}
    others = SystemVm.objects.filter(gone_at=None, **same).exclude(id=vm.id).exclude(redundant_state="")
    return [
        PeerLine(
            other.name,
            reverse("system-vm", args=[other.id]),
            _redundant(other),
            other.software_version or _("unknown"),
            other.state,
        )
        for other in others.order_by("name")
    ]
