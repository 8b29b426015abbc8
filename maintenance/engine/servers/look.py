"""Looking at a server during a step: what it still has, why it waits, and the inventory brought up to date."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from maintenance.backends.base import Later, NoReply
from maintenance.backends.servers import LeavingAgent, ManagementServerRead, PendingJobRead, ServerLook
from maintenance.balance_settings import balance_from_json
from maintenance.clock import database_now
from maintenance.domain.server_waits import STUCK, Elsewhere, LeftAgent, PendingWork, Wait, waits_of
from maintenance.domain.servers import ServerState, server_state
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, Stage
from maintenance.engine.advance import lock_run
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.engine.claim import check_claim
from maintenance.engine.hands import Hands
from maintenance.feed import ENGINE, unit_of_work
from maintenance.following import follow_one
from maintenance.models import Agent, Cloud, Intent, ManagementServer, Target
from maintenance.servers_sync import SERVER


def look_at_server(hands: Hands) -> ServerLook | None:
    """The server as it is now; its row follows. None while it cannot be read: the step says so.

    Raises: Never, LostLease.
    """
    try:
        look = hands.cloud.look_at_server(hands.server_id)
    except (Later, NoReply) as reason:
        hands.note(f"the cloud cannot be read: {reason}")
        return None
    _note(hands, look.server)
    return look


def state_of(look: ServerLook) -> ServerState | None:
    """The state, or None for one nobody knows."""
    return server_state(look.server.state)


def _note(hands: Hands, read: ManagementServerRead) -> None:
    """The inventory says at once what was just seen, rather than when the next reading comes."""
    row = ManagementServer.objects.filter(id=read.id).first()
    if row is None or (row.state == read.state and row.gone_at is None):
        return
    with unit_of_work(ENGINE) as work:
        check_claim(hands.claim)
        follow_one(work, SERVER, read.id, {"state": read.state}, database_now())


def show(hands: Hands, look: ServerLook) -> None:
    """What is left, by name, and why, on the step; a person is told of what does not help itself."""
    now = database_now()
    look = replace(look, agents=_with_targets(hands, look.agents))
    waits = _waits(hands, look, now)
    window_ends_at = look.server.window_ends_at or window_of(hands)
    hands.moved(
        {
            "jobs_left": look.server.pending_jobs,
            "jobs": [_job(job) for job in look.jobs],
            "agents_left": look.server.agents,
            "agents": [_agent(agent) for agent in look.agents],
            "agents_stuck": look.agents_stuck,
            "window_ends_at": window_ends_at.isoformat() if window_ends_at else None,
            "tasks": dict(look.server.tasks),
            "why": [
                {"code": wait.code, "words": wait.words, "what_to_do": wait.what_to_do} for wait in waits
            ],
        }
    )
    _tell(hands, waits, now)


def _with_targets(hands: Hands, agents: tuple[LeavingAgent, ...]) -> tuple[LeavingAgent, ...]:
    """Where each will go, also before it is told to: the first server of its list that is Up and is not this one."""
    unknown = [agent.id for agent in agents if not agent.goes_to and not agent.stuck]
    if not unknown:
        return agents
    lists = dict(Agent.objects.filter(id__in=unknown).values_list("id", "servers_listed"))
    others = ManagementServer.objects.filter(
        cloud=hands.run.cloud_id, gone_at=None, state=ServerState.UP
    ).exclude(id=hands.server_id)
    up = dict(others.values_list("address", "name"))
    targets = {
        key: next((up[address] for address in listed or () if address in up), "")
        for key, listed in lists.items()
    }
    return tuple(
        replace(agent, goes_to=targets[agent.id]) if targets.get(agent.id) else agent for agent in agents
    )


def _job(job: PendingJobRead) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "command": job.command,
        "resource_type": job.resource_type,
        "resource_name": job.resource_name,
        "account": job.account,
        "domain": job.domain,
        "created": job.created.isoformat(),
    }


def _agent(agent: LeavingAgent) -> dict[str, Any]:
    return {
        "id": str(agent.id),
        "name": agent.name,
        "kind": agent.kind,
        "goes_to": agent.goes_to,
        "stuck": agent.stuck,
    }


def window_of(hands: Hands) -> datetime | None:
    """When the window ends, counted from our last request where the cloud does not tell; None without one. One whose
    reply was lost counts too: the server is on its way by it."""
    if hands.step.stage != Stage.SERVER_PREPARE:
        return None
    asked = Intent.objects.filter(step=hands.step, refused="").last()
    kept = Cloud.objects.filter(id=hands.run.cloud_id).values_list("balance", flat=True).first()
    if asked is None or kept is None:
        return None
    return asked.written_at + timedelta(minutes=balance_from_json(kept).maintenance_timeout_min)


def _waits(hands: Hands, look: ServerLook, now: datetime) -> list[Wait]:
    cloud = Cloud.objects.get(id=hands.run.cloud_id)
    listed = ManagementServer.objects.filter(cloud=cloud, gone_at=None).exclude(address="")
    servers = list(listed.values_list("id", "address", "name", "state"))
    runs = _runs_of([str(job.id) for job in look.jobs])
    drains = _drains_of([agent.id for agent in look.agents if agent.stuck and not agent.is_nowhere])
    return waits_of(
        server=hands.target.name,
        jobs=[
            PendingWork(
                job.id, job.command, job.resource_name, job.account, job.created, runs.get(str(job.id))
            )
            for job in look.jobs
        ],
        jobs_left=look.server.pending_jobs,
        agents=[
            LeftAgent(agent.name, agent.goes_to, agent.stuck, agent.is_nowhere, drains.get(agent.id))
            for agent in look.agents
        ],
        agents_stuck=look.agents_stuck,
        agents_nowhere=look.agents_nowhere,
        elsewhere=Elsewhere(
            host_setting=balance_from_json(cloud.balance).hosts if cloud.balance else (),
            up={
                a: name
                for key, a, name, state in servers
                if state == ServerState.UP and key != hands.server_id
            },
            known={address for _, address, _, _ in servers},
        ),
        leaves_agents=hands.step.stage == Stage.SERVER_PREPARE,
        now=now,
    )


def _runs_of(jobs: list[str]) -> dict[str, int]:
    """Our run's number by the job it asked for."""
    if not jobs:
        return {}
    found = Intent.objects.filter(job_id__in=jobs).values_list("job_id", "step__run__number")
    return dict(found)


def _drains_of(hosts: list[UUID]) -> dict[UUID, int]:
    """The number of the run of ours that has the host out, or on its way, by the host."""
    if not hosts:
        return {}
    open_ones = Target.objects.filter(
        host__in=hosts, is_open=True, state__in=TARGET_BEGUN, run__state__in=RUN_ACTIVE
    )
    return {host: number for host, number in open_ones.values_list("host_id", "run__number") if host}


def _takes_too_long(hands: Hands, now: datetime) -> bool:
    """No window ends the wait for jobs before a shutdown: whatever holds it for so long needs a person."""
    began, patience = hands.step.started, timedelta(seconds=hands.run.drain_timeout_s)
    return hands.step.stage == Stage.SERVER_PREPARE_SHUTDOWN and began is not None and now - began > patience


def _tell(hands: Hands, waits: list[Wait], now: datetime) -> None:
    """Once it has lasted; and settled when it is over."""
    stuck = [wait for wait in waits if wait.code in STUCK or _takes_too_long(hands, now)]
    lasts = timedelta(seconds=settings.HELD_TELL_S)
    is_told = hands.target.attentions.filter(cause=Cause.SERVER_STUCK, resolved_at=None).exists()
    if stuck and not hands.stuck_since:
        hands.stuck_since = now
    if not stuck:
        hands.stuck_since = None
    is_lasting = hands.stuck_since is not None and now - hands.stuck_since >= lasts
    if is_lasting == is_told:
        return
    with unit_of_work(ENGINE) as work:
        run = lock_run(hands.run.id)
        check_claim(hands.claim)
        target = Target.objects.get(id=hands.target.id)
        if is_lasting:
            message = " ".join(f"{wait.words} {wait.what_to_do}" for wait in stuck)
            ask_for_person(work, Cause.SERVER_STUCK, run=run, target=target, message=message)
        else:
            stuck_ones = Q(target=target, cause=Cause.SERVER_STUCK)
            resolve_attentions(work, stuck_ones, by="observed: it goes on")
