"""What of a run over management servers needs a person, and what can be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from dashboard.screens.actions import Action
from dashboard.screens.marks import NEEDS_PERSON, Mark
from dashboard.screens.server_run.actions import server_actions
from maintenance.models import Attention, Run

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class ServerProblem:
    mark: Mark
    title: str
    message: str
    since: datetime
    taken_by: str
    url: str
    actions: Sequence[Action]


def server_problems(run: Run, role: str) -> list[ServerProblem]:
    """The oldest first. One query, and one more for each that can be acted on."""
    is_open = Attention.objects.filter(run=run, resolved_at=None).select_related("target").order_by("since")
    return [_problem(run, attention, role) for attention in is_open[:SHOWN_MAX]]


def _problem(run: Run, attention: Attention, role: str) -> ServerProblem:
    target = attention.target
    return ServerProblem(
        mark=NEEDS_PERSON,
        title=attention.title,
        message=attention.message,
        since=attention.since,
        taken_by=attention.taken_by,
        url=reverse("need", args=[attention.id]),
        actions=server_actions(run, target, role) if target is not None else [],
    )
