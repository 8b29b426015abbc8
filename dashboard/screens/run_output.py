"""The page with all that a stage's script printed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from dashboard.screens.marks import UNKNOWN, Mark, mark
from dashboard.screens.run_choice import Choice
from dashboard.screens.run_head import run_name, run_url
from dashboard.screens.run_now import output_url
from dashboard.screens.words import size
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, Stage, StepState
from maintenance.models import Run, Step


@dataclass(frozen=True, slots=True)
class OutputPage:
    """`more_url` asks for what comes after this page's text; empty once the script has ended."""

    number: int
    name: str
    run_url: str
    host_name: str
    host_url: str
    target: UUID
    stage: str
    script: str
    mark: Mark
    outcome: str
    started: datetime | None
    finished: datetime | None
    printed: str
    more_url: str
    text_url: str
    stages: list[Choice]
    attempts: list[Choice]


def output_page(run: Run, step: Step, position: int) -> OutputPage:
    here = output_url(run, step.target.host_id, step.stage)
    mine = Step.objects.filter(target=step.target)
    ran = set(
        mine.filter(stage__in=STAGES).exclude(script="", output_bytes=0).values_list("stage", flat=True)
    )
    attempts = sorted(set(mine.filter(stage=step.stage).values_list("attempt", flat=True)))
    attempt = {"attempt": step.attempt}
    is_over = step.state == StepState.ENDED
    return OutputPage(
        number=run.number,
        name=run_name(run),
        run_url=run_url(run),
        host_name=step.target.host_name,
        host_url=reverse("host", args=[step.target.host_id]),
        target=step.target_id,
        stage=step.stage,
        script=PurePosixPath(step.script).name,
        mark=_mark(step),
        outcome=_outcome(step),
        started=step.started,
        finished=step.finished,
        printed=size(step.output_bytes),
        more_url="" if is_over else f"{here}?{urlencode(attempt | {'after': position})}",
        text_url=f"{here}?{urlencode(attempt | {'text': 1})}",
        stages=[
            Choice(output_url(run, step.target.host_id, stage), stage, stage == step.stage)
            for stage in STAGES
            if stage in ran or stage == step.stage
        ],
        attempts=[
            Choice(f"{here}?{urlencode({'attempt': n})}", f"Attempt {n}", n == step.attempt) for n in attempts
        ],
    )


def _mark(step: Step) -> Mark:
    if step.state != StepState.ENDED:
        return mark(STATE_DURING[Stage(step.stage)])
    match step.outcome:
        case Outcome.OK:
            return Mark("Done", "Ended well", "done")
        case Outcome.NOT_NEEDED:
            return Mark("Skipped", "Not needed", "skipped")
        case Outcome.UNKNOWN:
            return UNKNOWN
        case _:
            return Mark("Failed", str(step.outcome).replace("_", " ").capitalize(), "failed")


def _outcome(step: Step) -> str:
    status = f"exit status {step.exit_status}" if step.exit_status is not None else ""
    detail = "" if status and step.detail == status else step.detail
    return ", ".join(
        part for part in (status, detail, "" if step.state == StepState.ENDED else step.note) if part
    )
