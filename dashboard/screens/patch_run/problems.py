"""What of a live patch, or a restart of routers, needs a person, and what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from dashboard.screens.actions import Action
from dashboard.screens.marks import NEEDS_PERSON, Mark
from dashboard.screens.patch_run.actions import vm_actions
from dashboard.screens.system_vms.words import ended_mark
from maintenance.models import Attention, Run

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class PatchProblem:
    mark: Mark
    title: str
    message: str
    since: datetime
    taken_by: str
    url: str
    actions: Sequence[Action]


def patch_problems(run: Run, role: str) -> list[PatchProblem]:
    """The oldest first. One query."""
    is_open = Attention.objects.filter(run=run, resolved_at=None).select_related("target").order_by("since")
    return [_problem(run, attention, role) for attention in is_open[:SHOWN_MAX]]


def _problem(run: Run, attention: Attention, role: str) -> PatchProblem:
    target = attention.target
    return PatchProblem(
        mark=(ended_mark(run.kind, target.state, target.result) if target is not None else None)
        or NEEDS_PERSON,
        title=attention.title,
        message=attention.message,
        since=attention.since,
        taken_by=attention.taken_by,
        url=reverse("need", args=[attention.id]),
        actions=vm_actions(run, target, role) if target is not None else [],
    )
