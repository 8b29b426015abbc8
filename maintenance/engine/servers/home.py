"""Whether a server's agents are home: those that prefer it, and are not connected to it."""

from maintenance.engine.hands import Hands
from maintenance.models import Agent, Cloud, ManagementServer


def agents_away(hands: Hands) -> int | None:
    """How many agents that prefer this server are elsewhere, by a listing made after this step began. None: not known.

    Without a rebalance agents come home when their own check says so: nobody is waited for. The same where the cloud
    does not tell which lists its agents have.
    """
    if not hands.run.rebalance:
        return 0
    server = ManagementServer.objects.filter(id=hands.server_id).first()
    cloud = Cloud.objects.get(id=hands.run.cloud_id)
    if server is None or hands.step.started is None or cloud.as_of is None:
        return None
    if cloud.as_of < hands.step.started:
        return None
    indirect = Agent.objects.filter(cloud=cloud, gone_at=None, is_direct=False, state="Up")
    prefer = indirect.filter(servers_listed__0=server.address)
    return prefer.exclude(management_server=server).count()
