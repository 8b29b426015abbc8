"""What starts when: whole runs in virtual time, through the same function the engine asks."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from maintenance.domain.decide import decide, next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.rolling import PREFLIGHT_MAX_AGE, PREFLIGHTS_AT_ONCE
from maintenance.domain.run_view import (
    BecomePaused,
    CancelWaiting,
    EndRun,
    RunView,
    StartStage,
    TargetView,
)
from maintenance.domain.states import (
    STATE_DURING,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    TargetState,
)

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@dataclass
class World:
    """A run whose stages end when the test says so; nothing of it is real but the decisions."""

    clusters: int = 3
    hosts_each: int = 3
    max_unavailable: int = 1
    clusters_in_parallel: int = 1
    state: RunState = RunState.RUNNING
    pausing: bool = False
    ending: RunState | None = None
    now: datetime = NOON
    targets: dict[UUID, TargetView] = field(default_factory=dict)
    open_steps: dict[UUID, Stage] = field(default_factory=dict)
    started: list[tuple[int, Stage]] = field(default_factory=list)
    failing: set[UUID] = field(default_factory=set)
    out_most: Counter = field(default_factory=Counter)

    def __post_init__(self):
        for place in range(self.clusters * self.hosts_each):
            target = TargetView(
                UUID(int=place), UUID(int=1000 + place // self.hosts_each), place, TargetState.WAITING
            )
            self.targets[target.id] = target

    def view(self):
        targets = list(self.targets.values())
        begun = [t for t in targets if t.id in self.open_steps or t.state in TARGET_BEGUN or t.next_stage]
        waiting = [t for t in targets if t not in begun and t.state in TARGET_WAITING]
        return RunView(
            RunKind.ROLLING,
            self.state,
            self.pausing,
            self.ending,
            self.max_unavailable,
            self.clusters_in_parallel,
            tuple(replace(t, has_open_step=t.id in self.open_steps) for t in begun),
            tuple(waiting),
            Counter(t.state for t in self.targets.values()),
        )

    def advance(self):
        while decisions := [d for d in decide(self.view(), self.now) if self._does_something(d)]:
            for decision in decisions:
                self._do(decision)

    def _does_something(self, decision):
        return not (isinstance(decision, EndRun) and self.state not in {RunState.RUNNING, RunState.STOPPING})

    def _do(self, decision):
        match decision:
            case StartStage(target, stage):
                assert target not in self.open_steps, "one step of a host at a time"
                self.open_steps[target] = stage
                self.started.append((self.targets[target].order, stage))
                self.targets[target] = replace(
                    self.targets[target], state=STATE_DURING[stage], next_stage=None
                )
                self._count_out()
            case CancelWaiting():
                for key, target in self.targets.items():
                    if target.state in TARGET_WAITING:
                        self.targets[key] = replace(target, state=TargetState.CANCELLED)
            case BecomePaused():
                self.state, self.pausing = RunState.PAUSED, False
            case EndRun(state):
                self.state = state

    def _count_out(self):
        out = Counter(t.cluster for t in self.targets.values() if t.state in TARGET_BEGUN)
        for cluster, hosts in out.items():
            self.out_most[cluster] = max(self.out_most[cluster], hosts)

    def end(self, target_id, outcome=Outcome.OK):
        stage = self.open_steps.pop(target_id)
        target = self.targets[target_id]
        move = next_move(RunKind.ROLLING, stage, outcome, failing=target_id in self.failing, cancelling=False)
        if move.failing:
            self.failing.add(target_id)
        checked_at = self.now if stage is Stage.PREFLIGHT else target.preflight_at
        self.targets[target_id] = replace(
            target, state=move.state, next_stage=move.then, preflight_at=checked_at
        )
        if move.fails_run:
            self.state, self.ending = RunState.STOPPING, RunState.FAILED
        self.advance()

    def play(self, outcome_of=lambda order, stage: Outcome.OK, chance=None):
        self.advance()
        while self.open_steps:
            keys = list(self.open_steps)
            key = chance.choice(keys) if chance else keys[0]
            self.now += timedelta(seconds=1)
            self.end(key, outcome_of(self.targets[key].order, self.open_steps[key]))
        return self


def test_preflight_runs_on_all_hosts_before_any_other_stage_begins():
    world = World().play()

    stages = [stage for _, stage in world.started]
    assert stages[:9] == [Stage.PREFLIGHT] * 9
    assert Stage.PREFLIGHT not in stages[9:]
    assert world.state is RunState.SUCCEEDED


def test_hosts_are_done_one_after_another_in_the_plans_order():
    world = World().play()

    begun = [order for order, stage in world.started if stage is Stage.PRE_MAINTENANCE]
    assert begun == list(range(9))
    assert max(world.out_most.values()) == 1


def test_at_most_eight_preflights_run_at_once():
    world = World(clusters=10, hosts_each=10)
    world.advance()

    assert len(world.open_steps) == PREFLIGHTS_AT_ONCE


def test_a_preflight_failure_stops_the_run_before_anything_is_touched():
    world = World().play(lambda order, stage: Outcome.FAILED if order == 4 else Outcome.OK)

    assert {stage for _, stage in world.started} == {Stage.PREFLIGHT}
    assert world.state is RunState.FAILED


def test_clusters_in_parallel_are_worked_on_side_by_side():
    world = World(clusters=4, clusters_in_parallel=3)
    while any(
        t.state is TargetState.WAITING or t.state is TargetState.CHECKING for t in world.targets.values()
    ):
        world.advance()
        world.end(next(iter(world.open_steps)))

    assert {world.targets[t].cluster.int for t in world.open_steps} == {1000, 1001, 1002}


def test_a_failed_maintenance_brings_the_host_home_and_ends_it_failed():
    world = World(clusters=1).play(
        lambda order, stage: Outcome.FAILED if (order, stage) == (1, Stage.MAINTENANCE) else Outcome.OK
    )

    assert (1, Stage.RETURN) in world.started
    assert (1, Stage.POST_MAINTENANCE) not in world.started
    assert world.targets[UUID(int=1)].state is TargetState.FAILED
    assert world.state is RunState.FAILED


def test_a_pausing_run_starts_no_further_host_and_is_paused_when_the_begun_one_is_home():
    world = World(clusters=1)
    while Stage.DRAIN not in world.open_steps.values():
        world.advance()
        world.end(next(iter(world.open_steps)))
    world.pausing = True
    world.play()

    assert world.state is RunState.PAUSED
    assert [t.state for t in world.targets.values()] == [
        TargetState.DONE,
        TargetState.READY,
        TargetState.READY,
    ]


def test_a_preflight_older_than_an_hour_runs_again_before_its_hosts_turn():
    world = World(clusters=1, hosts_each=2)
    while any(t.preflight_at is None for t in world.targets.values()):
        world.advance()
        world.end(next(iter(world.open_steps)))
    world.now += PREFLIGHT_MAX_AGE + timedelta(seconds=1)
    world.play()

    assert world.started.count((1, Stage.PREFLIGHT)) == 2
    assert world.state is RunState.SUCCEEDED


def test_a_run_with_an_open_step_does_not_end_whatever_its_counts_say():
    host = TargetView(UUID(int=1), UUID(int=1000), 1, TargetState.READY, has_open_step=True)
    view = RunView(
        RunKind.ROLLING, RunState.RUNNING, False, None, 1, 1, (host,), (), {TargetState.PREPARING: 1}
    )

    assert decide(view, NOON) == []


def test_the_same_view_and_time_give_the_same_decisions():
    world = World(clusters=5, clusters_in_parallel=5)

    assert decide(world.view(), world.now) == decide(world.view(), world.now)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_fails_the_limit_holds_and_the_run_ends(seed):
    chance = random.Random(seed)
    world = World(
        clusters=chance.randint(1, 6),
        hosts_each=chance.randint(1, 6),
        max_unavailable=chance.randint(1, 3),
        clusters_in_parallel=chance.randint(1, 4),
    )
    rate = chance.random() * 0.4

    def outcome_of(order, stage):
        failed = stage is not Stage.PREFLIGHT and chance.random() < rate
        return chance.choice(list(Outcome)) if failed else Outcome.OK

    world.play(outcome_of, chance)

    assert max(world.out_most.values()) <= world.max_unavailable
    assert world.state in {RunState.SUCCEEDED, RunState.FAILED}
    assert not any(t.state in TARGET_BEGUN | TARGET_WAITING for t in world.targets.values())
