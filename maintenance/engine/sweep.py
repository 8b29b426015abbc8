"""What every engine does every second, whoever did the work: begin queued runs, heal, watch what is owed.

There is no leader: rows are taken with SKIP LOCKED, and every part may be done twice without harm. Steps whose owner
died need no sweep: a claim takes them as soon as their lease has ended.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from maintenance import audit_chain
from maintenance.backends.base import HostRead, Later, Never, NoReply
from maintenance.backends.registry import cloud_of_kind
from maintenance.clock import database_now
from maintenance.domain.states import RUN_ACTIVE, TARGET_ENDED, RunState, TargetState
from maintenance.engine.advance import about_target, advance, move_run, move_target
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.engine.failpoints import failpoint
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.feed_partitions import tend_feed
from maintenance.hooks.tickets import Tickets
from maintenance.limits import FEED_KEPT_DAYS
from maintenance.models import (
    Host,
    HostOut,
    IdempotentAnswer,
    Instance,
    Intent,
    Notification,
    PendingJob,
    Run,
    Target,
)
from maintenance.observed import note_observation

LOOK_AGAIN_AFTER = timedelta(seconds=10)  # an active run is looked at this often even if nobody rang the bell
DELIVERIES_KEPT = timedelta(days=7)
TICKETS_KEPT = timedelta(
    days=30
)  # of this machine; a ticket that is gone could run again, so long after any run
JOBS_KEPT = timedelta(hours=2)  # that have ended: every reading, twice a second, looks through them
NO_LONGER_LISTED = "observed: the cloud no longer lists it"


def sweep() -> None:
    """Begin what is queued, look at what is quiet."""
    begin_queued_runs()
    look_at_quiet_runs()


def begin_queued_runs() -> None:
    """Runs whose time has come are claimed by whichever engine sees them first."""
    if not Run.objects.filter(_due()).exists():
        return
    with unit_of_work(ENGINE) as work:
        for run in Run.objects.select_for_update(no_key=True, skip_locked=True).filter(_due()):
            now = database_now()
            move_run(work, run, RunState.RUNNING, started_at=now, engine_looked_at=now)
            advance(work, run)
        failpoint("run.beginning")
    failpoint("run.begun")


def _due() -> Q:
    return Q(state=RunState.QUEUED) & (Q(not_before=None) | Q(not_before__lte=Now()))


def look_at_quiet_runs() -> None:
    """Ask `decide` about every active run now and then, so that no lost bell and no bug stops one for ever."""
    quiet = Run.objects.filter(state__in=RUN_ACTIVE - {RunState.QUEUED}).filter(
        Q(engine_looked_at=None) | Q(engine_looked_at__lt=Now() - LOOK_AGAIN_AFTER)
    )
    for run_id in list(quiet.values_list("id", flat=True)[:20]):
        with unit_of_work(ENGINE) as work:
            run = Run.objects.select_for_update(no_key=True, skip_locked=True).filter(id=run_id).first()
            if run is None:
                continue
            run.engine_looked_at = database_now()
            run.save(update_fields=["engine_looked_at"])
            advance(work, run)


def reconcile_ledger() -> None:
    """Hosts we took out whose way has ended without seeing them back: look, and close or keep asking for a person."""
    owed = HostOut.objects.filter(closed_at=None, target__state__in=TARGET_ENDED).filter(
        Q(good_since=None) | Q(good_since__lt=Now() - timedelta(seconds=5))
    )
    for out in owed.select_related("target", "run__cloud")[:20]:
        _reconcile(out)


def _reconcile(out: HostOut) -> None:
    cloud = cloud_of_kind(out.run.cloud.kind, out.run.cloud_id)
    try:
        host = cloud.look_at_host(out.host_id)
    except (Later, NoReply):
        return  # Nothing was learned: it stays owed, and stays flagged.
    except Never:
        _close_when_gone(out)
        return
    is_good = host.state == "Up" and host.resource_state == "Enabled"
    with unit_of_work(ENGINE) as work:
        held = HostOut.objects.select_for_update(no_key=True, skip_locked=True)
        out_now = held.filter(id=out.id, closed_at=None).select_related("target", "run").first()
        if out_now is None:
            return
        note_observation(work, host)
        if not is_good:
            out_now.good_since = None
            out_now.save(update_fields=["good_since"])
            ask_for_person(
                work,
                Cause.HOST_NOT_BACK,
                run=out_now.run,
                target=out_now.target,
                message=_away_words(out_now, host),
            )
            return
        now = database_now()
        if out_now.good_since is None:
            out_now.good_since = now
            out_now.save(update_fields=["good_since"])
            return
        if Intent.objects.filter(host_id=out.host_id, settled_at=None, expires_at__gt=now).exists():
            return
        out_now.closed_at, out_now.closed_by = now, "observed Enabled and Up"
        out_now.save(update_fields=["closed_at", "closed_by"])
        _came_back(work, out_now, now)


def _away_words(out: HostOut, host: HostRead) -> str:
    """Why it was flagged, where it was, and how it is: the cause must not be lost to the present."""
    now = f"taken out by run {out.run.number}, now {host.state} and {host.resource_state}"
    flagged = out.target.detail if out.target.state == TargetState.NEEDS_PERSON else ""
    return f"{flagged}; {now}" if flagged else now


def _close_when_gone(out: HostOut) -> None:
    """A host that its cloud no longer has is nobody's debt: it holds no slot, and nobody can bring it back."""
    if not Host.objects.filter(id=out.host_id).exclude(gone_at=None).exists():
        return  # refused for another reason: it stays owed
    with unit_of_work(ENGINE) as work:
        closed = HostOut.objects.filter(id=out.id, closed_at=None)
        if closed.update(closed_at=Now(), closed_by=NO_LONGER_LISTED):
            which = Q(target_id=out.target_id, cause=Cause.HOST_NOT_BACK)
            resolve_attentions(work, which, by=NO_LONGER_LISTED)


def _came_back(work: UnitOfWork, out: HostOut, now: datetime) -> None:
    """The flag goes down; the host's history keeps that it failed to come back in time."""
    target = Target.objects.select_for_update(no_key=True).get(id=out.target_id)
    work.event("host.back", about_target(target))
    resolve_attentions(work, Q(target=target, cause=Cause.HOST_NOT_BACK), by="observed Enabled and Up")
    if target.state == TargetState.NEEDS_PERSON:
        detail = f"{target.detail}; seen back in service later, by itself or by somebody else"
        move_target(work, target, TargetState.FAILED, detail=detail, back_at=now)
        if RunState(out.run.state) in RUN_ACTIVE:  # it stands in a run that waits for a person's word
            ask_for_person(work, Cause.STAGE_FAILED, run=out.run, target=target, message=detail)
    else:
        target.back_at = now
        target.save(update_fields=["back_at"])


def prune() -> None:
    """Old parts of the feed, answers, deliveries and jobs go; the audit stays, and is looked at."""
    now = database_now()
    tend_feed(now, timedelta(days=FEED_KEPT_DAYS.now()))
    IdempotentAnswer.objects.filter(at__lt=now - timedelta(hours=24)).delete()
    Notification.objects.filter(created_at__lt=now - DELIVERIES_KEPT).exclude(
        sent_at=None, given_up_at=None
    ).delete()
    Tickets(settings.VAR_DIR / "hooks").prune(TICKETS_KEPT.total_seconds())
    Instance.objects.filter(gone_at__lt=now - timedelta(days=1)).delete()
    PendingJob.objects.filter(gone_at__lt=now - JOBS_KEPT).delete()
    audit_chain.go_on()
