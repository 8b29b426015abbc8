"""How a management server is at this moment, as last read, in a few words."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.host.now import HostNow
from dashboard.screens.marks import UNKNOWN
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.words import count
from maintenance.models import ManagementServer, PendingJob


def server_now(server_id: UUID) -> HostNow:
    """Two queries."""
    server = ManagementServer.objects.select_related("cloud").filter(id=server_id).first()
    if server is None or server.gone_at is not None:
        return HostNow(UNKNOWN, _("The cloud no longer lists this management server."), None, None)
    jobs = PendingJob.objects.filter(management_server=server, gone_at=None).count()
    words = _("%(jobs)s pending, %(agents)s connected") % {
        "jobs": count(jobs, "job"),
        "agents": count(server.agents, "agent"),
    }
    return HostNow(server_mark(server, timezone.now()), words, server.cloud_id, server.seen_at)
