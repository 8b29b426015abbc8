"""Why a management server that prepares does not get ready, and what can be done about it.

Pure: from what was just read to sentences for a person. What is only slow is told as well: who waits wants to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

NAMED_MAX = 5


class WaitCode(StrEnum):
    """What it waits for."""

    JOB = "job"
    OWN_RUN = "own-run"  # a job that a run of ours has asked for
    HOST_STUCK = "host-stuck"  # a host that cannot let its agent go
    HOST_SETTING = "host-setting"  # an Up server's address that the cloud's `host` setting lacks
    AGENT = "agent"


# These do not help themselves: a person is told.
STUCK = frozenset({WaitCode.HOST_STUCK, WaitCode.HOST_SETTING})


@dataclass(frozen=True, slots=True)
class PendingWork:
    """A job that is left. `run`: the number of our run that asked for it."""

    id: UUID
    command: str
    resource: str
    account: str
    since: datetime
    run: int | None = None


@dataclass(frozen=True, slots=True)
class LeftAgent:
    """An agent that is left, and why it does not go."""

    name: str
    goes_to: str = ""
    stuck: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """One reason, in words, with what can be done."""

    code: WaitCode
    words: str
    what_to_do: str


def waits_of(
    *,
    server: str,
    jobs: Sequence[PendingWork],
    jobs_left: int,
    agents: Sequence[LeftAgent],
    agents_stuck: int,
    host_setting: Sequence[str],
    up_addresses: Mapping[str, str],
    leaves_agents: bool,
    now: datetime,
) -> list[Wait]:
    """Every reason now, the one that holds it first. `up_addresses`: address → name of the other servers that are Up.
    `leaves_agents`: the way leads through moving agents (maintenance, not shutdown)."""
    waits = [*_own(server, jobs), *_jobs(server, jobs, jobs_left, now)]
    if jobs_left or not leaves_agents:
        return waits
    stuck = [agent for agent in agents if agent.stuck]
    missing = [
        f"{address} ({name})" for address, name in sorted(up_addresses.items()) if address not in host_setting
    ]
    if missing and any(not agent.goes_to for agent in agents):
        waits.append(
            Wait(
                WaitCode.HOST_SETTING,
                f"The setting `host` lacks {', '.join(missing)}: no agent can go there.",
                "Add the address to the setting `host`; agents are told at once.",
            )
        )
    if stuck:
        named = "; ".join(f"{agent.name}: {agent.stuck}" for agent in stuck[:NAMED_MAX])
        more = f"; and {agents_stuck - NAMED_MAX} more" if agents_stuck > NAMED_MAX else ""
        waits.append(
            Wait(
                WaitCode.HOST_STUCK,
                f"{'Its agent' if agents_stuck == 1 else 'Agents'} cannot leave: {named}{more}.",
                "Finish or cancel the host's own maintenance, or leave such hosts out with the setting "
                "`management.server.maintenance.ignore.maintenance.hosts`.",
            )
        )
    going = [agent for agent in agents if not agent.stuck]
    if going:
        waits.append(
            Wait(
                WaitCode.AGENT,
                f"{len(going)} {'agent is' if len(going) == 1 else 'agents are'} on the way to another server.",
                "Nothing has to be done.",
            )
        )
    return waits


def _own(server: str, jobs: Sequence[PendingWork]) -> list[Wait]:
    ours = [job for job in jobs if job.run is not None]
    if not ours:
        return []
    runs = sorted({job.run for job in ours if job.run is not None})
    asked = "; ".join(f"{job.command} of {job.resource}" for job in ours[:NAMED_MAX])
    numbers = ", ".join(str(run) for run in runs)
    return [
        Wait(
            WaitCode.OWN_RUN,
            f"Run {numbers} of our own holds {server}: {asked}.",
            f"It ends with that step. Pause run {numbers} so that no further host begins meanwhile.",
        )
    ]


def _jobs(server: str, jobs: Sequence[PendingWork], left: int, now: datetime) -> list[Wait]:
    others = sorted((job for job in jobs if job.run is None), key=lambda job: job.since)
    if not others:
        return []
    named = "; ".join(
        f"{job.command} of {job.resource or job.account}, for {_age(now, job.since)}"
        for job in others[:NAMED_MAX]
    )
    ours = sum(job.run is not None for job in jobs)
    more = f"; and {left - ours - NAMED_MAX} more" if left - ours > NAMED_MAX else ""
    return [
        Wait(
            WaitCode.JOB,
            f"{server} waits for {left - ours} {'job' if left - ours == 1 else 'jobs'}: {named}{more}.",
            "They end by themselves. One that never ends is cancelled in the cloud, by whoever started it.",
        )
    ]


def _age(now: datetime, since: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
