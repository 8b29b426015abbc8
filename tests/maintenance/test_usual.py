"""How long hosts take here: by cluster where enough was learned, else by what was learned anywhere."""

from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.models import Step, Target
from maintenance.usual import usual_stage_times, usual_times_out, usual_turns
from tests.dashboard.console.runs import start_run
from tests.dashboard.inventory import make_inventory

pytestmark = pytest.mark.django_db


def was_done(inventory, cluster: str, took_s: float) -> None:
    """Every host of the cluster ended well after so long."""
    run = start_run(inventory, cluster)
    now = timezone.now()
    for target in run.targets.all():
        Step.objects.create(
            target=target, run=run, stage="PreMaintenance", state="Ended", outcome="ok",
            started=now - timedelta(seconds=took_s), finished=now,
        )  # fmt: skip
    Target.objects.filter(run=run).update(state="Done", is_open=False, finished_at=now)


def test_nothing_is_usual_before_three_hosts_have_ended_well():
    inventory = make_inventory()

    assert usual_turns().of(inventory.clusters["c1"].id) is None


def test_a_cluster_has_its_own_usual_time_and_one_without_history_has_everybodys():
    inventory = make_inventory()
    was_done(inventory, "c1", took_s=300)

    usual = usual_turns()

    assert usual.of(inventory.clusters["c1"].id) == pytest.approx((300, 300), abs=1)
    assert usual.of(inventory.clusters["c2"].id) == pytest.approx((300, 300), abs=1)


def test_clusters_that_differ_are_told_apart():
    inventory = make_inventory()
    was_done(inventory, "c1", took_s=300)
    was_done(inventory, "c2", took_s=900)

    usual = usual_turns()

    assert usual.of(inventory.clusters["c1"].id) == pytest.approx((300, 300), abs=1)
    assert usual.of(inventory.clusters["c2"].id) == pytest.approx((900, 900), abs=1)


def done_after(inventory, cluster: str, *, attempt: int = 1, at_gate_s: float = 0) -> None:
    """Every host was at work 10 s, of which 8 s out; between two stages the run was paused for an hour."""
    run = start_run(inventory, cluster)
    now = timezone.now()
    stages = [("PreMaintenance", 3_700, 2), ("Drain", 60, 3), ("Maintenance", 50, 4), ("Return", 40, 1)]
    for target in run.targets.all():
        for stage, ago_s, took_s in stages:
            began = now - timedelta(seconds=ago_s)
            held = timedelta(seconds=at_gate_s if stage == "Drain" else 0)
            Step.objects.create(
                target=target, run=run, stage=stage, state="Ended", outcome="ok", attempt=attempt,
                started=began - held, finished=began + timedelta(seconds=took_s),
            )  # fmt: skip
        if attempt > 1:
            Step.objects.create(
                target=target, run=run, stage="Maintenance", state="Ended", outcome="failed",
                started=now - timedelta(seconds=4_000), finished=now - timedelta(seconds=3_900),
            )  # fmt: skip
    Target.objects.filter(run=run).update(
        state="Done", is_open=False, finished_at=now, attempt=attempt, out_at=now - timedelta(seconds=60)
    )


def test_pauses_and_holds_are_no_part_of_what_is_usual():
    inventory = make_inventory()
    done_after(inventory, "c1", at_gate_s=900)
    cluster = inventory.clusters["c1"].id

    assert usual_turns().of(cluster) == pytest.approx((10, 10), abs=0.1)
    assert usual_times_out().of(cluster) == pytest.approx((8, 8), abs=0.1)
    assert usual_stage_times()["Drain"] == pytest.approx((3, 3), abs=0.1)


def test_nothing_is_learned_from_hosts_that_were_tried_again():
    inventory = make_inventory()
    done_after(inventory, "c1", attempt=2)

    assert usual_turns().anywhere is None
    assert usual_times_out().anywhere is None
    assert usual_stage_times() == {}
