"""Instances on a host, and their live migrations: which move, which arrived and from where, which stay and why."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import Mark, mark
from dashboard.screens.places.kinds import Link
from dashboard.screens.words import figure, said
from maintenance.domain.states import Stage, StepState
from maintenance.models import Host, Instance, Step, Target

INSTANCES_MAX = 200
MOVES_MAX = 200
_ON_THE_WAY = frozenset({"Migrating", "Starting", "Stopping"})


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """`move`: where it is going or came from, in words; `other`: the other host of that move."""

    name: str
    mark: Mark
    account: str
    domain: str
    size: str
    tags: str
    move: str
    other: Link | None


@dataclass(frozen=True, slots=True)
class Departure:
    """An instance that ran here before the host left service, and where it is now."""

    name: str
    mark: Mark
    says: str
    other: Link | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """The drain as it goes: `says` counts, `why` is what stands in the way, as the step tells it."""

    run_number: int
    run_url: str
    says: str
    why: str
    rows: list[Departure]
    more: int


@dataclass(frozen=True, slots=True)
class Instances:
    rows: list[InstanceRow]
    total: int
    more: int
    leaving: Leaving | None


def instances(at: Standing) -> Instances:
    on_it = Instance.objects.filter(host=at.host, gone_at=None).order_by("name")
    total = on_it.count()
    is_known = at.host.is_known(timezone.now())
    shown = list(on_it[:INSTANCES_MAX])
    came = _came_from(at.host)
    is_leaving = at.target is not None and at.target.out_at is not None and at.target.back_at is None
    return Instances(
        [_row(i, is_known, came.get(i.id), is_leaving=is_leaving) for i in shown],
        total,
        max(0, total - INSTANCES_MAX),
        _leaving(at, is_known),
    )


def instance_mark(state: str, is_known: bool) -> Mark:
    """An instance's state as the cloud spells it, drawn."""
    if not is_known:
        return Mark("Unknown", _("was %(state)s") % {"state": state}, "unknown")
    if state in {"Unknown", "Error"}:
        return Mark("Unknown", state, "unknown")
    if state == "Running":
        return Mark("Up", state, "done")
    if state in _ON_THE_WAY:
        return Mark("Running", state, "running", live=True)
    return Mark("Waiting", state, "waiting")


def _row(instance: Instance, is_known: bool, came: Target | None, *, is_leaving: bool) -> InstanceRow:
    move, other = "", None
    if instance.state == "Migrating":
        move = (
            _("moves away; the cloud lists where to once it has arrived")
            if is_leaving
            else _("is on its way")
        )
    elif came is not None:
        move, other = _("came from"), _host_link(came.host_id, came.name)
    return InstanceRow(
        instance.name,
        instance_mark(instance.state, is_known),
        instance.account,
        instance.domain,
        _size(instance),
        ", ".join(map(str, instance.tags)),
        move,
        other,
    )


def _size(instance: Instance) -> str:
    cores = ngettext("%(n)s core", "%(n)s cores", instance.cpu_cores) % {"n": instance.cpu_cores}
    return _("%(cores)s, %(gb)s GB") % {"cores": cores, "gb": f"{instance.memory_mb / 1024:g}"}


def _came_from(host: Host) -> dict[UUID, Target]:
    """Instances that ran on hosts of this cluster which are out for maintenance now: where each came from."""
    out = Target.objects.filter(
        cluster=host.cluster_id,
        is_open=True,
        out_at__isnull=False,
        back_at=None,
        instances_before__isnull=False,
    ).exclude(host=host)
    return {UUID(key): target for target in out for key, _name in target.instances_before or []}


def _leaving(at: Standing, is_known: bool) -> Leaving | None:
    """Of a host that is leaving service, or out: each instance that ran on it before."""
    target = at.target
    if target is None or target.out_at is None or target.back_at is not None or not target.instances_before:
        return None
    drain = Step.objects.filter(target=target, stage=Stage.DRAIN).order_by("-attempt", "-round").first()
    names = {UUID(key): name for key, name in target.instances_before}
    now = {i.id: i for i in Instance.objects.filter(id__in=names, gone_at=None).select_related("host")}
    moving = drain.movement.get("moving") if drain is not None and drain.state != StepState.ENDED else ""
    rows = [
        _departure(at.host, key, name, now.get(key), str(moving or ""), is_known)
        for key, name in names.items()
    ]
    # What is still here first, then what moves: that is what somebody waits for.
    rows.sort(key=lambda row: (row.other is not None, row.name))
    gone = sum(row.other is not None for row in rows)
    return Leaving(
        run_number=target.run.number,
        run_url=reverse("run", args=[target.run_id]),
        says=_("%(moved)s of %(all)s have moved") % {"moved": figure(gone), "all": figure(len(rows))},
        why=_why(target, drain),
        rows=rows[:MOVES_MAX],
        more=max(0, len(rows) - MOVES_MAX),
    )


def _departure(
    host: Host, key: UUID, name: str, instance: Instance | None, moving: str, is_known: bool
) -> Departure:
    if instance is None:
        return Departure(
            name, Mark("Unknown", _("not listed"), "unknown"), _("the cloud does not list it"), None
        )
    drawn = instance_mark(instance.state, is_known)
    if instance.host is None:
        return Departure(name, drawn, _("runs nowhere"), None)
    if instance.host_id != host.id:
        return Departure(name, drawn, _("moved to"), _host_link(instance.host_id, instance.host.name))
    if instance.state == "Migrating" or name == moving:
        return Departure(
            name, mark("Draining"), _("moving now; where to is listed once it has arrived"), None
        )
    return Departure(name, drawn, _("still here"), None)


def _why(target: Target, drain: Step | None) -> str:
    """What the drain says of those that stay: the step's own words, or why the host is where it is."""
    if drain is None:
        return target.detail
    stuck = drain.movement.get("stuck")
    if isinstance(stuck, list) and stuck:
        return "; ".join(str(one) if isinstance(one, str) else ": ".join(map(str, one)) for one in stuck[:10])
    return drain.detail if drain.state == StepState.ENDED and drain.outcome != "ok" else drain.note


def _host_link(host_id: UUID | None, name: str) -> Link | None:
    return Link(said(name), reverse("host", args=[host_id])) if host_id else None
