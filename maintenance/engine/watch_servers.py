"""Management servers that are Down though no run of ours took them down, and clouds none of whose servers is Up: told,
and settled when one is seen Up. What a person has settled is told again only after the server has started anew."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from maintenance.backends.errors import NobodyAnswers
from maintenance.domain.outcomes import Outcome
from maintenance.domain.servers import ServerState, server_state
from maintenance.domain.states import Stage
from maintenance.engine.attention import Cause, ask_about_server, resolve_attentions
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.models import Attention, Cloud, CutOffJob, ManagementServer, Step, Target

SEEN = "observed"  # how those are resolved that no person resolved
CUT_OFF_WITHIN = timedelta(seconds=5)  # a server's jobs end with it; its clocks are several


def watch_servers() -> None:
    """One round: a query a cloud where all is well."""
    for cloud in Cloud.objects.all():
        servers = list(ManagementServer.objects.filter(cloud=cloud, gone_at=None).order_by("name"))
        told = Attention.objects.filter(
            cause__in=[Cause.SERVER_DOWN, Cause.NO_SERVER_UP], resolved_at=None, server__cloud=cloud
        )
        if told.exists() or _none_is_up(cloud, servers) or any(_is_down(server) for server in servers):
            _look(cloud)


def _look(cloud: Cloud) -> None:
    """Decided under the cloud's lock, with its servers as they are then."""
    with unit_of_work(ENGINE) as work:
        locked = Cloud.objects.select_for_update(no_key=True, skip_locked=True).filter(id=cloud.id).first()
        if locked is None:
            return
        listed = ManagementServer.objects.filter(cloud=locked, gone_at=None).select_related("cloud")
        servers = list(listed.order_by("name"))
        _settle(work, locked, servers)
        for server in servers:
            if (
                _is_down(server)
                and not _is_ours(server)
                and not _is_settled_by_person(Cause.SERVER_DOWN, [server])
            ):
                ask_about_server(work, Cause.SERVER_DOWN, server=server, message=_down_words(server))
        if _none_is_up(locked, servers) and not _is_settled_by_person(Cause.NO_SERVER_UP, servers):
            about = _about_none_up(servers)
            words = _none_up_words(locked, servers)
            ask_about_server(work, Cause.NO_SERVER_UP, server=about, message=words, name=locked.name)


def _settle(work: UnitOfWork, cloud: Cloud, servers: Sequence[ManagementServer]) -> None:
    now = timezone.now()
    up = [
        server for server in servers if server.is_known(now) and server_state(server.state) is ServerState.UP
    ]
    running = [server.id for server in servers if server.is_known(now) and not _is_down(server)]
    gone = ManagementServer.objects.filter(cloud=cloud).exclude(gone_at=None).values("id")
    down = Q(cause=Cause.SERVER_DOWN, resolved_at=None)
    for server in up:
        resolve_attentions(work, down & Q(server=server), by=f"{SEEN} Up")
    for attention in Attention.objects.filter(down, server__in=set(running) - {server.id for server in up}):
        state = next(server.state for server in servers if server.id == attention.server_id)
        resolve_attentions(work, Q(id=attention.id), by=f"{SEEN} {state}")
    resolve_attentions(work, down & Q(server__in=gone), by=f"{SEEN}: the cloud no longer lists it")
    if up and not _none_is_up(cloud, servers):
        none_up = Q(cause=Cause.NO_SERVER_UP, server__cloud=cloud)
        resolve_attentions(work, none_up, by=f"{SEEN}: {up[0].name} is Up")


# ---- what is so -------------------------------------------------------------------------------------------------


def _is_down(server: ManagementServer) -> bool:
    return server_state(server.state) is ServerState.DOWN


def _none_is_up(cloud: Cloud, servers: Sequence[ManagementServer]) -> bool:
    """Seen so, or nobody answers. Servers that only could not be read lately say nothing."""
    if not servers:
        return False
    if cloud.servers_error.startswith(NobodyAnswers.BEGINS):
        return True
    read_at = cloud.servers_read_at
    is_known = read_at is not None and timezone.now() - read_at <= cloud.known_for()
    return is_known and not any(server_state(server.state) is ServerState.UP for server in servers)


def _is_ours(server: ManagementServer) -> bool:
    """A run of ours has it, or took this process of it down. A cloud that does not tell when processes started is
    believed to have started none since."""
    if Target.objects.filter(server=server, is_open=True).exists():
        return True
    if Attention.objects.filter(cause=Cause.SERVER_NOT_BACK, server=server, resolved_at=None).exists():
        return True
    shut_down = Step.objects.filter(target__server=server, stage=Stage.SERVER_SHUT_DOWN, outcome=Outcome.OK)
    last = shut_down.order_by("-finished").first()
    if last is None or last.finished is None:
        return False
    return server.started_at is None or last.finished > server.started_at


def _is_settled_by_person(cause: Cause, servers: Sequence[ManagementServer]) -> bool:
    """Somebody has said that it is in order, and no process has started since."""
    told = Attention.objects.filter(cause=cause, server__in=servers).exclude(resolved_at=None)
    last = told.order_by("-resolved_at").first()
    if last is None or last.resolved_at is None or last.resolved_by.startswith(SEEN):
        return False
    return not any(server.started_at and server.started_at > last.resolved_at for server in servers)


# ---- in words ---------------------------------------------------------------------------------------------------


def _down_words(server: ManagementServer) -> str:
    since = f" since {server.stopped_at:%Y-%m-%d %H:%M:%S} UTC" if server.stopped_at else ""
    return f"{server.name} is Down{since}, and no run of ours took it down. {_cut_off_words(server)}"


def _cut_off_words(server: ManagementServer) -> str:
    jobs = CutOffJob.objects.filter(management_server=server)
    if server.stopped_at is not None:
        jobs = jobs.filter(ended_at__gte=server.stopped_at - CUT_OFF_WITHIN)
    count = jobs.count()
    if not count:
        return "No job was cut off."
    return f"{count} {'job was' if count == 1 else 'jobs were'} cut off with it: look under To reconcile."


def _about_none_up(servers: Sequence[ManagementServer]) -> ManagementServer:
    """The one that is told already, else the one that went down last."""
    told = Attention.objects.filter(cause=Cause.NO_SERVER_UP, server__in=servers, resolved_at=None).first()
    if told is not None:
        return next(server for server in servers if server.id == told.server_id)
    return max(servers, key=lambda server: (_is_down(server), server.changed_at))


def _none_up_words(cloud: Cloud, servers: Sequence[ManagementServer]) -> str:
    """How each is, where that is known."""
    if cloud.servers_error:
        return (
            f"{cloud.servers_error}. Nothing of {cloud.name} can be read or asked for until one has started."
        )
    states = ", ".join(f"{server.name} is {server.state}" for server in servers)
    return f"{states}. New work is refused and agents have nowhere to go until one is Up."
