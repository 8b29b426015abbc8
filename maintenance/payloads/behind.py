"""How many system VMs a payload would still bring forward: counted by what was probed, never by what was intended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from maintenance.domain.system_vms import version_of
from maintenance.models import Payload, SystemVm


@dataclass(frozen=True, slots=True)
class Behind:
    """Of the VMs of a payload's types. `unknown`: never probed, or not answering: nobody knows what these run."""

    older: int = 0
    current: int = 0
    newer: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return self.older + self.current + self.newer + self.unknown


def behind(payloads: Iterable[Payload]) -> Mapping[UUID, Behind]:
    """By payload. One query, whose rows are as many as there are versions in the field."""
    probed = SystemVm.objects.filter(gone_at=None).order_by()
    groups = list(
        probed.annotate(is_unknown=~Q(probe_error="") | Q(probed_at=None))
        .values("type", "software_version", "scripts_checksum", "is_unknown")
        .annotate(n=Count("pk"))
        .values_list("type", "software_version", "scripts_checksum", "is_unknown", "n")
    )
    return {payload.id: _counted(payload, groups) for payload in payloads}


def _counted(payload: Payload, groups: list[tuple[str, str, str, bool, int]]) -> Behind:
    counts = {"older": 0, "current": 0, "newer": 0, "unknown": 0}
    for kind, version, checksum, is_unknown, n in groups:
        if kind in payload.types:
            counts[_standing(payload, version, checksum, is_unknown)] += n
    return Behind(**counts)


def _standing(payload: Payload, version: str, checksum: str, is_unknown: bool) -> str:
    if is_unknown:
        return "unknown"
    if version_of(version) > version_of(payload.version):
        return "newer"
    is_current = (version, checksum) == (payload.version, payload.scripts_md5)
    return "current" if is_current else "older"
