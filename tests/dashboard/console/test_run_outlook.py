"""When a run will end and how far it is: nothing is promised before enough was learned, and nothing goes back."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from dashboard.screens.run.percent import run_percent
from dashboard.screens.runs.usual import forget
from maintenance.domain.states import RunState, TargetState
from maintenance.models import Run, Step, Target
from tests.dashboard.console.runs import end_step, in_state, put_host, run_step, start_run
from tests.dashboard.inventory import Inventory

OF_A_HOST = {
    "PreFlight": 2, "PreMaintenance": 3, "Drain": 60, "Maintenance": 240, "Return": 20, "PostMaintenance": 10,
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_known_from_another_test():
    forget()
    yield
    forget()


def learn_from(inventory: Inventory, hosts: int) -> None:
    """An earlier run, over c2, in which so many hosts went the whole way, 333 s from turn to end."""
    earlier = in_state(start_run(inventory, "c2"), RunState.SUCCEEDED)
    for name in ("kvm4", "kvm5", "kvm6")[:hosts]:
        target = put_host(earlier, name, TargetState.DONE, is_open=False)
        ended = timezone.now() - timedelta(hours=1)
        for stage, took_s in reversed(OF_A_HOST.items()):
            step = end_step(target, stage, took_s=took_s)
            Step.objects.filter(id=step.id).update(finished=ended, started=ended - timedelta(seconds=took_s))
            if stage == "Drain":
                Target.objects.filter(id=target.id).update(out_at=ended - timedelta(seconds=took_s))
            ended -= timedelta(seconds=took_s)
        Target.objects.filter(id=target.id).update(finished_at=timezone.now() - timedelta(hours=1))
    Run.objects.filter(id=earlier.id).update(finished_at=timezone.now() - timedelta(hours=1))
    Target.objects.filter(run=earlier).update(is_open=False)
    forget()


def progress_of(client, run: Run) -> str:
    page = str(client.get(f"/rolling/{run.id}/").text).replace("\N{NO-BREAK SPACE}", " ")
    return page.partition('id="run-progress"')[2].partition("</section>")[0]


def end_told(progress: str) -> list[datetime]:
    """The moments between which the run is said to end."""
    said = progress.partition("<dt>Ends</dt>")[2].partition("</dd>")[0]
    return [datetime.fromisoformat(at) for at in re.findall(r'datetime="([^"]+)"', said)]


def under_way(inventory: Inventory) -> Run:
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    run.targets.update(state=TargetState.READY, preflight_at=timezone.now())
    return run


def test_before_enough_hosts_went_the_whole_way_no_end_is_promised(operator, inventory):
    learn_from(inventory, hosts=2)

    progress = progress_of(operator, under_way(inventory))

    assert "not known yet: too few hosts have gone this way before" in progress
    assert end_told(progress) == []


def test_once_enough_was_learned_the_end_is_a_time_that_fits_what_hosts_took(operator, inventory):
    learn_from(inventory, hosts=3)
    run = under_way(inventory)
    put_host(run, "kvm1", TargetState.DONE)

    told = end_told(progress_of(operator, run))

    assert told, "an end is told"
    two_hosts = timezone.now() + timedelta(seconds=2 * 333)
    assert all(abs((at - two_hosts).total_seconds()) < 90 for at in told)


def test_each_waiting_host_says_when_its_turn_is_expected_one_after_another(operator, inventory):
    learn_from(inventory, hosts=3)
    run = under_way(inventory)

    page = operator.get(f"/rolling/{run.id}/").text
    waiting = page.partition('id="run-next"')[2].partition("</section>")[0]
    turns = [
        datetime.fromisoformat(re.findall(r'datetime="([^"]+)"', row.partition("target-end")[2])[0])
        for row in waiting.split('<li class="target"')[1:]
    ]

    assert turns == sorted(turns)
    assert 300 < (turns[1] - turns[0]).total_seconds() < 400
    assert 300 < (turns[2] - turns[1]).total_seconds() < 400


def test_a_host_that_takes_clearly_longer_than_usual_is_said_to_be_late(operator, inventory):
    learn_from(inventory, hosts=3)
    run = under_way(inventory)
    target = put_host(run, "kvm1", TargetState.WORKING)
    step = run_step(target, "Maintenance", ago_s=200)

    in_time = operator.get(f"/rolling/{run.id}/").text
    Step.objects.filter(id=step.id).update(started=timezone.now() - timedelta(seconds=600))
    late = operator.get(f"/rolling/{run.id}/").text

    now = in_time.partition('id="run-now"')[2].partition("</section>")[0]
    assert "usually" in now
    assert ", late" not in now
    assert ", late" in late.partition('id="run-now"')[2].partition("</section>")[0]


def test_the_share_done_never_goes_back_and_is_whole_only_at_the_end(inventory):
    learn_from(inventory, hosts=3)
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    told = [run_percent(run)]

    def told_at(state: str, stage: str = "", ago_s: float = 0) -> None:
        for name in ("kvm1", "kvm2", "kvm3"):
            target = put_host(run, name, state, preflight_at=timezone.now())
            Step.objects.filter(target=target).update(state="Ended", outcome="ok", finished=timezone.now())
            if stage:
                Step.objects.filter(target=target, stage=stage).delete()
                run_step(target, stage, ago_s=ago_s)
        told.append(run_percent(Run.objects.get(id=run.id)))

    told_at(TargetState.READY)
    told_at(TargetState.PREPARING, "PreMaintenance", 1)
    told_at(TargetState.DRAINING, "Drain", 10)
    told_at(TargetState.DRAINING, "Drain", 59)
    told_at(TargetState.WORKING, "Maintenance", 1)
    told_at(TargetState.WORKING, "Maintenance", 239)
    told_at(TargetState.WORKING, "Maintenance", 5_000)
    told_at(TargetState.RETURNING, "Return", 1)
    told_at(TargetState.VERIFYING, "PostMaintenance", 5)
    told_at(TargetState.DONE)

    assert told == sorted(told)
    assert len(set(told)) == len(told), "it moves inside the long stages, too"
    assert told[-1] == 99.0
    in_state(run, RunState.SUCCEEDED)
    assert run_percent(run) == 100.0
