"""A run's report to read and to print: every host in exactly one list, with what was planned, what it took and why."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.head import RunHead, run_head
from dashboard.screens.run.progress import run_census
from dashboard.screens.run.record import PLANNED_WORDS, Record, run_record
from dashboard.screens.run.times import times_words
from dashboard.screens.runs.name import run_url
from dashboard.screens.words import Range, count, duration, figure
from maintenance.domain.plan import Verdict
from maintenance.domain.states import STATE_DURING, TARGET_ENDED, Stage, TargetState
from maintenance.models import Run, Target
from maintenance.report import HostRecord, StageRecord, host_records

LISTS = (
    (gettext_lazy("Updated"), frozenset({TargetState.DONE})),
    (
        gettext_lazy("Failed, or in need of a person"),
        frozenset({TargetState.FAILED, TargetState.NEEDS_PERSON}),
    ),
    (gettext_lazy("Skipped"), frozenset({TargetState.SKIPPED})),
    (gettext_lazy("Not done: the run was stopped"), frozenset({TargetState.CANCELLED})),
    (gettext_lazy("Not ended yet"), frozenset(TargetState) - TARGET_ENDED),
)


@dataclass(frozen=True, slots=True)
class ReportLine:
    order: int
    name: str
    where: str
    mark: Mark
    why: str
    software: str
    out_at: datetime | None
    back_at: datetime | None
    out_for: str
    times: str
    planned: str
    instances: str
    stages: str


@dataclass(frozen=True, slots=True)
class ReportList:
    name: str
    summary: str
    lines: list[ReportLine]


@dataclass(frozen=True, slots=True)
class Report:
    head: RunHead
    run_url: str
    record: Record
    watch: str
    lists: list[ReportList]


def run_report(run: Run) -> Report:
    records = host_records(run)
    lists = []
    for name, states in LISTS:
        lines = [_line(record) for record in records if record.target.state in states]
        if lines:
            lists.append(ReportList(str(name), count(len(lines), "host"), lines))
    return Report(run_head(run), run_url(run), run_record(run), run_census(run).mark.word, lists)


def _line(record: HostRecord) -> ReportLine:
    target = record.target
    return ReportLine(
        order=target.order,
        name=target.name,
        where=f"{target.zone_name} · {target.cluster_name}",
        mark=mark(target.state),
        why=target.detail or target.not_needed,
        software=_software(target),
        out_at=target.out_at,
        back_at=target.back_at,
        out_for=duration(record.out_s) if record.out_s is not None else "",
        times=times_words(record.attempts, record.outs),
        planned=_planned(record),
        instances=figure(len(target.instances_before)) if target.instances_before is not None else "",
        stages=", ".join(_stage(stage) for stage in record.stages if stage.took_s is not None),
    )


def _software(target: Target) -> str:
    """Before → after where both are known and differ. A host that never left service was read once at most."""
    before, after = target.agent_before, target.agent_after
    return f"{before} → {after}" if before and after and before != after else before or after


def _planned(record: HostRecord) -> str:
    if record.kept is None:
        return ""
    if record.kept.verdict is not Verdict.READY:
        return str(PLANNED_WORDS[record.kept.verdict])
    return str(Range(*record.kept.expected_s)) if record.kept.expected_s else _("length not known")


def _stage(stage: StageRecord) -> str:
    assert stage.took_s is not None
    words = _("%(stage)s %(took)s") % {
        "stage": mark(STATE_DURING[Stage(stage.stage)]).word,
        "took": duration(stage.took_s),
    }
    return (
        words if stage.attempt == 1 else _("%(what)s (attempt %(n)s)") % {"what": words, "n": stage.attempt}
    )
