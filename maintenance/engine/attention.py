"""What needs a person: asked for once per cause, resolved by what was seen or by somebody, told by mail and webhook."""

from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from maintenance.feed import UnitOfWork
from maintenance.models import Attention, Host, Run, Target
from maintenance.notifications.owe import owe_notifications


class Cause(StrEnum):
    """Why a person is asked for. That no engine answers, or a cloud cannot be read, is no row: every page sees it."""

    PREFLIGHT_FAILED = "preflight-failed"
    STAGE_FAILED = "stage-failed"
    HOST_NOT_BACK = "host-not-back"
    INSTANCE_LOST = "instance-lost"
    NO_ROOM = "no-room"  # a full cluster
    FOREIGN_MAINTENANCE = "foreign-maintenance"  # `host` is the one that others took
    SLOT_TAKEN = "slot-taken"
    UNSETTLED = "unsettled"
    SERVER_FAILED = "server-failed"
    SERVER_NOT_BACK = "server-not-back"
    SERVER_STUCK = "server-stuck"  # one that prepares, and is held by what does not help itself
    PATCH_FAILED = "patch-failed"  # the previous version is back, or nothing was changed
    PATCH_NOT_RESTORED = "patch-not-restored"
    RUN_PAUSED = "run-paused"  # nothing is in its way any more, and nobody has resumed it


# Why a host of a run waits, untouched. It goes on by itself; then these are settled.
WAITS = frozenset({Cause.NO_ROOM, Cause.FOREIGN_MAINTENANCE, Cause.SLOT_TAKEN, Cause.UNSETTLED})

TITLES: dict[Cause, str] = {
    Cause.PREFLIGHT_FAILED: "PreFlight failed on {host}: the run ended",
    Cause.STAGE_FAILED: "{host} failed",
    Cause.HOST_NOT_BACK: "{host} is not back in service",
    Cause.INSTANCE_LOST: "Instances of {host} are not running",
    Cause.NO_ROOM: "The cluster is full: {host} cannot leave service",
    Cause.FOREIGN_MAINTENANCE: "{host} was taken out of service by others",
    Cause.SLOT_TAKEN: "{host} waits for its turn: others of its cluster are out of service",
    Cause.UNSETTLED: "{host} waits: instances on it are not settled",
    Cause.SERVER_FAILED: "{host} failed",
    Cause.SERVER_NOT_BACK: "{host} is not back as it was",
    Cause.SERVER_STUCK: "{host} cannot get ready",
    Cause.PATCH_FAILED: "The update of {host} failed",
    Cause.PATCH_NOT_RESTORED: "{host} could not be restored",
    Cause.RUN_PAUSED: "Run {run} is paused and waits to be resumed",
}


def ask_for_person(
    work: UnitOfWork, cause: Cause, *, run: Run, target: Target, message: str, host: Host | None = None
) -> None:
    """An open attention for this cause and target; a second call while it is open only brings its words up to date.

    The target may be a management server. `host`: the one it is about, where that is not the target's own.
    """
    name, host_id = (host.name, host.id) if host is not None else (target.name, target.host_id)
    title = TITLES[cause].format(host=name, run=run.number)[:300]
    attention, is_new = Attention.objects.get_or_create(
        cause=cause,
        run=run,
        target=target,
        resolved_at=None,
        defaults={
            "title": title,
            "message": message,
            "host_id": host_id,
            "server_id": target.server_id,
            "system_vm_id": target.system_vm_id,
        },
    )
    about = _about(attention)
    if not is_new:
        if (attention.title, attention.message) != (title, message):
            attention.title, attention.message, attention.host_id = title, message, host_id
            attention.save(update_fields=["title", "message", "host"])
            work.event("attention.changed", about, after={"message": message})
        return
    work.event(
        "attention.opened",
        about | {"target": str(target.id)},
        after={"cause": cause, "title": title, "message": message},
    )
    _owe_notifications(attention, run, target)
    work.wake_engine()


def resolve_attentions(work: UnitOfWork, which: Q, *, by: str) -> None:
    """Close the open attentions that match. Nothing happens when there are none."""
    for attention in Attention.objects.filter(which, resolved_at=None):
        attention.resolved_at, attention.resolved_by = Now(), by
        attention.save(update_fields=["resolved_at", "resolved_by"])
        work.event("attention.resolved", _about(attention), after={"by": by})


def _about(attention: Attention) -> dict[str, str]:
    """What its events name: its run, and its host or its management server."""
    about = {"attention": str(attention.id), "run": str(attention.run_id)}
    if attention.server_id is not None:
        return about | {"server": str(attention.server_id)}
    if attention.system_vm_id is not None:
        return about | {"system_vm": str(attention.system_vm_id)}
    return about | {"host": str(attention.host_id)}


def _owe_notifications(attention: Attention, run: Run, target: Target) -> None:
    """Written with the change they tell, so that neither exists without the other."""
    body = {
        "type": "attention.opened",
        "cause": attention.cause,
        "title": attention.title,
        "message": attention.message,
        "run": str(run.id),
        "run_number": run.number,
        **_names(target),
        "url": f"{settings.BASE_URL}/rolling/{run.id}/",
        "attention_url": f"{settings.BASE_URL}/needs-a-person/{attention.id}/",
    }
    owe_notifications(attention.title, body)


def _names(target: Target) -> dict[str, str]:
    if target.system_vm_id is not None:
        return {"system_vm": str(target.system_vm_id), "system_vm_name": target.name}
    if target.server_id is not None:
        return {"management_server": str(target.server_id), "management_server_name": target.name}
    return {
        "host": str(target.host_id),
        "host_name": target.name,
        "cluster_name": target.cluster_name,
    }
