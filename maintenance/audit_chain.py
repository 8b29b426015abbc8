"""Walking the audit's chain a piece at a time, so that "whole up to N" is always known and never costs a full walk.

An engine goes on from the last good entry every minute; an administrator may have it walked again from the first one.
"""

import time

from django.db.models.functions import Now

from maintenance.feed import ENGINE, audit_digest, unit_of_work
from maintenance.models import AuditCheck, AuditEntry

THE_ROW = 1
PIECE = 1_000  # entries read at once
BUDGET_S = 2.0  # a walk that takes longer goes on the next time


def audit_check() -> AuditCheck:
    """How far the chain is known to be whole."""
    return AuditCheck.objects.filter(id=THE_ROW).first() or AuditCheck(id=THE_ROW)


def start_again(actor: str) -> AuditCheck:
    """Walk from the first entry, as far as the budget goes; engines go on with the rest."""
    AuditCheck.objects.filter(id=THE_ROW).update(number=0, digest="", broken_number=None, began_at=Now())
    return go_on(actor)


def go_on(actor: str = ENGINE) -> AuditCheck:
    """The next entries are looked at, and what was found is kept.

    A chain that is broken stays broken until it is walked again from the first entry.
    """
    AuditCheck.objects.get_or_create(id=THE_ROW, defaults={"began_at": Now()})
    ends = time.monotonic() + BUDGET_S
    with unit_of_work(actor) as work:
        check = AuditCheck.objects.select_for_update(no_key=True, skip_locked=True).filter(id=THE_ROW).first()
        if check is None:
            return audit_check()  # somebody else walks just now
        before = (check.number, check.broken_number)
        while check.broken_number is None and _walk_on(check) and time.monotonic() < ends:
            continue
        if before != (check.number, check.broken_number):
            work.event("audit.checked", {}, after={"number": check.number, "broken": check.broken_number})
        check.save(update_fields=["number", "digest", "broken_number"])
        AuditCheck.objects.filter(id=THE_ROW).update(checked_at=Now())
    return audit_check()


def _walk_on(check: AuditCheck) -> bool:
    """Looks at the next piece; whether there may be more."""
    piece = list(AuditEntry.objects.filter(number__gt=check.number).order_by("number")[:PIECE])
    for entry in piece:
        is_next = entry.number == check.number + 1 and entry.previous == check.digest
        if not is_next or entry.digest != audit_digest(entry):
            check.broken_number = entry.number
            return False
        check.number, check.digest = entry.number, entry.digest
    return len(piece) == PIECE
