"""How something that needed a person was settled: by whom or by what was seen, why, and what is so since."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark
from dashboard.screens.words import said
from maintenance.domain.states import TARGET_BEGUN, TargetState
from maintenance.models import Attention, AuditEntry

OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class SettledBy:
    """`person`: who pressed, or the run that went on; otherwise `seen` says what was seen. `why`: the reason given."""

    person: str
    seen: str
    why: str = ""


def settled_by(attention: Attention, *, why: str = "") -> SettledBy:
    by = attention.resolved_by
    if by.startswith(OBSERVED):
        return SettledBy("", by.removeprefix(OBSERVED).lstrip(": "))
    return SettledBy(by, "", why)


def reason_given(attention: Attention) -> str:
    """Whoever closes it by hand says why; the audit keeps it."""
    closed = AuditEntry.objects.filter(action="attention resolved", object__attention=str(attention.id))
    return closed.values_list("reason", flat=True).last() or ""


def since_settled(attention: Attention, open_again: Collection[Attention]) -> tuple[str, Mark]:
    """What follows from its being settled. Pressed is not done: a host on its way is not called well yet."""
    target = attention.target
    if any(one.target_id is not None and one.target_id == attention.target_id for one in open_again):
        if attention.server_id is not None:
            return _("This is settled, but the management server needs a person again."), mark("NeedsPerson")
        if attention.system_vm_id is not None:
            return _("This is settled, but the system VM needs a person again."), mark("NeedsPerson")
        return _("This is settled, but the host needs a person again."), mark("NeedsPerson")
    if target is not None and target.is_open and target.state in TARGET_BEGUN:
        drawn = mark(target.state)
        on_its_way = {"host": said(target.name), "state": drawn.word}
        return _("%(host)s is on its way: %(state)s.") % on_its_way, drawn
    if target is not None and target.state in {TargetState.FAILED, TargetState.NEEDS_PERSON}:
        return _("It is settled; %(host)s counts as failed.") % {"host": said(target.name)}, mark("Done")
    return _("It is settled."), mark("Done")
