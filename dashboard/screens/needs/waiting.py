"""One host that others took may be in the way of many: that is one thing that needs a person, not many."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from dashboard.screens.words import listing, said
from maintenance.engine.attention import Cause
from maintenance.models import Attention, Run

_TAKEN = Q(cause=Cause.FOREIGN_MAINTENANCE, resolved_at=None)


def open_needs(run: Run | None = None) -> QuerySet[Attention]:
    """What is open (in this run, or at all): of the hosts that wait for the same host of others the first only."""
    found = Attention.objects.filter(resolved_at=None)
    earlier = Attention.objects.filter(_TAKEN, host=OuterRef("host")).filter(
        Q(since__lt=OuterRef("since")) | Q(since=OuterRef("since"), id__lt=OuterRef("id"))
    )
    if run is not None:
        found, earlier = found.filter(run=run), earlier.filter(run=run)
    return found.exclude(Exists(earlier), cause=Cause.FOREIGN_MAINTENANCE)


def waiting_for(attentions: Iterable[Attention], run: Run | None = None) -> dict[UUID, list[str]]:
    """By host that others took: the hosts that wait for it, where it is more than one. One query."""
    taken = {one.host_id for one in attentions if _is_taken(one)}
    if not taken:
        return {}
    rows = Attention.objects.filter(_TAKEN, host__in=taken).order_by("since", "id")
    if run is not None:
        rows = rows.filter(run=run)
    found: dict[UUID, list[str]] = {}
    for host_id, name in rows.values_list("host_id", "target__name"):
        if host_id is not None and name:
            found.setdefault(host_id, []).append(name)
    return {host_id: names for host_id, names in found.items() if len(names) > 1}


def waiting_of(attention: Attention, waiting: Mapping[UUID, list[str]]) -> list[str]:
    """The hosts that wait for what this is about, where it stands for several."""
    return waiting.get(attention.host_id, []) if attention.host_id and _is_taken(attention) else []


def _is_taken(attention: Attention) -> bool:
    is_open = attention.resolved_at is None
    return is_open and attention.cause == Cause.FOREIGN_MAINTENANCE and attention.host_id is not None


def waiting_words(names: list[str]) -> str:
    return _("%(hosts)s wait for it. Pitstop never touches it by itself.") % {
        "hosts": listing([said(name) for name in names])
    }
