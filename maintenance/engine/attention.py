"""What needs a person: asked for once per cause, resolved by what was seen or by somebody, told by mail and webhook."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from maintenance.feed import UnitOfWork
from maintenance.models import Attention, Host, ManagementServer, Run, Target
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
    PATCH_UNCONFIRMED = "patch-unconfirmed"  # it is installed, and nothing in the VM answers
    ROUTER_FAILED = "router-failed"  # the previous router serves, nothing was replaced, or a part is missing
    ROUTER_NOT_RESTORED = "router-not-restored"
    SERVER_DOWN = "server-down"  # of no run: it died, or others took it down
    NO_SERVER_UP = "no-server-up"  # of no run: `server` is one of the cloud that has none
    RUN_PAUSED = "run-paused"  # nothing is in its way any more, and nobody has resumed it


# Why a host of a run waits, untouched. It goes on by itself; then these are settled.
WAITS = frozenset({Cause.NO_ROOM, Cause.FOREIGN_MAINTENANCE, Cause.SLOT_TAKEN, Cause.UNSETTLED})

# What became of a system VM in a run over such; settled when the next run does it well.
ROUTER_CAUSES = frozenset({Cause.ROUTER_FAILED, Cause.ROUTER_NOT_RESTORED})
VM_CAUSES = ROUTER_CAUSES | {Cause.PATCH_FAILED, Cause.PATCH_NOT_RESTORED, Cause.PATCH_UNCONFIRMED}

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
    Cause.PATCH_UNCONFIRMED: "The update of {host} could not be confirmed",
    Cause.ROUTER_FAILED: "The restart of {host} failed",
    Cause.ROUTER_NOT_RESTORED: "{host} is not back: its network may be down",
    Cause.SERVER_DOWN: "{host} is Down, and no run of ours took it down",
    Cause.NO_SERVER_UP: "No management server of {host} is Up",
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
    if not is_new:
        _bring_up_to_date(work, attention, title, message, host_id)
        return
    _tell(work, attention, {"target": str(target.id)})
    where = {
        "run": str(run.id),
        "run_number": run.number,
        **_names(target),
        "url": f"{settings.BASE_URL}/rolling/{run.id}/",
    }
    owe_notifications(title, _body(attention) | where)


def ask_about_server(
    work: UnitOfWork, cause: Cause, *, server: ManagementServer, message: str, name: str = ""
) -> None:
    """The same about a management server that no run of ours has: an open attention without a run and a target.
    `name`: what it is called in the title, where that is not the server's own name."""
    title = TITLES[cause].format(host=name or server.name)[:300]
    attention, is_new = Attention.objects.get_or_create(
        cause=cause,
        run=None,
        target=None,
        server=server,
        resolved_at=None,
        defaults={"title": title, "message": message},
    )
    if not is_new:
        _bring_up_to_date(work, attention, title, message, None)
        return
    _tell(work, attention, {})
    where = {
        "management_server": str(server.id),
        "management_server_name": server.name,
        "url": f"{settings.BASE_URL}/management-servers/{server.id}/",
    }
    owe_notifications(title, _body(attention) | where)


def _bring_up_to_date(
    work: UnitOfWork, attention: Attention, title: str, message: str, host_id: UUID | None
) -> None:
    if (attention.title, attention.message) != (title, message):
        attention.title, attention.message, attention.host_id = title, message, host_id
        attention.save(update_fields=["title", "message", "host"])
        work.event("attention.changed", about_attention(attention), after={"message": message})


def _tell(work: UnitOfWork, attention: Attention, besides: dict[str, str]) -> None:
    work.event(
        "attention.opened",
        about_attention(attention) | besides,
        after={"cause": attention.cause, "title": attention.title, "message": attention.message},
    )
    work.wake_engine()


def resolve_attentions(work: UnitOfWork, which: Q, *, by: str) -> None:
    """Close the open attentions that match. Nothing happens when there are none."""
    for attention in Attention.objects.filter(which, resolved_at=None):
        attention.resolved_at, attention.resolved_by = Now(), by
        attention.save(update_fields=["resolved_at", "resolved_by"])
        work.event("attention.resolved", about_attention(attention), after={"by": by})


def about_attention(attention: Attention) -> dict[str, str]:
    """What its events name: its run, if it is of one, and its host or its management server."""
    about = {"attention": str(attention.id)}
    if attention.run_id is not None:
        about["run"] = str(attention.run_id)
    if attention.server_id is not None:
        return about | {"server": str(attention.server_id)}
    if attention.system_vm_id is not None:
        return about | {"system_vm": str(attention.system_vm_id)}
    return about | {"host": str(attention.host_id)}


def _body(attention: Attention) -> dict[str, Any]:
    """What is sent of every one. It is written with the change it tells, so that neither exists without the other."""
    return {
        "type": "attention.opened",
        "cause": attention.cause,
        "title": attention.title,
        "message": attention.message,
        "attention_url": f"{settings.BASE_URL}/needs-a-person/{attention.id}/",
    }


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
