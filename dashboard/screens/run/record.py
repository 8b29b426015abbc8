"""What was asked for and what was planned: the part of a run's page that does not change any more."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.run.head import ON_FAILURE_WORDS
from dashboard.screens.words import Range, count, duration, figure, said, size
from maintenance.domain.plan import LEAVING, Verdict
from maintenance.domain.states import OnFailure, RunKind
from maintenance.kept_plan import KeptLine, KeptPlan, kept_plan
from maintenance.models import Run

NAMED_MAX = 20

PLANNED_WORDS = {
    Verdict.STAYS: gettext_lazy("stays in service"),
    Verdict.SKIPPED: gettext_lazy("to be skipped"),
    Verdict.BLOCKED: gettext_lazy("blocked"),
    Verdict.HELD: gettext_lazy("would wait"),
    Verdict.LEFT_OUT: gettext_lazy("left out"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlannedOtherwise:
    """A host that the plan did not simply take through."""

    name: str
    word: str
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    rules: list[Fact]
    plan: list[Fact]
    otherwise: list[PlannedOtherwise]
    more: int


def run_record(run: Run) -> Record:
    planned = kept_plan(run)
    otherwise = [line for line in planned.lines if line.verdict is not Verdict.READY] if planned else []
    return Record(
        rules=_rules(run),
        plan=_plan(run, planned),
        otherwise=[_otherwise(line) for line in otherwise[:NAMED_MAX]],
        more=max(0, len(otherwise) - NAMED_MAX),
    )


def _rules(run: Run) -> list[Fact]:
    asked = [
        Fact(_("Asked for by"), run.started_by, run.created_at),
        Fact(_("Scope"), run.scope_words),
        Fact(_("Reason"), run.reason or _("none was given")),
        Fact(_("Ticket"), run.ticket or _("none")),
    ]
    if run.not_before:
        asked.append(Fact(_("Not before"), "", run.not_before))
    if run.kind == RunKind.HOST:
        return [*asked, Fact(_("Time to drain a host"), duration(run.drain_timeout_s))]
    payload = _("none") if run.payload is None else size(len(run.payload.encode()))
    return [
        *asked,
        Fact(_("If a host fails"), str(ON_FAILURE_WORDS[OnFailure(run.on_failure)])),
        Fact(_("Hosts out at once"), _("%(n)s a cluster") % {"n": figure(run.max_unavailable)}),
        Fact(_("Clusters at once"), figure(run.clusters_in_parallel)),
        Fact(_("Hosts not Up and Enabled"), _("are skipped") if run.skip_unready else _("block the start")),
        Fact(_("Time a script may take"), duration(run.timeout_s)),
        Fact(_("Time to drain a host"), duration(run.drain_timeout_s)),
        Fact(_("Payload for the scripts"), payload),
    ]


def _plan(run: Run, planned: KeptPlan | None) -> list[Fact]:
    if planned is None:
        return []
    leaving = [line for line in planned.lines if line.verdict in LEAVING]
    moves = sum(line.instances for line in leaving)
    length = _("not known when it was made")
    if planned.minutes:
        length = str(Range(planned.minutes[0] * 60, planned.minutes[1] * 60))
    facts = [
        Fact(_("Plan"), run.plan_hash[:12], planned.computed_at),
        Fact(_("Leave service"), count(len(leaving), "host")),
        Fact(_("Instances to move"), figure(moves)),
        Fact(_("Expected to take"), length),
    ]
    if run.started_at and run.finished_at:
        took = duration((run.finished_at - run.started_at).total_seconds())
        facts.append(Fact(_("Took"), took))
    with_spare = [line for line in leaving if line.spare_ratio is not None]
    if with_spare:
        tightest = min(with_spare, key=lambda line: line.spare_ratio or 0.0)
        words = _("%(percent)s %% of memory left while %(host)s is out")
        facts.append(
            Fact(
                _("Tightest moment"),
                words
                % {"percent": figure(round(100 * (tightest.spare_ratio or 0))), "host": said(tightest.name)},
            )
        )
    return facts


def _otherwise(line: KeptLine) -> PlannedOtherwise:
    return PlannedOtherwise(line.name, str(PLANNED_WORDS[line.verdict]), line.why)
