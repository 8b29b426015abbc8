"""The first lines of a run's page: one sentence that says what is so, what follows from it, and the facts beneath."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import Mark
from dashboard.screens.run.outlook import outlook
from dashboard.screens.run.sentence import by_hand_sentence, run_sentence
from dashboard.screens.runs.name import finished_of, run_mark, run_name, run_url
from dashboard.screens.runs.strip import counts_of
from dashboard.screens.runs.usual import Ends
from dashboard.screens.words import count, figure
from maintenance.domain.states import OnFailure, RunKind
from maintenance.models import Run

__all__ = ["by_hand_sentence", "finished_of", "run_head", "run_mark", "run_name", "run_url"]

ON_FAILURE_WORDS = {
    OnFailure.PAUSE: gettext_lazy("pause on failure"),
    OnFailure.SKIP: gettext_lazy("skip what fails"),
    OnFailure.STOP: gettext_lazy("stop on failure"),
}


@dataclass(frozen=True, slots=True)
class RunHead:
    """`ends` is said after `then`, where it is known; `ends_unknown` where it is not."""

    number: int
    says: str
    then: str
    ends: Ends | None
    ends_unknown: str
    mark: Mark
    title: str  # of the browser's tab
    name: str
    began: datetime | None
    has_started: bool
    not_before: datetime | None
    by: str
    ticket: str
    scope: str
    rules: str
    plan: str
    finished_at: datetime | None


def run_head(run: Run) -> RunHead:
    counts = counts_of(run)
    ahead = outlook(run)
    says, then = run_sentence(run, counts, ends_known=ahead.ends is not None)
    drawn = run_mark(run, is_held=ahead.is_held)
    return RunHead(
        number=run.number,
        says=says,
        then=then,
        ends=None if then else ahead.ends,
        ends_unknown=ahead.unknown,
        mark=drawn,
        title=says if says.startswith(drawn.word) else f"{drawn.word}: {says}",
        name=run_name(run),
        began=run.started_at or run.created_at,
        has_started=run.started_at is not None,
        not_before=None if run.started_at else run.not_before,
        by=run.started_by,
        ticket=run.ticket,
        scope=run.scope_words,
        rules=rules_words(run),
        plan=run.plan_hash[:4],
        finished_at=run.finished_at,
    )


def rules_words(run: Run) -> str:
    """one host at a time, pause on failure"""
    if run.kind == RunKind.HOST:
        return ""
    if run.max_unavailable == 1:
        pace = [_("one host at a time")]
    else:
        pace = [_("%(n)s hosts at a time a cluster") % {"n": figure(run.max_unavailable)}]
    if run.clusters_in_parallel > 1:
        pace.append(_("%(clusters)s at once") % {"clusters": count(run.clusters_in_parallel, "cluster")})
    return ", ".join([*pace, str(ON_FAILURE_WORDS[OnFailure(run.on_failure)])])
