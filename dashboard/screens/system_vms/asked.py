"""What the list's address asks for – search, filters, order, page – and which system VMs that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy

from dashboard.screens.natural_order import natural_key
from dashboard.screens.system_vms.census import SECURITY, Census, annotated
from dashboard.screens.system_vms.words import TYPES
from maintenance.domain.system_vms import UpdateState
from maintenance.engine.attention import VM_CAUSES
from maintenance.models import Attention, SystemVm

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

UPDATES: "Mapping[str, StrPromise]" = {
    SECURITY: gettext_lazy("Security update"),
    UpdateState.AVAILABLE: gettext_lazy("Update available"),
    UpdateState.WAITS: gettext_lazy("Update waits for operator work"),
    UpdateState.NEEDS_UPGRADE: gettext_lazy("Needs an upgrade instead"),
    UpdateState.NOT_POSSIBLE: gettext_lazy("Not possible"),
    UpdateState.UNKNOWN: gettext_lazy("Unknown"),
    UpdateState.CURRENT: gettext_lazy("Current"),
}
SORTS: "Mapping[str, StrPromise]" = {
    "": gettext_lazy("What is to be done first"),
    "name": gettext_lazy("Name"),
    "zone": gettext_lazy("Zone"),
    "version": gettext_lazy("Version"),
    "probed": gettext_lazy("Probed longest ago"),
}
PATCH_CAUSES = tuple(VM_CAUSES)


@dataclass(frozen=True, slots=True)
class AskedVms:
    """Nothing asked is everything, what is to be done first."""

    search: str = ""
    type: str = ""
    zone: UUID | None = None
    account: str = ""
    update: str = ""
    sort: str = ""
    page: int = 1

    def known(self) -> "AskedVms":
        """Without what this list cannot answer."""
        return replace(
            self,
            type=self.type if self.type in TYPES else "",
            update=self.update if self.update in UPDATES else "",
            sort=self.sort if self.sort in SORTS else "",
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.type or self.zone or self.account or self.update)

    def address(self, **changes: object) -> str:
        asked = replace(self, **changes)  # type: ignore[arg-type]
        said = {
            "search": asked.search,
            "type": asked.type,
            "zone": asked.zone,
            "account": asked.account,
            "update": asked.update,
            "sort": asked.sort,
            "page": asked.page if asked.page > 1 else "",
        }
        return "?" + urlencode({name: str(value) for name, value in said.items() if value})

    def found(self, census: Census) -> QuerySet[SystemVm]:
        found = annotated()
        if self.search:
            named = Q(name__icontains=self.search) | Q(network__name__icontains=self.search)
            found = found.filter(named | Q(vpc__name__icontains=self.search))
        if self.type:
            found = found.filter(type=self.type)
        if self.zone:
            found = found.filter(zone=self.zone)
        if self.account:
            found = found.filter(account=self.account)
        return found.filter(census.which(self.update)) if self.update else found

    def ordered(self, found: QuerySet[SystemVm], census: Census) -> QuerySet[SystemVm]:
        by_name = (natural_key("name"), "id")
        match self.sort:
            case "name":
                return found.order_by(*by_name)
            case "zone":
                return found.order_by(natural_key("zone__name"), *by_name)
            case "version":
                return found.order_by(natural_key("software_version"), *by_name)
            case "probed":
                return found.order_by(F("probed_at").asc(nulls_first=True), *by_name)
        troubled = Attention.objects.filter(
            system_vm=OuterRef("pk"), resolved_at=None, cause__in=PATCH_CAUSES
        )
        ranks = [
            When(condition, then=Value(place))
            for place, kind in enumerate(UPDATES)
            if (condition := census.which(kind)) != Q(pk__in=[])
        ]
        found = found.annotate(is_troubled=Exists(troubled))
        if not ranks:
            return found.order_by("-is_troubled", *by_name)
        rank = Case(*ranks, default=Value(len(UPDATES)), output_field=IntegerField())
        return found.annotate(rank=rank).order_by("-is_troubled", "rank", *by_name)
