"""How a system VM is at this moment, as last probed, in a few words."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.host.now import HostNow
from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.words import figure
from maintenance.models import SystemVm


def vm_now(vm_id: UUID) -> HostNow:
    """Green only when it runs and every enabled service answered the last probe."""
    vm = SystemVm.objects.select_related("cloud").filter(id=vm_id).first()
    if vm is None or vm.gone_at is not None:
        return HostNow(UNKNOWN, _("The cloud no longer lists this system VM."), None, None)
    if not vm.is_known(timezone.now()) or vm.probed_at is None or vm.probe_error:
        words = _("Not known: %(why)s") % {"why": vm.probe_error or _("it has not been probed")}
        return HostNow(UNKNOWN, words, None, vm.probed_at)
    enabled = [service for service in vm.services if service.get("is_enabled")]
    active = sum(bool(service.get("is_active")) for service in enabled)
    facts = {"version": vm.software_version, "n": figure(active), "all": figure(len(enabled))}
    words = _("It runs %(version)s; %(n)s of %(all)s services answer.") % facts
    is_well = vm.state == "Running" and active == len(enabled)
    return HostNow(_well() if is_well else _unwell(vm.state), words, None, vm.probed_at)


def _well() -> Mark:
    return Mark("Up", _("Running"), "done")


def _unwell(state: str) -> Mark:
    return Mark("NeedsPerson", state if state != "Running" else _("A service does not run"), "paused")
