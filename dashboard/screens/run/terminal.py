"""What a stage does right now: how many instances have moved, and the last lines that its script printed."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.run.printed import Line, tail
from dashboard.screens.runs.lane import newest_steps
from dashboard.screens.words import count, figure, listing, size
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import Stage, StepState
from maintenance.models import Run, Step, Target


@dataclass(frozen=True, slots=True)
class Terminal:
    """One block of a host at work. `note`: what the engine waits for."""

    target: UUID
    script: str
    movement: str
    note: str
    printed: str
    lines: list[Line]
    output_url: str
    text_url: str
    label: str


def terminal_of(target_id: UUID) -> Terminal | None:
    """The block alone, as it is pushed while a script prints or instances move."""
    target = Target.objects.select_related("run").filter(id=target_id, host__isnull=False).first()
    return terminal(target.run, target, newest_steps(target)) if target else None


def terminal(run: Run, target: Target, steps: dict[str, Step]) -> Terminal | None:
    """The stage at work; None between two."""
    step = next((s for s in steps.values() if s.state != StepState.ENDED), None)
    if step is None:
        return None
    is_script = step.stage in STAGES
    page = output_url(run, target.host_key, step.stage) if is_script and step.output_bytes else ""
    label = _("Live output of %(stage)s on %(host)s, last lines")
    return Terminal(
        target=target.id,
        script=PurePosixPath(step.script).name or (step.stage if is_script else ""),
        movement=movement_words(steps),
        note=step.note,
        printed=_("%(size)s printed") % {"size": size(step.output_bytes)} if step.output_bytes else "",
        lines=tail(step) if is_script else [],
        output_url=page,
        text_url=f"{page}?{urlencode({'attempt': step.attempt, 'text': 1})}" if page else "",
        label=label % {"stage": step.stage, "host": target.name},
    )


def output_url(run: Run, host_id: UUID, stage: str) -> str:
    return reverse("run-output", args=[run.id, host_id, stage])


def movement_words(steps: dict[str, Step]) -> str:
    """7 of 12 instances moved, 5 left, now web-3."""
    drain = steps.get(Stage.DRAIN)
    if drain is None or not drain.movement:
        return ""
    facts = {
        "n": figure(_number(drain.movement, "moved")),
        "instances": count(_number(drain.movement, "total"), "instance"),
        "left": figure(_number(drain.movement, "left")),
        "names": _names(drain.movement.get("moving")),
    }
    if drain.state != StepState.ENDED and facts["names"]:
        return _("%(n)s of %(instances)s moved, %(left)s left, now %(names)s") % facts
    return _("%(n)s of %(instances)s moved, %(left)s left") % facts


def _names(moving: Any) -> str:
    """Instances that move just now."""
    if isinstance(moving, list):
        return listing([str(name) for name in moving])
    return str(moving or "")


def _number(movement: dict[str, Any], key: str) -> int:
    found = movement.get(key, 0)
    return found if isinstance(found, int) else 0
