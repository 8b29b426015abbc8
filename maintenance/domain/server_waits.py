"""Why a management server that prepares does not get ready, and what can be done about it.

Pure: from what was just read to sentences for a person. What is only slow is told as well: who waits wants to know.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

NAMED_MAX = 5


class WaitCode(StrEnum):
    """What it waits for."""

    JOB = "job"
    OWN_RUN = "own-run"  # a job that a run of ours has asked for, or a host that it drains
    HOST_STUCK = "host-stuck"  # a host that cannot let its agent go
    NONE_UP = "none-up"  # nobody else is Up: agents have nowhere to go
    HOST_SETTING = "host-setting"  # the cloud's `host` setting leaves agents nowhere to go
    AGENT_LIST = (
        "agent-list"  # the setting is right, and agents keep another list that leaves them nowhere to go
    )
    AGENT = "agent"


# These do not help themselves: a person is told.
STUCK = frozenset({WaitCode.HOST_STUCK, WaitCode.NONE_UP, WaitCode.HOST_SETTING, WaitCode.AGENT_LIST})


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
    """An agent that is left, and why it does not go: because of its host (`run`: the number of our run that drains it),
    or because it has nowhere to go."""

    name: str
    goes_to: str = ""
    stuck: str = ""
    is_nowhere: bool = False
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """One reason, in words, with what can be done."""

    code: WaitCode
    words: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where agents may go. `host_setting`: the cloud's `host`, in order. `up`: address → name of the other servers that
    are Up. `known`: the addresses of all servers."""

    host_setting: Sequence[str]
    up: Mapping[str, str]
    known: Set[str]

    @property
    def missing(self) -> list[str]:
        """Servers that are Up, and not in the setting."""
        return [
            f"{address} ({name})"
            for address, name in sorted(self.up.items())
            if address not in self.host_setting
        ]

    @property
    def strangers(self) -> list[str]:
        """Addresses in the setting that are no server's."""
        return [address for address in self.host_setting if address not in self.known]


def waits_of(
    *,
    server: str,
    jobs: Sequence[PendingWork],
    jobs_left: int,
    agents: Sequence[LeftAgent],
    agents_stuck: int,
    agents_nowhere: int,
    elsewhere: Elsewhere,
    leaves_agents: bool,
    now: datetime,
) -> list[Wait]:
    """Every reason now, the one that holds it first. `agents_nowhere` are among `agents_stuck`; of both more may be
    counted than named. `leaves_agents`: the way leads through moving agents (maintenance, not shutdown)."""
    waits = [*_own(server, jobs), *_jobs(server, jobs, jobs_left, now)]
    if jobs_left or not leaves_agents:
        return waits
    held = [agent for agent in agents if agent.stuck and not agent.is_nowhere]
    others = [agent for agent in held if agent.run is None]
    waits += _nowhere([agent for agent in agents if agent.is_nowhere], agents_nowhere, elsewhere)
    waits += _own_hosts(server, [agent for agent in held if agent.run is not None])
    waits += _hosts(others, agents_stuck - agents_nowhere - (len(held) - len(others)))
    going = [agent for agent in agents if not agent.stuck]
    if going:
        are = "agent is" if len(going) == 1 else "agents are"
        words = f"{len(going)} {are} on the way to another server."
        waits.append(Wait(WaitCode.AGENT, words, "Nothing has to be done."))
    return waits


def _nowhere(agents: Sequence[LeftAgent], count: int, elsewhere: Elsewhere) -> list[Wait]:
    """No server that they may go to is Up: said once for all of them."""
    if not count:
        return []
    who = (
        f"{_counted(count, 'agent')} {'has' if count == 1 else 'have'} nowhere to go: {_named(agents, count)}"
    )
    if not elsewhere.up:
        return [
            Wait(
                WaitCode.NONE_UP,
                f"{who}. No other management server is Up.",
                "Start another management server, or cancel this maintenance.",
            )
        ]
    wrong = []
    if strangers := elsewhere.strangers:
        whose = "is no management server's" if len(strangers) == 1 else "are no management server's"
        wrong.append(f"{', '.join(strangers)} in the setting `host` {whose}")
    if missing := elsewhere.missing:
        lacks = "is Up and missing" if len(missing) == 1 else "are Up and missing"
        wrong.append(f"{', '.join(missing)} {lacks} in the setting `host`")
    if not missing:
        return [
            Wait(
                WaitCode.AGENT_LIST,
                f"{'. '.join([who, *wrong])}. The lists that they keep name no other server that is Up.",
                "Rebalance: it sends every agent its list again.",
            )
        ]
    addresses = "address" if len(missing) == 1 else "addresses"
    return [
        Wait(
            WaitCode.HOST_SETTING,
            f"{'. '.join([who, *wrong])}.",
            f"Add the {addresses} to the setting `host`; agents are told at once.",
        )
    ]


def _own_hosts(server: str, agents: Sequence[LeftAgent]) -> list[Wait]:
    """Hosts that runs of our own drain just now; their agents go when that has ended."""
    by_run: dict[int, list[LeftAgent]] = {}
    for agent in agents:
        if agent.run is not None:
            by_run.setdefault(agent.run, []).append(agent)
    return [
        Wait(
            WaitCode.OWN_RUN,
            f"Run {run} of our own holds {server}: it drains {_named(drained, len(drained))}; it ends by itself.",
            f"Nothing has to be done. To have no further host begin meanwhile, pause run {run}.",
        )
        for run, drained in sorted(by_run.items())
    ]


def _hosts(agents: Sequence[LeftAgent], count: int) -> list[Wait]:
    """Hosts that others prepare for maintenance."""
    if count <= 0 or not agents:
        return []
    by_words: dict[str, list[LeftAgent]] = {}
    for agent in agents:
        by_words.setdefault(agent.stuck, []).append(agent)
    named = "; ".join(f"{_named(alike, len(alike))}: {words}" for words, alike in by_words.items())
    more = f"; and {count - len(agents)} more" if count > len(agents) else ""
    return [
        Wait(
            WaitCode.HOST_STUCK,
            f"{_counted(count, 'agent')} cannot leave: {named}{more}.",
            "Finish or cancel the host's own maintenance, or leave such hosts out with the setting "
            "`management.server.maintenance.ignore.maintenance.hosts`.",
        )
    ]


def _named(agents: Sequence[LeftAgent], count: int) -> str:
    """The first of them, and how many more there are."""
    first = agents[:NAMED_MAX]
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return ", ".join(agent.name for agent in first) + more


def _counted(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


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
    others = [job for job in jobs if job.run is None]
    if not others:
        return []
    count = left - (len(jobs) - len(others))
    return [
        Wait(
            WaitCode.JOB,
            f"{server} waits for {_counted(count, 'job')}: {_named_jobs(others, count, now)}.",
            "They end by themselves. One that never ends is cancelled in the cloud, by whoever started it.",
        )
    ]


def left_words(
    *,
    jobs: Sequence[PendingWork],
    jobs_left: int,
    agents: Sequence[LeftAgent],
    agents_left: int,
    now: datetime,
) -> str:
    """What was left on a server that did not get ready, by name; of both more may be counted than named."""
    parts = []
    if jobs_left:
        parts.append(f"{_counted(jobs_left, 'job')} ({_named_jobs(jobs, jobs_left, now)})")
    if agents_left:
        parts.append(f"{_counted(agents_left, 'agent')} ({_named(agents, agents_left)})")
    were = "was" if jobs_left + agents_left == 1 else "were"
    return f"{' and '.join(parts)} {were} left" if parts else "nothing was left on it"


def _named_jobs(jobs: Sequence[PendingWork], count: int, now: datetime) -> str:
    """The oldest first."""
    first = sorted(jobs, key=lambda job: job.since)[:NAMED_MAX]
    named = "; ".join(
        f"{job.command} of {job.resource or job.account}, for {_age(now, job.since)}" for job in first
    )
    return f"{named}; and {count - len(first)} more" if count > len(first) else named


def _age(now: datetime, since: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
