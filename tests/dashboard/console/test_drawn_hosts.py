"""Hosts as rows show them: what we ourselves know of each, asked in as few statements for many as for one."""

import pytest
from django.utils import timezone

from dashboard.screens.fleet import drawn_hosts
from dashboard.screens.hosts.rows import host_row
from dashboard.screens.marks import IN_SERVICE, SERVES_FLAGGED
from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, Host
from tests.dashboard.console.places import go_out
from tests.dashboard.console.runs import in_state, put_host, start_run


@pytest.fixture
def scene(inventory):
    """kvm1 is out and its run has it; kvm2 and kvm3 serve, and somebody must look at kvm2; kvm4 is none of ours."""
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    go_out(put_host(run, "kvm1", TargetState.WORKING))
    for name in ("kvm2", "kvm3"):
        run.targets.filter(host__name=name).update(state=TargetState.DONE, is_open=False)
    for name, resolved_at in (("kvm2", None), ("kvm3", timezone.now())):
        Attention.objects.create(
            cause="stage-failed", title="x", message="x", host=inventory.hosts[name], resolved_at=resolved_at
        )
    return inventory, run


def hosts_named(*names: str) -> list[Host]:
    found = {host.name: host for host in Host.objects.filter(name__in=names).select_related("cloud")}
    return [found[name] for name in names]


def test_each_host_is_drawn_with_its_run_and_with_what_waits_for_a_person(scene, django_assert_num_queries):
    _, run = scene
    hosts = hosts_named("kvm4", "kvm1", "kvm2", "kvm3")
    with django_assert_num_queries(2):  # what is ours, and the open targets
        strange, out, flagged, done = drawn_hosts(hosts)

    assert [drawn.host.name for drawn in (strange, out, flagged, done)] == ["kvm4", "kvm1", "kvm2", "kvm3"]
    assert [drawn.run_number for drawn in (strange, out, flagged, done)] == [None, run.number, None, None]
    assert (strange.mark, flagged.mark, done.mark) == (IN_SERVICE, SERVES_FLAGGED, IN_SERVICE)
    assert out.mark not in {IN_SERVICE, SERVES_FLAGGED}


def test_a_pushed_row_of_a_host_that_is_not_ours_costs_four_statements(scene, django_assert_num_queries):
    inventory, _ = scene
    with django_assert_num_queries(4):  # the host, its instances, how its scripts differ, what is ours
        row = host_row(inventory.hosts["kvm4"].id)
    assert row is not None
    assert (row.host.host.name, row.instances) == ("kvm4", 1)
