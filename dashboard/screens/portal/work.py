"""Work on the hardware below a tenant's machines: planned, running, over; and what became of each machine. No host is
named."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.access import visible_instances
from dashboard.models import User
from dashboard.screens.marks import Mark, moving
from dashboard.screens.portal.places import Facts, Place
from dashboard.screens.portal.shapes import with_moment
from dashboard.screens.portal.turns import Turns, turns_of
from dashboard.screens.words import figure, listing
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind, TargetState
from maintenance.models import Instance, Run, Target

MACHINES_MAX = 5000
ROWS_MAX = 40
SHOWN_FOR = timedelta(hours=24)
_RUNNING = "Running"

# Of runs that are not over, or ended lately: which of these instances ran on which of their hosts before.
_BEFORE = """
SELECT target.id, (before ->> 0)::uuid
FROM maintenance_target AS target CROSS JOIN LATERAL jsonb_array_elements(target.instances_before) AS before
WHERE jsonb_typeof(target.instances_before) = 'array' AND (target.is_open OR target.finished_at > %s)
  AND (before ->> 0) = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine, and what this work does to it."""

    name: str
    mark: Mark
    says: str | SafeString


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of operators' work, as far as it touches what is theirs."""

    mark: Mark
    title: str
    says: str
    rows: list[MachineRow]
    more: int
    routers: str  # networks whose routers stand on that hardware, in a sentence
    begins: datetime | None  # where it has not begun
    began: datetime | None
    ended: datetime | None
    names: list[str]


@dataclass
class _Touched:
    """What of theirs a host's turn touches."""

    target: Target
    machines: list[Instance]
    places: list[Place]


def work_of(person: User, facts: Facts) -> list[Work]:
    """Running first, then what is planned, then what ended lately."""
    machines = {
        i.id: i for i in visible_instances(person).filter(gone_at=None).order_by("name")[:MACHINES_MAX]
    }
    before = _before(list(machines), facts.now - SHOWN_FOR)
    touched = _touched(machines, before, facts)
    runs: dict[UUID, list[_Touched]] = {}
    for one in touched:
        runs.setdefault(one.target.run_id, []).append(one)
    found = [_work(ones, before, facts) for ones in runs.values()]
    return sorted(found, key=lambda work: (work.ended is not None, work.began is None, _place_in_time(work)))


def _place_in_time(work: Work) -> float:
    if work.ended is not None:
        return -work.ended.timestamp()
    at = work.began or work.begins
    return at.timestamp() if at is not None else float("inf")


def _before(ids: Sequence[UUID], since: datetime) -> dict[UUID, set[UUID]]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [since, [str(key) for key in ids]])
        found: dict[UUID, set[UUID]] = {}
        for target, instance in cursor.fetchall():
            found.setdefault(target, set()).add(instance)
    return found


def _touched(machines: dict[UUID, Instance], before: dict[UUID, set[UUID]], facts: Facts) -> list[_Touched]:
    by_host: dict[UUID, list[Instance]] = {}
    for machine in machines.values():
        if machine.host_id is not None:
            by_host.setdefault(machine.host_id, []).append(machine)
    routers: dict[UUID, list[Place]] = {}
    for place in facts.places:
        for vm in place.routers:
            if vm.host_id is not None and place not in routers.setdefault(vm.host_id, []):
                routers[vm.host_id].append(place)
    hosts = {*by_host, *routers}
    over_hosts = Q(run__kind__in=[RunKind.ROLLING, RunKind.HOST])
    active = Q(is_open=True, run__state__in=RUN_ACTIVE, host__in=hosts)
    targets = Target.objects.filter(over_hosts & (active | Q(id__in=list(before))))
    found = []
    for target in targets.select_related("run").order_by("run__number", "order"):
        left = [machines[key] for key in before.get(target.id, ()) if key in machines]
        is_ahead = target.is_open and target.finished_at is None
        here = by_host.get(target.host_key, []) if is_ahead and not left else []
        mine = sorted(left or here, key=lambda machine: machine.name)
        found.append(_Touched(target, mine, routers.get(target.host_key, []) if is_ahead else []))
    return [one for one in found if one.machines or one.places]


def _work(ones: Sequence[_Touched], before: dict[UUID, set[UUID]], facts: Facts) -> Work:
    run = ones[0].target.run
    turns = turns_of(run, [one.target for one in ones])
    rows = _rows(ones, turns, facts)
    places = [place.name for one in ones for place in one.places]
    names = list(dict.fromkeys([*(row.name for row in rows), *places]))
    machines = len({machine.id for one in ones for machine in one.machines})
    out = [one.target.out_at for one in ones if one.target.out_at is not None]
    is_over = all(one.target.finished_at is not None for one in ones)
    ended = (
        max((one.target.finished_at for one in ones if one.target.finished_at), default=None)
        if is_over
        else None
    )
    begins = None if out or is_over else turns.first(ones[0].target, run)
    lasting = sum(row.mark.state in {"Failed", "NeedsPerson"} for row in rows)
    if ended is not None:
        mark = Mark("NeedsPerson", "", "paused") if lasting else Mark("Done", "", "done")
    elif out:
        mark = moving("")
    else:
        mark = Mark("Waiting", "", "waiting")
    return Work(
        mark=mark,
        title=_title(machines, is_over=is_over, has_begun=bool(out)),
        says=_says(run, is_over=is_over),
        rows=rows[:ROWS_MAX],
        more=max(0, len(rows) - ROWS_MAX),
        routers=_routers(ones),
        begins=begins,
        began=min(out, default=None),
        ended=ended,
        names=names,
    )


def _title(machines: int, *, is_over: bool, has_begun: bool) -> str:
    n = {"n": figure(machines)}
    if not machines:
        return _("Work on the hardware below your networks")
    if is_over:
        says = ngettext(
            "Work below %(n)s machine of yours is over",
            "Work below %(n)s machines of yours is over",
            machines,
        )
    elif has_begun:
        says = ngettext(
            "Work touches %(n)s machine of yours now", "Work touches %(n)s machines of yours now", machines
        )
    else:
        says = ngettext(
            "Planned work touches %(n)s machine of yours",
            "Planned work touches %(n)s machines of yours",
            machines,
        )
    return says % n


def _says(run: Run, *, is_over: bool) -> str:
    if is_over:
        return ""
    if run.pausing or run.paused_reason is not None:
        return _("It is paused: nothing moves until your operators go on.")
    return _("Machines move to other hardware while they run; a pause of under a second is possible.")


def _rows(ones: Sequence[_Touched], turns: Turns, facts: Facts) -> list[MachineRow]:
    """One row a machine: what matters most of it. One that moved on to hardware whose turn is still to come moves once
    more."""
    told: dict[UUID, list[MachineRow]] = {}
    for one in ones:
        for machine in one.machines:
            mark, says = _machine(machine, one.target, turns, facts)
            told.setdefault(machine.id, []).append(MachineRow(machine.name, mark, says))
    return [_once(rows) for rows in told.values()]


# Of several turns of one machine: what goes on or is to come is told before what is over.
_URGENT = ("Failed", "NeedsPerson", "Running", "Waiting", "Done", "Skipped", "Current")


def _once(rows: Sequence[MachineRow]) -> MachineRow:
    row = min(rows, key=lambda one: _URGENT.index(one.mark.state))
    has_moved = any(one.mark.state == "Done" for one in rows)
    if not has_moved or row.mark.state not in {"Running", "Waiting"}:
        return row
    again = _("moves again") if row.mark.state == "Running" else _("will move again")
    return replace(row, mark=Mark(row.mark.state, again, row.mark.glyph, live=row.mark.live))


def _routers(ones: Sequence[_Touched]) -> str:
    """Of which networks the router stands on that hardware, too."""
    names = list(dict.fromkeys(place.name for one in ones for place in one.places))
    if not names:
        return ""
    return _("The routers of these networks move, too, and go on serving: %(names)s.") % {
        "names": listing(names)
    }


def _machine(machine: Instance, target: Target, turns: Turns, facts: Facts) -> tuple[Mark, str | SafeString]:
    has_left = machine.host_id != target.host_id and target.out_at is not None
    if machine.state == "Migrating":
        return moving(_("moving")), _("It keeps running while it moves.")
    if has_left and machine.state == _RUNNING:
        return Mark("Done", _("moved"), "done"), with_moment(
            _("At {at}; it runs."), machine.changed_at, facts.now
        )
    if (
        target.finished_at is not None
        and machine.state != _RUNNING
        and machine.changed_at > target.finished_at
    ):
        return Mark("Skipped", _("stopped since"), "skipped"), _("It ran when the work ended.")
    if target.out_at is not None and machine.state != _RUNNING:
        return Mark("Failed", _("does not run"), "failed"), _(
            "It ran before this work. Your operators see that, too."
        )
    if target.state == TargetState.DONE and target.out_at is not None:
        return Mark("Done", _("moved"), "done"), _("It moved away and is back; it runs.")
    if target.state == TargetState.SKIPPED or target.finished_at is not None:
        return Mark("Current", _("untouched"), "done"), _("It stayed where it is.")
    if machine.state != _RUNNING:
        return Mark("Skipped", _("untouched"), "skipped"), _("It is stopped and stays so.")
    if machine.name in turns.stuck.get(target.host_key, frozenset()):
        says = _(
            "It cannot move while it runs. Nothing was done to it yet; your operators agree on a time with you."
        )
        return Mark("NeedsPerson", _("will be stopped"), "paused"), says
    if target.state in TARGET_BEGUN:
        return moving(_("about to move")), _("It keeps running while it moves.")
    ends = turns.when.get(target.id)
    if ends is None:
        return Mark("Waiting", _("will move"), "waiting"), _("When is not known yet; it keeps running.")
    says = with_moment(_("About {at}; it keeps running."), ends.low, facts.now)
    return Mark("Waiting", _("will move"), "waiting"), says
