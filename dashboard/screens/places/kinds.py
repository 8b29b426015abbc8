"""Where hosts stand: zones, pods and clusters. What is alike for all three is said here once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from maintenance.models import Cluster, Pod, Zone
from maintenance.models.inventory import Listed

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

type Place = Zone | Pod | Cluster


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of place. `name` and `plural` are also its routes, its live topics and its field in forms;
    `of_host` leads from a host to it; `above` are the kinds it lies in, the nearest last."""

    name: str
    plural: str
    title: "StrPromise"
    model: type[Listed]
    of_host: str
    above: tuple[str, ...]
    below: str
    below_title: "StrPromise"

    @property
    def of_target(self) -> str:
        """From a run's host to the place it stands in."""
        return self.of_host  # a target has its cluster too, under the same name

    @property
    def of_instance(self) -> str:
        return f"host__{self.of_host}"

    @property
    def of_cluster(self) -> str:
        """From a cluster to this place."""
        return self.of_host.removeprefix("cluster__") if self.name != "cluster" else "id"

    def listed(self) -> QuerySet[Any]:
        """Those that the clouds still list, each with what it lies in."""
        return self.with_parents().filter(gone_at=None)

    def with_parents(self) -> QuerySet[Any]:
        return self.model._default_manager.select_related("cloud", *self.parents())

    def parents(self) -> tuple[str, ...]:
        """The columns that lead to what it lies in, the nearest last."""
        return {"zone": (), "pod": ("zone",), "cluster": ("pod__zone", "pod")}[self.name]

    def url(self, place_id: UUID) -> str:
        return reverse(self.name, args=[place_id])


ZONE = Kind("zone", "zones", _("Zones"), Zone, "cluster__pod__zone", (), "pods", _("Pods"))
POD = Kind("pod", "pods", _("Pods"), Pod, "cluster__pod", ("zone",), "clusters", _("Clusters"))
CLUSTER = Kind("cluster", "clusters", _("Clusters"), Cluster, "cluster", ("zone", "pod"), "hosts", _("Hosts"))

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (ZONE, POD, CLUSTER)}
BY_PLURAL: Mapping[str, Kind] = {kind.plural: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class Link:
    """The name of something that has a page."""

    text: str
    url: str


def parents_of(kind: Kind, place: Any) -> list[Link]:
    """Zone, then pod: what the place lies in."""
    match kind.name:
        case "cluster":
            return [link_to(ZONE, place.pod.zone), link_to(POD, place.pod)]
        case "pod":
            return [link_to(ZONE, place.zone)]
        case _:
            return []


def new_run_url(kind: str, ids: Sequence[UUID]) -> str:
    """The form that starts a run, with this scope filled in."""
    return f"{reverse('run-new')}?{urlencode([(kind, str(key)) for key in ids])}"


def link_to(kind: Kind, place: Listed) -> Link:
    return Link(place.name, kind.url(place.id))
