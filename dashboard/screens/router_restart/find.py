"""Networks and VPCs by name, to choose whose routers are restarted."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.natural_order import natural_key
from maintenance.models import Network, Vpc

FOUND_MAX = 50


@dataclass(frozen=True, slots=True)
class FoundPlace:
    name: str
    kind: str
    owner: str
    url: str


def found_places(find: str) -> list[FoundPlace]:
    """The first that the search finds; tiers stand for their VPC. Two queries."""
    named = Q(name__icontains=find) | Q(account__icontains=find) if find else Q()
    networks = Network.objects.filter(named, gone_at=None, vpc=None).order_by(natural_key("name"), "id")
    vpcs = Vpc.objects.filter(named, gone_at=None).order_by(natural_key("name"), "id")
    found = [_place(one, "network", _("Network")) for one in networks[:FOUND_MAX]]
    return [*found, *(_place(one, "vpc", _("VPC")) for one in vpcs[: FOUND_MAX - len(found)])]


def _place(one: Network | Vpc, asked: str, kind: str) -> FoundPlace:
    url = f"{reverse('routers-restart')}?{urlencode({asked: one.id})}"
    return FoundPlace(one.name, kind, ", ".join(part for part in (one.account, one.domain) if part), url)
