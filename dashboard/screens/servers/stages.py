"""The five steps of a server that prepares for maintenance, and the three of one that is made ready to be shut down."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark, moving
from dashboard.screens.words import count, figure
from maintenance.domain.servers import ServerState

LISTENER = "listener"


@dataclass(frozen=True, slots=True)
class Left:
    """What a server still has. The `of` ones are what it had when it began; None: nobody counted."""

    jobs: int
    agents: int
    tasks_running: int
    tasks_known: bool
    jobs_of: int | None = None


@dataclass(frozen=True, slots=True)
class ServerStep:
    name: str
    mark: Mark
    says: str
    is_current: bool = False


def steps(state: ServerState, left: Left, *, refusal: str) -> list[ServerStep]:
    """`refusal`: what new work is told while the server refuses it."""
    found = [ServerStep(_("Refuse new work"), mark("Done"), refusal), _jobs(left)]
    if state in {ServerState.PREPARING_FOR_SHUTDOWN, ServerState.READY_TO_SHUTDOWN}:
        is_ready = state is ServerState.READY_TO_SHUTDOWN
        says = _("its agents stay; it answers until SHUTDOWN is typed")
        return [*found, ServerStep(_("Ready to shut down"), mark("Done" if is_ready else "Waiting"), says)]
    is_there = state is ServerState.MAINTENANCE
    return [
        *found,
        _agents(left),
        _listening(left, is_there=is_there),
        ServerStep(
            _("Maintenance"),
            mark("Done" if is_there else "Waiting"),
            _("its process runs and answers; nothing depends on it"),
        ),
    ]


def _jobs(left: Left) -> ServerStep:
    if not left.jobs:
        return ServerStep(_("Wait for jobs"), mark("Done"), _("none is left"))
    says = (
        _("%(n)s of %(all)s left") % {"n": figure(left.jobs), "all": figure(left.jobs_of)}
        if left.jobs_of
        else _("%(n)s left") % {"n": figure(left.jobs)}
    )
    return ServerStep(
        _("Wait for jobs"), moving(says), _("tenants see nothing; each job ends by itself"), is_current=True
    )


def _agents(left: Left) -> ServerStep:
    name = _("Move agents")
    if left.jobs:
        still = _("%(agents)s still here") % {"agents": count(left.agents, "agent")}
        return ServerStep(name, Mark("Waiting", still, "waiting"), _("begins when the last job ends"))
    if left.agents:
        says = _("%(n)s left") % {"n": figure(left.agents)}
        return ServerStep(name, moving(says), _("system VMs first, then hosts"), is_current=True)
    return ServerStep(name, mark("Done"), _("no agent is left on it"))


def _listening(left: Left, *, is_there: bool) -> ServerStep:
    name, says = _("Stop listening"), _("background tasks and the agents' port")
    if is_there or (left.tasks_known and not left.tasks_running):
        return ServerStep(name, mark("Done"), says)
    if left.jobs or left.agents:
        return ServerStep(name, mark("Waiting"), says)
    still = _("%(n)s running") % {"n": figure(left.tasks_running)} if left.tasks_known else _("Stopping")
    return ServerStep(name, moving(still), says, is_current=True)
