"""The words of a live patch and of a restart of routers: their steps, and what happens in each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind, Stage, StepState
from maintenance.models import Run, Step, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

STAGES: "Mapping[str, StrPromise]" = {
    Stage.PATCH_COPY: gettext_lazy("Copy"),
    Stage.PATCH_BACK_UP: gettext_lazy("Back up"),
    Stage.PATCH_APPLY: gettext_lazy("Apply"),
    Stage.PATCH_RESTART: gettext_lazy("Restart"),
    Stage.PATCH_VERIFY: gettext_lazy("Verify"),
    Stage.PATCH_RULES: gettext_lazy("Rules"),
    Stage.PATCH_ROLL_BACK: gettext_lazy("Roll back"),
    Stage.ROUTER_STOP: gettext_lazy("Stop the old one"),
    Stage.ROUTER_START: gettext_lazy("Start the new one"),
    Stage.ROUTER_SWITCH: gettext_lazy("Switch traffic"),
    Stage.ROUTER_VERIFY: gettext_lazy("Verify"),
    Stage.ROUTER_ADD_BACKUP: gettext_lazy("Add a backup"),
    Stage.ROUTER_SWITCH_BACK: gettext_lazy("Switch back"),
    Stage.ROUTER_REAPPLY: gettext_lazy("Rules"),
}
# What happens in a step, said beneath it before it begins.
HAPPENS: "Mapping[str, StrPromise]" = {
    Stage.PATCH_COPY: gettext_lazy(
        "agent.zip, cloud-scripts.tgz, patch-sysvms.sh; checksums equal on both ends"
    ),
    Stage.PATCH_BACK_UP: gettext_lazy("packages, certificates, signature; read back"),
    Stage.PATCH_APPLY: gettext_lazy("scripts in place"),
    Stage.PATCH_RESTART: gettext_lazy("services that were active, in order; each is watched"),
    Stage.PATCH_VERIFY: gettext_lazy("version read back, then the signature"),
    Stage.PATCH_RULES: gettext_lazy("rules and public IPs applied again, and probed"),
    Stage.PATCH_ROLL_BACK: gettext_lazy("the old version is put back, restarted and probed"),
    Stage.ROUTER_STOP: gettext_lazy("the old router is stopped; nothing serves until the new one runs"),
    Stage.ROUTER_START: gettext_lazy("it boots while the old one serves, checks in, and answers"),
    Stage.ROUTER_SWITCH: gettext_lazy("traffic goes to the new router; the old one is stopped"),
    Stage.ROUTER_VERIFY: gettext_lazy(
        "services, rules and public IPs answer; then the old router is destroyed"
    ),
    Stage.ROUTER_ADD_BACKUP: gettext_lazy("a second router starts and stands by"),
    Stage.ROUTER_SWITCH_BACK: gettext_lazy("the old router serves again; the new one is removed"),
    Stage.ROUTER_REAPPLY: gettext_lazy("rules and public IPs applied again, and probed"),
}
# The same, where a way of restarting differs.
_HAPPENS_OTHERWISE: "Mapping[tuple[str, str], StrPromise]" = {
    (RestartWay.SERIAL, Stage.ROUTER_START): gettext_lazy("it boots, checks in and answers; nothing serves"),
    (RestartWay.SERIAL, Stage.ROUTER_SWITCH): gettext_lazy("traffic goes to the new router"),
    (RestartWay.REDUNDANT, Stage.ROUTER_SWITCH): gettext_lazy(
        "the sides hand over by themselves; then the old one is stopped"
    ),
}
_PARALLEL = (Stage.ROUTER_START, Stage.ROUTER_SWITCH, Stage.ROUTER_VERIFY)
_WAYS: Mapping[RestartWay, tuple[Stage, ...]] = {
    RestartWay.REAPPLY: (Stage.ROUTER_REAPPLY,),
    RestartWay.PARALLEL: _PARALLEL,
    RestartWay.SERIAL: (Stage.ROUTER_STOP, *_PARALLEL),
    RestartWay.REDUNDANT: _PARALLEL,
}
BACK = frozenset({Stage.PATCH_ROLL_BACK, Stage.ROUTER_SWITCH_BACK})
FIVE = (
    Stage.PATCH_COPY,
    Stage.PATCH_BACK_UP,
    Stage.PATCH_APPLY,
    Stage.PATCH_RESTART,
    Stage.PATCH_VERIFY,
)


def stage_word(stage: str) -> str:
    """A step as people read it; one that nobody knows by its own name."""
    return str(STAGES.get(stage, stage))


def way(run: Run, target: Target) -> tuple[Stage, ...]:
    """The steps of a patch, or of a restart, that goes well. `group` is only of routers."""
    if run.kind == RunKind.ROUTER_RESTART:
        steps = _WAYS[RestartWay(run.way)]
        return (*steps, Stage.ROUTER_ADD_BACKUP) if run.makes_redundant else steps
    return (*FIVE, Stage.PATCH_RULES) if target.group is not None else FIVE


def happens(run: Run, stage: Stage) -> str:
    """What happens in a step, as this run does it."""
    return str(_HAPPENS_OTHERWISE.get((run.way, stage), HAPPENS[stage]))


def steps_done(target: Target, steps: Mapping[str, Step]) -> tuple[int, int]:
    """The place of the step at work, and how many there are: 4 of 5. Load the target with its run."""
    stages = way(target.run, target)
    done = sum(
        stage in steps and steps[stage].state == StepState.ENDED and steps[stage].outcome == Outcome.OK
        for stage in stages
    )
    return min(done + 1, len(stages)), len(stages)
