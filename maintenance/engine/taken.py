"""Hosts that others took out of service. Pitstop never touches them by itself; a person may have one taken back."""

from django.db.models import Exists, OuterRef, QuerySet

from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.models import Host, HostOut


def taken_by_others() -> QuerySet[Host]:
    """Hosts in maintenance, as last read, that our ledger does not have out."""
    ours = HostOut.objects.filter(host=OuterRef("id"), closed_at=None)
    return Host.objects.filter(gone_at=None, resource_state__in=MAINTENANCE_STATES).exclude(Exists(ours))
