"""What needs a person: asked for once per cause, resolved by what was seen or by somebody, told by mail and webhook."""

from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from maintenance.feed import UnitOfWork
from maintenance.models import Attention, Notification, Run, Target


class Cause(StrEnum):
    """Why a person is asked for."""

    PREFLIGHT_FAILED = "preflight-failed"
    STAGE_FAILED = "stage-failed"
    HOST_NOT_BACK = "host-not-back"
    HELD = "held"
    INSTANCE_LOST = "instance-lost"


TITLES: dict[Cause, str] = {
    Cause.PREFLIGHT_FAILED: "PreFlight failed on {host}: the run ended",
    Cause.STAGE_FAILED: "{host} failed",
    Cause.HOST_NOT_BACK: "{host} is not back in service",
    Cause.HELD: "{host} is held and cannot leave service",
    Cause.INSTANCE_LOST: "Instances of {host} are not running",
}


def ask_for_person(work: UnitOfWork, cause: Cause, *, run: Run, target: Target, message: str) -> None:
    """An open attention for this cause and host; a second call while it is open only brings its words up to date."""
    title = TITLES[cause].format(host=target.host_name)
    attention, is_new = Attention.objects.get_or_create(
        cause=cause,
        run=run,
        target=target,
        resolved_at=None,
        defaults={"title": title[:300], "message": message, "host_id": target.host_id},
    )
    if not is_new:
        if attention.message != message:
            attention.message = message
            attention.save(update_fields=["message"])
            about = {"attention": str(attention.id), "run": str(run.id), "host": str(target.host_id)}
            work.event("attention.changed", about, after={"message": message})
        return
    work.event(
        "attention.opened",
        {
            "attention": str(attention.id),
            "run": str(run.id),
            "target": str(target.id),
            "host": str(target.host_id),
        },
        after={"cause": cause, "title": title, "message": message},
    )
    _owe_notifications(run, target, cause, title, message)
    work.wake_engine()


def resolve_attentions(work: UnitOfWork, which: Q, *, by: str) -> None:
    """Close the open attentions that match. Nothing happens when there are none."""
    for attention in Attention.objects.filter(which, resolved_at=None):
        attention.resolved_at, attention.resolved_by = Now(), by
        attention.save(update_fields=["resolved_at", "resolved_by"])
        about = {"attention": str(attention.id), "run": str(attention.run_id), "host": str(attention.host_id)}
        work.event("attention.resolved", about, after={"by": by})


def _owe_notifications(run: Run, target: Target, cause: Cause, title: str, message: str) -> None:
    """Written with the change they tell, so that neither exists without the other."""
    body = {
        "type": "attention.opened",
        "cause": cause,
        "title": title,
        "message": message,
        "run": str(run.id),
        "run_number": run.number,
        "host": str(target.host_id),
        "host_name": target.host_name,
        "cluster_name": target.cluster_name,
        "url": f"{settings.BASE_URL}/rolling/{run.id}/",
    }
    if settings.NOTIFY_MAIL_TO:
        Notification.objects.create(channel="mail", subject=title, body=body)
    if settings.NOTIFY_WEBHOOK_URL:
        Notification.objects.create(channel="webhook", subject=title, body=body)
