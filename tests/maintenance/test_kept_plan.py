"""What was planned stays with the run, word for word; runs from before have none."""

import pytest

from maintenance import actions
from maintenance.kept_plan import kept_plan
from maintenance.models import RunPlan
from tests.dashboard.console.runs import start_run
from tests.dashboard.inventory import make_inventory

pytestmark = pytest.mark.django_db


def test_the_plan_that_was_kept_is_the_plan_that_was_made():
    inventory = make_inventory()
    left_out = (inventory.hosts["kvm2"].id,)
    asked = actions.StartRequest(
        scope_kind="clusters", scope_ids=(inventory.clusters["c1"].id,), leave_out=left_out
    )
    plan = actions.compute_plan(asked)

    kept = kept_plan(start_run(inventory, "c1", leave_out=left_out))

    assert kept is not None
    assert kept.minutes is None
    for line, host in zip(kept.lines, plan.hosts, strict=True):
        assert (line.host_id, line.name, line.cluster, line.order) == (
            host.host_id, host.name, host.cluster, host.order,
        )  # fmt: skip
        assert (line.verdict, line.why, line.instances) == (host.verdict, host.why, host.instances)
        assert (tuple(line.goes_to), line.spare_ratio) == (host.goes_to, host.spare_ratio)


def test_a_run_from_before_plans_were_kept_has_none():
    run = start_run(make_inventory(), "c1")
    RunPlan.objects.all().delete()

    assert kept_plan(run) is None
