"""One host's page: how it is, what may be done to it by hand, its scripts, its instances, its history."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from dashboard.screens.actions import Action, for_role
from dashboard.screens.census import RUNNING
from dashboard.screens.hosts import new_run_url
from dashboard.screens.lane import Lane, lane, newest_steps
from dashboard.screens.marks import (
    IN_SERVICE,
    NEEDS_PERSON,
    OUT_OF_SERVICE,
    TAKEN,
    UNKNOWN,
    Mark,
    host_mark,
    mark,
)
from dashboard.screens.run_head import by_hand_sentence
from dashboard.screens.run_now import Terminal, lane_icon, terminal
from dashboard.screens.run_problems import cause_words, failed_step
from dashboard.screens.usual import usual_ranges
from dashboard.screens.words import count, duration, said
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import TARGET_BEGUN, TARGET_WAITING, RunKind, Stage, TargetState
from maintenance.models import Host, HostOut, Instance, Run, Target

INSTANCES_MAX = 200
HISTORY_MAX = 30


@dataclass(frozen=True, slots=True)
class Standing:
    """What everything on the page is derived from, loaded once."""

    host: Host
    target: Target | None  # its open target, with its run
    out: HostOut | None  # our open ledger row
    mark: Mark


def standing(host_id: UUID) -> Standing | None:
    host = (
        Host.objects.select_related("cloud", "cluster__pod__zone", "management_server")
        .filter(id=host_id)
        .first()
    )
    if host is None:
        return None
    target = Target.objects.filter(host=host, is_open=True).select_related("run").first()
    out = HostOut.objects.filter(host=host, closed_at=None).select_related("run", "target").first()
    return Standing(
        host, target, out, host_mark(host, timezone.now(), target=target, is_ours=out is not None)
    )


# ---- head: the sentence, the facts, the buttons ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class HostHead:
    says: str
    then: str
    mark: Mark
    title: str
    name: str
    facts: list[Fact]
    read_at: datetime | None
    as_of: datetime | None
    run_number: int | None
    run_url: str
    start_url: str


def host_head(at: Standing) -> HostHead:
    host = at.host
    says, then = _sentence(at)
    cluster = host.cluster
    run = at.target.run if at.target else at.out.run if at.out else None
    return HostHead(
        says=says,
        then=then,
        mark=at.mark,
        title=f"{at.mark.word}: {said(host.name)}",
        name=host.name,
        facts=[
            Fact("Agent", host.state, host.agent_version),
            Fact("Resource state", host.resource_state, f"cluster {cluster.allocation_state}"),
            Fact("Where", f"{cluster.pod.zone.name} · {cluster.name}", cluster.pod.name),
            Fact("Hypervisor", host.hypervisor, host.kernel_version),
            Fact("Size", f"{host.cpu_cores} cores", f"{host.memory_mb / 1024:.0f} GB memory"),
            Fact("Management server", host.management_server.name if host.management_server else "none"),
        ],
        read_at=host.seen_at,
        as_of=host.cloud.as_of,
        run_number=run.number if run else None,
        run_url=reverse("run", args=[run.id]) if run else "",
        start_url=new_run_url("hosts", [host.id]),
    )


def _sentence(at: Standing) -> tuple[str, str]:
    name = said(at.host.name)
    if at.host.gone_at is not None:
        return f"{name} is no longer listed.", f"{at.host.cloud.name} does not know this host any more."
    if at.target is not None and at.target.run.kind == RunKind.HOST:
        return by_hand_sentence(at.target.run, at.target)
    if at.target is not None and at.target.state in TARGET_BEGUN:
        is_out = at.target.out_at is not None and at.target.back_at is None
        return (
            f"{name} is {at.mark.word.lower()}.",
            "It is out of service." if is_out else "It is in service.",
        )
    if at.mark == UNKNOWN:
        return (
            f"{name} is not known.",
            f"{at.host.cloud.name} cannot be read; below is the last that was known.",
        )
    if at.mark == NEEDS_PERSON:
        return f"{name} needs a person.", "We took it out of service and have not seen it back."
    if at.mark == TAKEN:
        return f"{name} is out of service.", "Others took it out: Pitstop never touches it."
    if at.mark == IN_SERVICE:
        return f"{name} is in service.", _how_it_is_in_run(at)
    return f"{name} is {at.host.state} and {at.host.resource_state}.", ""


def _how_it_is_in_run(at: Standing) -> str:
    """Of a host in service that a run has: whether its turn is still to come, or it failed there."""
    if at.target is None:
        return ""
    number = at.target.run.number
    if at.target.state in TARGET_WAITING:
        return f"It waits for its turn in run {number}."
    if at.target.state == TargetState.CHECKING:
        return f"Its PreFlight runs for run {number}."
    if at.target.state == TargetState.FAILED:
        why = cause_words(at.target.detail, failed_step(at.target))
        return f"It failed in run {number}: {why}." if why else f"It failed in run {number}."
    return ""


# ---- by hand ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByHand:
    actions: list[Action]


def by_hand(at: Standing, role: str) -> ByHand:
    """Put into maintenance, return to service: what each will do, or why it cannot."""
    return ByHand(for_role([_prepare(at), _return(at)], role))


def _prepare(at: Standing) -> Action:
    host, name = at.host, said(at.host.name)
    on_it = Instance.objects.filter(host=host, gone_at=None, state__in=RUNNING).count()
    moves = f"{count(on_it, 'instance')} move{'s' if on_it == 1 else ''} live to other hosts of {host.cluster.name}"
    usual = usual_ranges().get(Stage.DRAIN)
    says = f"{moves}{f', usually {usual}' if usual else ''}. Then {name} is held until a person returns it."
    action = Action(
        "Put into maintenance…",
        "out",
        reverse("host-prepare", args=[host.id]),
        says,
        confirm=f"Take {name} out of service",
        asks="Reason",
        field=f"reason-{host.id}",
    )
    return action.unless(_why_not_out(at))


def _why_not_out(at: Standing) -> str:
    name = said(at.host.name)
    if at.host.gone_at is not None:
        return "The cloud no longer lists this host."
    if at.target is not None:
        run = at.target.run
        return f"Run {run.number}, started by {run.started_by}, has {name}."
    if at.out is not None:
        return f"{name} is out of service already."
    if at.host.resource_state in OUT_OF_SERVICE:
        return f"{name} is {at.host.resource_state}: taken by others."
    if not at.host.is_known(timezone.now()):
        return "How the host is now is not known."
    if not at.host.is_in_service():
        return f"{name} is {at.host.state} and {at.host.resource_state}, not Up and Enabled."
    return ""


def _return(at: Standing) -> Action:
    name = said(at.host.name)
    usual = usual_ranges().get(Stage.RETURN)
    says = (
        f"{name} takes instances again once it is seen Up and Enabled{f', usually {usual}' if usual else ''}."
    )
    action = Action("Return to service", "refresh", reverse("host-return", args=[at.host.id]), says)
    return action.unless(_why_not_back(at))


def _why_not_back(at: Standing) -> str:
    name = said(at.host.name)
    if at.target is not None and at.target.state in {TargetState.IN_MAINTENANCE, TargetState.NEEDS_PERSON}:
        return ""
    if at.target is not None and at.target.state in TARGET_BEGUN:
        return f"Run {at.target.run.number} is at work on {name} and returns it itself."
    if at.target is None and at.out is not None:
        return ""
    if at.host.resource_state in OUT_OF_SERVICE:
        return "Others took it out of service. Return it where it was taken."
    return f"{name} is not out of service by Pitstop."


# ---- the way it goes now ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """Its lane while a run has it."""

    run_number: int
    run_url: str
    by_hand: bool
    mark: Mark
    since: datetime | None
    lane: Lane
    lane_icon: str
    terminal: Terminal | None
    detail: str


def on_its_way(at: Standing) -> OnItsWay | None:
    target = at.target
    if target is None:
        return None
    steps = newest_steps(target)
    run = target.run
    return OnItsWay(
        run_number=run.number,
        run_url=reverse("run", args=[run.id]),
        by_hand=run.kind == RunKind.HOST,
        mark=mark(target.state),
        since=target.out_at if target.back_at is None else None,
        lane=lane(run, target, steps),
        lane_icon=lane_icon(target.state),
        terminal=terminal(run, target, steps),
        detail=target.detail,
    )


# ---- scripts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Script:
    stage: str
    mark: Mark
    path: str
    digest: str
    problem: str


@dataclass(frozen=True, slots=True)
class Scripts:
    scripts: list[Script]
    folder: str
    executor: str
    limits: str
    warnings: list[str]
    seen_at: datetime | None
    is_known: bool


def scripts(at: Standing) -> Scripts:
    host = at.host
    return Scripts(
        scripts=[_script(host, stage) for stage in STAGES],
        folder=host.hooks_dir,
        executor=host.hooks_executor,
        limits=host.hooks_limits,
        warnings=[str(warning) for warning in host.hooks_warnings],
        seen_at=host.hooks_seen_at,
        is_known=host.hooks is not None,
    )


def _script(host: Host, stage: str) -> Script:
    if host.hooks is None:
        return Script(stage, UNKNOWN, "", "", "")
    found = host.hooks.get(stage) or {}
    problem = str(found.get("problem") or "")
    digest = str(found.get("digest") or "")[:12]
    if problem:
        return Script(
            stage, Mark("Failed", "Refused", "failed"), str(found.get("path") or ""), digest, problem
        )
    if found.get("present"):
        return Script(stage, Mark("Done", "There", "done"), str(found.get("path") or ""), digest, "")
    return Script(stage, Mark("Waiting", "None", "waiting"), "", "", "")


# ---- instances -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstanceRow:
    name: str
    mark: Mark
    account: str
    domain: str
    size: str
    tags: str


@dataclass(frozen=True, slots=True)
class Instances:
    rows: list[InstanceRow]
    total: int
    more: int


def instances(at: Standing) -> Instances:
    on_it = Instance.objects.filter(host=at.host, gone_at=None).order_by("name")
    total = on_it.count()
    is_known = at.host.is_known(timezone.now())
    return Instances(
        [_instance(i, is_known) for i in on_it[:INSTANCES_MAX]], total, max(0, total - INSTANCES_MAX)
    )


def _instance(instance: Instance, is_known: bool) -> InstanceRow:
    moves = {"Migrating", "Starting", "Stopping"}
    if not is_known or instance.state in {"Unknown", "Error"}:
        drawn = Mark("Unknown", instance.state if is_known else f"was {instance.state}", "unknown")
    elif instance.state == "Running":
        drawn = Mark("Up", "Running", "done")
    elif instance.state in moves:
        drawn = Mark("Running", instance.state, "running", live=True)
    else:
        drawn = Mark("Waiting", instance.state, "waiting")
    size = f"{instance.cpu_cores} cores, {instance.memory_mb / 1024:g} GB"
    return InstanceRow(
        instance.name, drawn, instance.account, instance.domain, size, ", ".join(map(str, instance.tags))
    )


# ---- history ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visit:
    """What one run did to this host."""

    run_number: int
    run_url: str
    name: str
    mark: Mark
    detail: str
    at: datetime
    took: str


@dataclass(frozen=True, slots=True)
class History:
    visits: list[Visit]
    more: int


def history(at: Standing) -> History:
    visits = Target.objects.filter(host=at.host).select_related("run").order_by("-run__number")
    return History([_visit(t, t.run) for t in visits[:HISTORY_MAX]], max(0, visits.count() - HISTORY_MAX))


def _visit(target: Target, run: Run) -> Visit:
    took = ""
    if target.out_at and target.back_at:
        took = f"out {duration((target.back_at - target.out_at).total_seconds())}"
    kind = "Rolling maintenance" if run.kind == RunKind.ROLLING else "By hand"
    return Visit(
        run_number=run.number,
        run_url=reverse("run", args=[run.id]),
        name=run.reason or kind,
        mark=mark(target.state),
        detail=target.detail,
        at=target.out_at or target.finished_at or run.created_at,
        took=took,
    )
