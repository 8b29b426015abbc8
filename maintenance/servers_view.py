"""Management servers as the rules see them, whether they were just read or come from the inventory."""

from collections.abc import Iterable

from maintenance.backends.servers import ManagementServerRead
from maintenance.balance_settings import balance_from_json
from maintenance.domain.servers import ServerFacts, ServersView, server_state
from maintenance.models import Agent, Cloud, ManagementServer


def servers_view(
    cloud: Cloud, servers: Iterable[ManagementServerRead | ManagementServer] | None = None
) -> ServersView:
    """All servers of the cloud and what rules look at. Without `servers`: as last read."""
    if servers is None:
        servers = ManagementServer.objects.filter(cloud=cloud, gone_at=None).order_by("name")
    facts = tuple(
        ServerFacts(server.id, server.name, server.address, server_state(server.state)) for server in servers
    )
    indirect = Agent.objects.filter(cloud=cloud, gone_at=None, is_direct=False)
    return ServersView(
        servers=facts,
        host_setting=balance_from_json(cloud.balance).hosts if cloud.balance else (),
        # A cloud that tells no agents and no setting cannot be judged by them: it judges itself.
        has_indirect_agents=cloud.balance is not None and indirect.exists(),
    )
