"""Before a server is prepared: how many of its agents go where, and whose hosts may hold it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.natural_order import natural_key
from dashboard.screens.servers.bars import agents_to
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.words import count, figure, listing, said
from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.models import Agent

HELD_MAX = 8


@dataclass(frozen=True, slots=True)
class HeldHost:
    name: str
    url: str
    state: str


@dataclass(frozen=True, slots=True)
class HeldHosts:
    """Agents on hosts in a maintenance state: they may not leave. `says`: what the cloud's setting makes of them."""

    hosts: Sequence[HeldHost]
    more: int
    says: str
    settings_url: str


def where_to(fleet: Fleet, known: KnownServer) -> str:
    """As the table of agents will say it: 3 to mgmt1 and 2 to mgmt3."""
    if not known.agents:
        return _("it has no agent")
    found = agents_to(fleet, known)
    if found is None:
        return _("%(agents)s leave, by lists that are made then") % {"agents": count(known.agents, "agent")}
    by_name = {k.server.address: said(k.server.name) for k in fleet.beside(known)}
    going = [
        _("%(n)s to %(server)s") % {"n": figure(found[address]), "server": name}
        for address, name in by_name.items()
        if found[address]
    ]
    if nowhere := known.agents - sum(found[address] for address in by_name):
        going.append(_("%(n)s to a server that is not told") % {"n": figure(nowhere)})
    words = ngettext("%(agents)s goes: %(going)s", "%(agents)s go: %(going)s", known.agents)
    return words % {"agents": count(known.agents, "agent"), "going": listing(going, most=8)}


def held_hosts(known: KnownServer) -> HeldHosts | None:
    """None where no agent of it is on such a host. Two queries at most."""
    on_it = Agent.objects.filter(management_server=known.server, gone_at=None, kind="host")
    held = on_it.filter(resource_state__in=MAINTENANCE_STATES)
    shown = list(held.order_by(natural_key("name"), "id")[: HELD_MAX + 1])
    if not shown:
        return None
    more = held.count() - HELD_MAX if len(shown) > HELD_MAX else 0
    if (known.server.cloud.balance or {}).get("ignore_maintenance_hosts"):
        says = _(
            "management.server.maintenance.ignore.maintenance.hosts is on: they are passed over, and do not hold it."
        )
    else:
        says = _(
            "management.server.maintenance.ignore.maintenance.hosts is off: one that cannot leave holds it until its "
            "own maintenance is finished or cancelled."
        )
    return HeldHosts(
        [HeldHost(one.name, reverse("host", args=[one.id]), one.resource_state) for one in shown[:HELD_MAX]],
        more,
        says,
        f"{reverse('agents-change')}?cloud={known.server.cloud_id}",
    )
