"""How many system VMs there are with which update, counted by what makes the difference: few groups of many VMs.

The rules are those that the action asks (`maintenance.domain.system_vms`); the database only counts.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind
from maintenance.domain.system_vms import (
    ROUTERS,
    PayloadFacts,
    SystemVmType,
    Update,
    UpdateState,
    VmFacts,
    Why,
    update_of,
)
from maintenance.models import Cloud, Network, SystemVm, Target
from maintenance.updates import published

SECURITY = "security"  # an update that is available and fixes something of security
_DIFFERENCE = (
    *("type", "state", "template_version", "base_image", "software_version", "scripts_checksum"),
    *("is_probed", "is_busy", "is_tierless", "cloud_id"),
)


@dataclass(frozen=True, slots=True)
class Group:
    """So many VMs between which the rules see no difference. `kind`: an UpdateState, or SECURITY."""

    values: Mapping[str, Any]
    vms: int
    update: Update

    @property
    def kind(self) -> str:
        is_security = self.update.state is UpdateState.AVAILABLE and self.update.fixes_security
        return SECURITY if is_security else str(self.update.state)

    @property
    def condition(self) -> Q:
        return Q(**self.values)


@dataclass(frozen=True, slots=True)
class Census:
    groups: Sequence[Group]

    @property
    def counts(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for group in self.groups:
            found[group.kind] += group.vms
        return found

    @property
    def total(self) -> int:
        return sum(group.vms for group in self.groups)

    @property
    def possible(self) -> int:
        """How many a press would patch now."""
        return sum(group.vms for group in self.groups if group.update.possible)

    def which(self, kind: str) -> Q:
        """The rows of `annotated()` that are of this kind."""
        return reduce(or_, (group.condition for group in self.groups if group.kind == kind), Q(pk__in=[]))


def annotated() -> QuerySet[SystemVm]:
    """Every listed system VM with what the rules need beside its row."""
    open_ones = Target.objects.filter(is_open=True, run__state__in=RUN_ACTIVE)
    away = open_ones.filter(run__kind__in=[RunKind.ROLLING, RunKind.HOST], state__in=TARGET_BEGUN)
    tiers = Network.objects.filter(vpc=OuterRef("vpc_id"), gone_at=None)
    return SystemVm.objects.filter(gone_at=None).annotate(
        is_probed=Q(probed_at__isnull=False, probe_error=""),
        is_busy=Exists(open_ones.filter(system_vm=OuterRef("pk")))
        | Exists(away.filter(host=OuterRef("host_id"))),
        is_tierless=Q(vpc_id__isnull=False, type__in=ROUTERS) & ~Exists(tiers),
    )


def census() -> Census:
    """Three queries, however many VMs there are."""
    payloads, now = published(), timezone.now()
    clouds = Cloud.objects.in_bulk()
    rows = annotated().order_by().values(*_DIFFERENCE).annotate(vms=Count("pk"))
    groups = []
    for row in rows:
        vms = row.pop("vms")
        is_known = clouds[row["cloud_id"]].is_known(now)
        groups.append(Group(row, vms, _update(row, payloads, is_known=is_known)))
    return Census(groups)


def _update(row: Mapping[str, Any], payloads: Sequence[PayloadFacts], *, is_known: bool) -> Update:
    if row["type"] not in set(SystemVmType):
        return Update(UpdateState.UNKNOWN, False, Why.NONE, ())
    facts = VmFacts(
        type=SystemVmType(row["type"]),
        state=row["state"] if is_known else "of unknown state",
        template_version=row["template_version"],
        base_image=row["base_image"],
        software_version=row["software_version"],
        scripts_checksum=row["scripts_checksum"],
        is_probed=row["is_probed"],
        in_operator_work=Why.HOST_AT_WORK if row["is_busy"] else None,
        is_vpc_without_tiers=row["is_tierless"],
    )
    return update_of(facts, payloads)
