"""The Live Patch button of one system VM: what it does, what stays up, how long it takes – or why it cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS
from dashboard.screens.actions import too_low
from dashboard.screens.marks import Mark
from dashboard.screens.system_vms.reasons import reason_of
from dashboard.screens.system_vms.words import restart_url, restarts, update_mark
from dashboard.screens.words import Range, listing
from maintenance.domain.system_vms import SystemVmType, Update, UpdateState
from maintenance.models import SystemVm
from maintenance.updates import newest_payload, update_of_vm
from maintenance.usual_patches import usual_patch


@dataclass(frozen=True, slots=True)
class Advisory:
    id: str
    title: str
    is_security: bool


@dataclass(frozen=True, slots=True)
class PatchOffer:
    """`can_force`: also where it is current already, for administrators. `says`: all that happens, one line each."""

    mark: Mark
    version: str
    next_version: str
    says: Sequence[str]
    advisories: Sequence[Advisory]
    remark: str
    url: str
    disabled: str
    can_force: bool
    force_disabled: str
    restart: str  # the page that does instead what a patch cannot


def patch_offer(vm_id: UUID, role: str) -> PatchOffer | None:
    """None: no cloud lists it. A few queries."""
    vm = SystemVm.objects.select_related("cloud", "network", "vpc").filter(id=vm_id, gone_at=None).first()
    if vm is None:
        return None
    update = update_of_vm(vm)
    payload = newest_payload(vm.type)
    is_current = update.state is UpdateState.CURRENT and bool(update.version)
    return PatchOffer(
        mark=update_mark(update),
        version=vm.software_version or _("unknown"),
        next_version=update.version if not is_current else "",
        says=_says(vm, restarts(update)),
        advisories=[
            Advisory(str(one.get("id", "")), str(one.get("title", "")), bool(one.get("is_security")))
            for one in (payload.advisories if payload else ())
        ],
        remark=reason_of(update) if update.possible else "",
        url=reverse("system-vm-patch", args=[vm.id]),
        disabled=too_low(role) or ("" if update.possible else _why_not(update)),
        can_force=is_current,
        force_disabled=too_low(role) or ("" if role in ADMINISTRATORS else _("Administrators can do this.")),
        restart=restart_url(vm) if update.state is UpdateState.NEEDS_UPGRADE and not too_low(role) else "",
    )


def _why_not(update: Update) -> str:
    return reason_of(update) or _("Nothing can be said of an update.")


def _says(vm: SystemVm, restarted: str) -> list[str]:
    usual = usual_patch([vm.type])
    found = [
        _("It %(restarts)s, one after another, each only if it runs now.") % {"restarts": restarted},
        _stays_up(vm),
        _("If anything fails after the backup, the previous version is put back, restarted and probed."),
    ]
    if usual is not None:
        found.append(_("Usually %(range)s.") % {"range": Range(usual.low_s, usual.high_s)})
    return found


def _stays_up(vm: SystemVm) -> str:
    match vm.type:
        case SystemVmType.CONSOLE_PROXY:
            return _("The VM itself stays up. Open consoles reconnect.")
        case SystemVmType.SECONDARY_STORAGE:
            return _("The VM itself stays up. Copies that run may be tried again by the cloud.")
        case SystemVmType.INTERNAL_LB:
            return _("Instances and addresses stay up. Balanced connections may be made anew.")
        case _:
            away = listing([_("load balancer"), _("DNS and DHCP"), _("instance metadata")])
            return _("Instances, public IPs and forwarding stay up; %(services)s are away for a moment.") % {
                "services": away
            }
