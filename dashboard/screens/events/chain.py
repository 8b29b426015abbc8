"""Whether the audit was changed by somebody: how far its chain was walked, and what was found."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS
from dashboard.screens.marks import Mark, mark
from dashboard.screens.words import figure
from maintenance.audit_chain import audit_check
from maintenance.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Chain:
    mark: Mark
    says: str
    checked_at: datetime | None
    may_check: bool


def chain(role: str) -> Chain:
    """As far as it is known, without a walk: two looks at one row each."""
    check = audit_check()
    last = AuditEntry.objects.order_by("-number").values_list("number", flat=True).first() or 0
    may = role in ADMINISTRATORS
    if check.broken_number is not None:
        says = _(
            "The audit is BROKEN at entry %(number)s: it, or what came before it, was changed behind Pitstop's back."
        ) % {"number": figure(check.broken_number)}
        return Chain(mark("Failed"), says, check.checked_at, may)
    if check.checked_at is None or (last and not check.number):
        return Chain(mark("Waiting"), _("The audit's chain was not checked yet."), None, may)
    if not last:
        return Chain(
            mark("Done"), _("The audit is empty: nobody has done anything yet."), check.checked_at, may
        )
    numbers = {"number": figure(check.number), "last": figure(last)}
    if check.number < last:
        says = _("The audit's chain is whole up to entry %(number)s of %(last)s.") % numbers
    else:
        says = _("The audit's chain is whole: all %(number)s entries.") % numbers
    return Chain(mark("Done"), says, check.checked_at, may)
