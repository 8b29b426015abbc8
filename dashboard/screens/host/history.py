"""Runs a host was in: what became of it, how long it was out, and its software before and after."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import Mark, mark
from dashboard.screens.words import duration
from maintenance.domain.states import RunKind
from maintenance.models import Run, Target

HISTORY_MAX = 30
_SEPARATOR = " · "  # as the engine writes kernel and agent version


@dataclass(frozen=True, slots=True)
class Change:
    """One version before and after a run."""

    name: str
    before: str
    after: str

    @property
    def has_changed(self) -> bool:
        return bool(self.before and self.after and self.before != self.after)


@dataclass(frozen=True, slots=True)
class Visit:
    """What one run did to this host."""

    run_number: int
    run_url: str
    name: str
    by: str
    mark: Mark
    detail: str
    at: datetime
    took: str
    software: list[Change]


@dataclass(frozen=True, slots=True)
class Software:
    """Kernel and agent now, and what the last run that took the host out made of them."""

    kernel: str
    agent: str
    changes: list[Change]
    run_number: int | None
    run_url: str
    at: datetime | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class History:
    software: Software
    visits: list[Visit]
    more: int


def history(at: Standing) -> History:
    visits = Target.objects.filter(host=at.host).select_related("run").order_by("-run__number")
    return History(
        _software(at, visits.exclude(out_at=None).first()),
        [_visit(t, t.run) for t in visits[:HISTORY_MAX]],
        max(0, visits.count() - HISTORY_MAX),
    )


def _software(at: Standing, last: Target | None) -> Software:
    return Software(
        kernel=at.host.kernel_version,
        agent=at.host.agent_version,
        changes=_changes(last) if last else [],
        run_number=last.run.number if last else None,
        run_url=reverse("run", args=[last.run_id]) if last else "",
        at=last.back_at or last.out_at if last else None,
        is_over=bool(last and last.agent_after),
    )


def _changes(target: Target) -> list[Change]:
    kernel, agent = _versions(target.agent_before)
    kernel_after, agent_after = _versions(target.agent_after)
    return [Change(_("Kernel"), kernel, kernel_after), Change(_("Agent"), agent, agent_after)]


def _versions(text: str) -> tuple[str, str]:
    """Kernel and agent version."""
    kernel, _separator, agent = text.rpartition(_SEPARATOR)
    return kernel, agent


def _visit(target: Target, run: Run) -> Visit:
    took = ""
    if target.out_at and target.back_at:
        took = _("out %(duration)s") % {
            "duration": duration((target.back_at - target.out_at).total_seconds())
        }
    kind = _("Rolling maintenance") if run.kind == RunKind.ROLLING else _("By hand")
    return Visit(
        run_number=run.number,
        run_url=reverse("run", args=[run.id]),
        name=run.reason or kind,
        by=run.started_by,
        mark=mark(target.state),
        detail=target.detail,
        at=target.out_at or target.finished_at or run.created_at,
        took=took,
        software=[change for change in _changes(target) if change.has_changed],
    )
