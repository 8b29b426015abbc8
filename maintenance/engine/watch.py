"""What needs a person and shows only in what is read: hosts of our runs that others took, what is well again, runs
that wait for a word. Every engine looks; whatever is done twice does no harm."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.domain.servers import ServerState
from maintenance.domain.states import (
    RUN_ACTIVE,
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.engine.taken import taken_by_others
from maintenance.engine.watch_servers import watch_servers
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Attention, Host, Instance, ManagementServer, Run, Target

RUNS = frozenset({"Running", "Migrating"})  # an instance that migrates live runs
ROUND_MAX = 50  # more are looked at in the next round


def watch_needs() -> None:
    """One round."""
    ask_for_taken_hosts()
    settle_returned_hosts()
    settle_found_instances()
    ask_for_paused_runs()
    settle_returned_servers()
    watch_servers()


# ---- hosts that others took ----------------------------------------------------------------------------------


def ask_for_taken_hosts() -> None:
    """Hosts that wait in a run of ours, and are in maintenance by others: told before their turn fails."""
    lasting = taken_by_others().filter(changed_at__lt=Now() - timedelta(seconds=settings.HELD_TELL_S))
    told = Attention.objects.filter(target=OuterRef("id"), resolved_at=None, cause=Cause.FOREIGN_MAINTENANCE)
    waiting = Target.objects.filter(
        is_open=True, state__in=TARGET_WAITING, run__state__in=RUN_ACTIVE, host__in=lasting
    ).exclude(Exists(told))
    for target_id, run_id in list(waiting.values_list("id", "run_id")[:ROUND_MAX]):
        with unit_of_work(ENGINE) as work:
            run = Run.objects.select_for_update(no_key=True, skip_locked=True).filter(id=run_id).first()
            target = waiting.filter(id=target_id).select_related("host").first()
            if run is not None and target is not None and target.host is not None:
                message = (
                    f"{target.name} is {target.host.resource_state}, and not by Pitstop, which never touches it "
                    f"by itself. It fails when its turn comes in run {run.number}, unless it is Enabled by then."
                )
                ask_for_person(work, Cause.FOREIGN_MAINTENANCE, run=run, target=target, message=message)


def settle_returned_hosts() -> None:
    """Whoever took them has brought them back. Where the run paused for one, it still waits for a person's word."""
    at_rest = Q(target__state=TargetState.FAILED) & (Q(run__state=RunState.PAUSED) | Q(run__pausing=True))
    for attention in _open(Cause.FOREIGN_MAINTENANCE).exclude(at_rest)[:ROUND_MAX]:
        assert attention.host_id is not None
        host = Host.objects.select_related("cloud").filter(id=attention.host_id).first()
        if host is not None and host.gone_at is None:
            if not host.is_known(timezone.now()) or host.resource_state in MAINTENANCE_STATES:
                continue
            seen = f"observed {host.resource_state}"
        else:
            seen = "observed: the cloud no longer lists it"
        with unit_of_work(ENGINE) as work:
            resolve_attentions(work, Q(id=attention.id), by=seen)


# ---- instances -----------------------------------------------------------------------------------------------


def settle_found_instances() -> None:
    """All that ran before their host left service run again, in a listing that is surely newer than the loss."""
    surely = timedelta(seconds=settings.LISTING_LAG_S)
    newer = _open(Cause.INSTANCE_LOST).filter(run__cloud__as_of__gt=F("since") + surely)
    for attention in newer.select_related("target")[:ROUND_MAX]:
        before = [key for key, _ in (attention.target.instances_before or [])] if attention.target else []
        running = Instance.objects.filter(id__in=before, gone_at=None, state__in=RUNS).count()
        if before and running == len(before):
            with unit_of_work(ENGINE) as work:
                resolve_attentions(work, Q(id=attention.id), by="observed: all of them run")


# ---- runs that nobody resumed --------------------------------------------------------------------------------


def ask_for_paused_runs() -> None:
    """A run that the engine paused, nothing of it is at work, and nothing open says why: it would stand still until
    somebody thinks of it."""
    open_ones = Attention.objects.filter(run=OuterRef("id"), resolved_at=None)
    at_work = Target.objects.filter(run=OuterRef("id"), is_open=True, state__in=TARGET_BEGUN)
    forgotten = Run.objects.filter(
        kind__in=[RunKind.ROLLING, RunKind.SERVER_RESTART], state=RunState.PAUSED, paused_reason__by=ENGINE
    ).exclude(Exists(open_ones) | Exists(at_work))
    for run_id in list(forgotten.values_list("id", flat=True)[:ROUND_MAX]):
        with unit_of_work(ENGINE) as work:
            run = Run.objects.select_for_update(no_key=True, skip_locked=True).filter(id=run_id).first()
            if run is None or not forgotten.filter(id=run_id).exists():
                continue
            assert run.paused_reason is not None
            reason = run.paused_reason
            which = Q(server_id=reason["server"]) if "server" in reason else Q(host_id=reason["host"])
            target = run.targets.filter(which).first()
            if target is not None:
                message = f"It paused because of {reason['message']}"
                ask_for_person(work, Cause.RUN_PAUSED, run=run, target=target, message=message)


# ---- management servers ------------------------------------------------------------------------------------------


def settle_returned_servers() -> None:
    """A server that was not back is Up again. Where its run paused for it, it still waits for a person's word."""
    over = _open(Cause.SERVER_NOT_BACK).filter(run__state__in=RUN_ENDED)
    for attention in over[:ROUND_MAX]:
        assert attention.server_id is not None
        server = ManagementServer.objects.select_related("cloud").filter(id=attention.server_id).first()
        if server is not None and server.gone_at is None:
            if not server.is_known(timezone.now()) or server.state != ServerState.UP:
                continue
            seen = "observed Up"
        else:
            seen = "observed: the cloud no longer lists it"
        with unit_of_work(ENGINE) as work:
            resolve_attentions(work, Q(id=attention.id), by=seen)


def _open(cause: Cause) -> QuerySet[Attention]:
    return Attention.objects.filter(cause=cause, resolved_at=None).order_by("since")
