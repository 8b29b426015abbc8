"""How long hosts take here: by cluster where enough was learned, else by what was learned anywhere."""

from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.models import Step, Target
from maintenance.usual import usual_times_out
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

    assert usual_times_out().of(inventory.clusters["c1"].id) is None


def test_a_cluster_has_its_own_usual_time_and_one_without_history_has_everybodys():
    inventory = make_inventory()
    was_done(inventory, "c1", took_s=300)

    usual = usual_times_out()

    assert usual.of(inventory.clusters["c1"].id) == pytest.approx((300, 300), abs=1)
    assert usual.of(inventory.clusters["c2"].id) == pytest.approx((300, 300), abs=1)


def test_clusters_that_differ_are_told_apart():
    inventory = make_inventory()
    was_done(inventory, "c1", took_s=300)
    was_done(inventory, "c2", took_s=900)

    usual = usual_times_out()

    assert usual.of(inventory.clusters["c1"].id) == pytest.approx((300, 300), abs=1)
    assert usual.of(inventory.clusters["c2"].id) == pytest.approx((900, 900), abs=1)
