"""Where to look for a router that no cloud lists any more, because a run has replaced it."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.patch_run.stops import replacement
from maintenance.domain.states import RunKind, Stage
from maintenance.models import Step, SystemVm


@dataclass(frozen=True, slots=True)
class Elsewhere:
    says: str
    url: str


def where_it_went(vm_id: UUID) -> Elsewhere | None:
    """The router that took its place, or the run that did it; None: no run of ours has replaced it."""
    started = Step.objects.filter(
        target__system_vm=vm_id, run__kind=RunKind.ROUTER_RESTART, stage=Stage.ROUTER_START
    )
    step = started.select_related("run", "target").order_by("-run__number", "-attempt", "-round").first()
    new = replacement(step)
    if step is None or new is None:
        return None
    names = {"old": step.target.name, "new": new.name, "number": step.run.number}
    says = _("%(old)s was replaced by %(new)s in run %(number)s.") % names
    if new.id and SystemVm.objects.filter(id=new.id, gone_at=None).exists():
        return Elsewhere(says, reverse("system-vm", args=[new.id]))
    return Elsewhere(says, reverse("run", args=[step.run_id]))
