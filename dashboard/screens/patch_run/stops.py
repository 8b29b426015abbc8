"""The steps of one VM of a live patch, or of one router that is restarted, and the way back if it comes to that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import UNKNOWN, Mark, mark, moving
from dashboard.screens.patch_run.words import BACK, happens, stage_word, way
from dashboard.screens.words import duration, figure, size
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, TARGET_ENDED, RunKind, Stage, StepState, TargetState
from maintenance.models import Run, Step, Target

_ENDED: Mapping[str, str] = {Outcome.OK: "Done", Outcome.NOT_NEEDED: "Skipped", Outcome.STOPPED: "Cancelled"}


@dataclass(frozen=True, slots=True)
class PatchStop:
    """One step. Of the times at most one is told: it runs `since`, or it `took` so long. `says` stands beneath it."""

    name: str
    mark: Mark
    says: str
    is_current: bool = False
    since: datetime | None = None
    took: str = ""


def stops(run: Run, target: Target, steps: Mapping[str, Step]) -> list[PatchStop]:
    """The steps of what goes well; the way back once it is gone, or due."""
    stages = list(way(run, target))
    if target.state == TargetState.DONE and Stage.ROUTER_ADD_BACKUP not in steps:
        stages = [
            stage for stage in stages if stage is not Stage.ROUTER_ADD_BACKUP
        ]  # it can have no second side
    back = Stage.ROUTER_SWITCH_BACK if run.kind == RunKind.ROUTER_RESTART else Stage.PATCH_ROLL_BACK
    if back in steps or target.next_stage == back:
        stages.append(back)
    if target.state == TargetState.SKIPPED and not steps:
        return []  # it was never this run's to do; the reason says it all
    return [_stop(run, target, stage, number, steps.get(stage)) for number, stage in enumerate(stages, 1)]


def _stop(run: Run, target: Target, stage: Stage, number: int, step: Step | None) -> PatchStop:
    name = _("%(n)s %(step)s") % {"n": number, "step": stage_word(stage)}
    if stage in BACK:
        name = stage_word(stage)
    if step is not None and step.state == StepState.ENDED:
        says = step.detail or done_words(step)
        return PatchStop(name, _ended(step), says, took=_took(step))
    if step is not None:
        drawn = mark(STATE_DURING[stage])
        says = happens(run, stage)
        return PatchStop(name, moving(drawn.word), says, is_current=True, since=step.started)
    if target.state in TARGET_ENDED:
        return PatchStop(name, Mark("Waiting", _("Not begun"), "waiting"), "")
    is_next = target.next_stage == stage
    return PatchStop(name, mark(TargetState.WAITING), happens(run, stage), is_current=is_next)


def _ended(step: Step) -> Mark:
    if step.outcome == Outcome.UNKNOWN:
        return UNKNOWN
    return mark(_ENDED.get(step.outcome, "Failed"))


def done_words(step: Step) -> str:
    """What a step that went well has done."""
    match step.stage:
        case Stage.PATCH_COPY:
            return _("checksums equal on both ends")
        case Stage.PATCH_BACK_UP:
            return _backed_up(step)
        case Stage.PATCH_APPLY:
            return _("scripts in place")
        case Stage.PATCH_RESTART:
            return _("all run, and were watched")
        case Stage.PATCH_VERIFY:
            return _("the new version answers; signature written")
        case Stage.PATCH_RULES | Stage.ROUTER_REAPPLY:
            return _("rules and public IPs answer")
        case Stage.PATCH_ROLL_BACK:
            return _("the old version answers")
        case _:
            return _restarted_words(step)


def _restarted_words(step: Step) -> str:
    new = replacement(step)
    match step.stage:
        case Stage.ROUTER_STOP:
            return _("the old router is stopped")
        case Stage.ROUTER_START if new is not None:
            return _("%(router)s runs %(version)s, has checked in and answers") % {
                "router": new.name,
                "version": new.version or _("an unknown version"),
            }
        case Stage.ROUTER_START:
            return _("it runs, has checked in and answers")
        case Stage.ROUTER_SWITCH:
            return _("traffic goes to the new router")
        case Stage.ROUTER_VERIFY:
            return _("services, rules and public IPs answer")
        case Stage.ROUTER_ADD_BACKUP if new is not None:
            return _("%(router)s stands by") % {"router": new.name}
        case Stage.ROUTER_ADD_BACKUP:
            return _("a second router stands by")
        case Stage.ROUTER_SWITCH_BACK:
            return _("the previous router serves")
        case _:
            return ""


def _backed_up(step: Step) -> str:
    files = int(step.movement.get("files") or 0) if step.movement else 0
    if not files:
        return _("read back, good")
    words = ngettext("%(n)s file, %(size)s; read back", "%(n)s files, %(size)s; read back", files)
    return words % {"n": figure(files), "size": size(int(step.movement.get("bytes") or 0))}


def _took(step: Step) -> str:
    if step.started is None or step.finished is None:
        return ""
    return duration((step.finished - step.started).total_seconds())


@dataclass(frozen=True, slots=True)
class NewRouter:
    """The router that takes the place of an old one, as the step that started it noted. `id` is the cloud's."""

    id: str
    name: str
    version: str


def replacement(step: Step | None) -> NewRouter | None:
    """None: the step has not named one yet, or starts none."""
    if step is None or not step.movement or not step.movement.get("router"):
        return None
    noted = step.movement
    return NewRouter(str(noted.get("router_id") or ""), str(noted["router"]), str(noted.get("version") or ""))
