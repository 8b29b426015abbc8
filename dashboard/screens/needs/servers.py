"""Management servers that nobody took down: how to start one, what it left undone, and what the others carry."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.needs.causes import NO_SERVER_UP, SERVER_DOWN
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.words import count, figure, said
from maintenance.domain.servers import BLOCKED, ServerState, server_state
from maintenance.models import Attention, CutOffJob, ManagementServer, PendingJob

JOBS_MAX = 5
SERVERS_MAX = 12
LAB = "lab"


@dataclass(frozen=True, slots=True)
class ToStart:
    """One that is down: what starts it. `command` is what a shell is given, on the machine that `how` names."""

    name: str
    how: str
    command: str


@dataclass(frozen=True, slots=True)
class LostJob:
    command: str
    resource: str
    owner: str


@dataclass(frozen=True, slots=True)
class Carrier:
    """A server of the cloud as last read."""

    name: str
    url: str
    mark: Mark
    says: str


@dataclass(frozen=True, slots=True)
class ServersNow:
    """`agents`: a sentence on those that are still on it; `jobs_url` leads to where each is said to be reconciled."""

    starting: Sequence[ToStart]
    lost: Sequence[LostJob]
    lost_says: str
    lost_more: int
    jobs_url: str
    agents: str
    carriers: Sequence[Carrier]
    carriers_says: str
    more: int


def servers_now(attention: Attention) -> ServersNow | None:
    """None for what is not about servers that are out. As many queries for a thousand of each as for one."""
    if attention.cause not in {SERVER_DOWN, NO_SERVER_UP}:
        return None
    listed = _listed(attention)
    is_one = attention.cause == SERVER_DOWN
    # What was read last may still call one Up when an engine has found none that answers.
    is_nobody = attention.cause == NO_SERVER_UP and attention.resolved_at is None
    about = {attention.server_id} if is_one else {s.id for s in listed if is_nobody or not _is_up(s)}
    lost = CutOffJob.objects.filter(management_server__in=about, reconciled_at=None).order_by(
        "-ended_at", "id"
    )
    total = lost.count()
    pending = PendingJob.objects.filter(gone_at=None, management_server__in=listed).order_by()
    jobs = dict(pending.values_list("management_server").annotate(n=Count("id")))
    down = [one for one in listed if one.id in about and _is_startable(one, is_nobody=is_nobody)]
    return ServersNow(
        starting=[_to_start(one) for one in down[:SERVERS_MAX]] if attention.resolved_at is None else [],
        lost=[
            LostJob(
                job.name,
                job.resource_name or job.resource_type,
                " · ".join(part for part in (job.account, job.domain) if part),
            )
            for job in lost[:JOBS_MAX]
        ],
        lost_says=_lost_words(total),
        lost_more=max(0, total - JOBS_MAX),
        jobs_url=_jobs_url(attention),
        agents=_agents_words([one for one in listed if one.id in about]),
        carriers=[_carrier(one, jobs.get(one.id, 0)) for one in listed[:SERVERS_MAX]],
        carriers_says=_carriers_words([] if is_nobody else listed),
        more=max(0, len(listed) - SERVERS_MAX),
    )


def _listed(attention: Attention) -> list[ManagementServer]:
    """All servers of the cloud: of the one it is about, else of each cloud."""
    listed = ManagementServer.objects.filter(gone_at=None).select_related("cloud")
    if attention.server is not None:
        listed = listed.filter(cloud=attention.server.cloud_id)
    return list(listed.order_by("cloud__name", natural_key("name"), "id"))


def _is_up(server: ManagementServer) -> bool:
    return server.state == ServerState.UP


def _to_start(server: ManagementServer) -> ToStart:
    named = {"server": said(server.name), "address": server.address or server.name}
    if server.cloud.kind == LAB:
        how = _("%(server)s is one of the lab: start its process here.") % named
        return ToStart(server.name, how, f"python manage.py lab server start {server.name}")
    how = _("On the machine of %(server)s, %(address)s, as root; its log tells why it ended.") % named
    return ToStart(
        server.name,
        how,
        "systemctl start cloudstack-management && journalctl -u cloudstack-management -n 100",
    )


def _lost_words(total: int) -> str:
    if not total:
        return _("No job of it was cut off, as far as is known.")
    return ngettext(
        "%(n)s job was cut off: nobody knows how far it got.",
        "%(n)s jobs were cut off: nobody knows how far each one got.",
        total,
    ) % {"n": figure(total)}


def _jobs_url(attention: Attention) -> str:
    if attention.cause == SERVER_DOWN and attention.server_id is not None:
        return f"{reverse('server', args=[attention.server_id])}#cut-off"
    return f"{reverse('jobs')}#cut-off"


def _agents_words(servers: Sequence[ManagementServer]) -> str:
    agents = sum(one.agents for one in servers)
    if not agents:
        return _("No agent is left on it: they have connected to others, or connect again when one is Up.")
    words = ngettext(
        "%(agents)s still counts as connected to it, and connects to the next server of its list by itself.",
        "%(agents)s still count as connected to it, and connect to the next server of their lists by themselves.",
        agents,
    )
    return words % {"agents": count(agents, "agent")}


def _carrier(server: ManagementServer, jobs: int) -> Carrier:
    says = _("%(jobs)s pending, %(agents)s connected") % {
        "jobs": count(jobs, "job"),
        "agents": count(server.agents, "agent"),
    }
    return Carrier(
        server.name,
        reverse("server", args=[server.id]),
        server_mark(server, timezone.now()),
        says,
    )


def _carriers_words(servers: Sequence[ManagementServer]) -> str:
    up = sum(_is_up(one) for one in servers)
    if not up:
        return _("No management server is Up: nothing can be asked of the cloud.")
    return ngettext("%(servers)s carries the cloud.", "%(servers)s carry the cloud.", up) % {
        "servers": count(up, "management server")
    }


def _is_startable(server: ManagementServer, *, is_nobody: bool) -> bool:
    state = server_state(server.state)
    return state not in BLOCKED if is_nobody else state is ServerState.DOWN
