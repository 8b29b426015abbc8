"""What is said before routers are restarted, who is refused and why, and what a second click does."""

from pathlib import Path

import pytest
from django.db.models.functions import Now

from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.actions.router_restarts import RestartRequest, plan_router_restart, start_router_restart
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind, TargetState
from maintenance.domain.system_vms import UpdateState, Why
from maintenance.models import Cloud, Network, Run, SystemVm, Target
from maintenance.updates import update_of_vm
from tests.maintenance.backends.system_vms_lab import vm_id
from tests.maintenance.engine.patch_lab import patch_lab, publish_new
from tests.maintenance.engine.restart_lab import (
    EMPTY_VPC,
    LONE,
    OLD_IMAGE,
    PAIR,
    SLEEPING,
    TIER,
    VPC,
    asked,
    network_id,
    restart,
    vpc_id,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def cloud(db, settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    with patch_lab() as cloud:
        yield cloud


def plan(*names, **how):
    [found] = plan_router_restart(asked(*names, **how))
    return found


def test_each_network_is_told_its_way_its_routers_and_what_the_new_ones_are(cloud):
    pair, lone = plan_router_restart(asked(PAIR, LONE))

    assert (pair.place_name, pair.chosen.way) == (PAIR, RestartWay.REDUNDANT)
    assert [vm.name for vm in pair.routers] == ["r-6-VM", "r-5-VM"], "the backup side first"
    assert (lone.chosen.way, lone.new_version, lone.refused) == (RestartWay.PARALLEL, "4.21.0", "")
    assert plan(LONE, serial=True).chosen.way is RestartWay.SERIAL
    assert plan(LONE, cleanup=False).chosen.way is RestartWay.REAPPLY


def test_a_pair_that_does_not_fit_is_restarted_in_parallel_and_told_why(cloud):
    Network.objects.filter(name=PAIR).update(new_router_version="4.22.0")

    chosen = plan(PAIR).chosen

    assert chosen.way is RestartWay.PARALLEL
    assert "r-5-VM is 4.21.0, new routers are 4.22.0" in chosen.words
    run = restart(PAIR)
    assert (run.way, run.way_words) == (chosen.way, chosen.words)


def test_a_tier_stands_for_its_vpc_and_brings_its_load_balancers(cloud):
    of_tier = plan(TIER)

    assert (of_tier.place_id, of_tier.is_vpc) == (vpc_id(VPC), True)
    assert {vm.name for vm in of_tier.routers} == {"r-10-VM", "b-11-VM"}
    both = RestartRequest(network_ids=(network_id(TIER),), vpc_ids=(vpc_id(VPC),))
    assert len(plan_router_restart(both)) == 1


@pytest.mark.parametrize(
    ("request_of", "why"),
    [
        (lambda: asked(SLEEPING), "it is Allocated"),
        (lambda: RestartRequest(vpc_ids=(vpc_id(EMPTY_VPC),)), "no tier yet"),
        (lambda: asked(PAIR, makes_redundant=True), "redundant already"),
    ],
)
def test_what_cannot_be_restarted_is_refused_with_the_reason_that_the_plan_gave(cloud, request_of, why):
    request = request_of()
    [planned] = plan_router_restart(request)

    assert why in planned.refused
    with pytest.raises(Conflict, match=why):
        start_router_restart(request, actor="operator")
    assert not Run.objects.exists()


def test_without_routers_or_with_an_old_reading_it_is_refused(cloud):
    SystemVm.objects.filter(name="r-7-VM").update(gone_at=Now())
    assert plan(LONE).refused == "it has no router"

    Cloud.objects.update(read_at=None)
    assert "not known" in plan(PAIR).refused


def test_several_ways_are_several_runs(cloud):
    with pytest.raises(Conflict, match=f"parallel: {LONE}; redundant: {PAIR}"):
        restart(PAIR, LONE)


def test_a_second_click_joins_the_same_restart_and_another_way_is_refused(cloud):
    run = restart(LONE, OLD_IMAGE)

    again = start_router_restart(asked(LONE), actor="admin")
    assert (again.run.id, again.joined) == (run.id, True)
    with pytest.raises(Conflict, match="already has r-7-VM") as refused:
        restart(LONE, serial=True)
    assert refused.value.owner is not None
    assert refused.value.owner["number"] == run.number


def test_a_patch_and_a_restart_never_join_each_other(cloud, tmp_path):
    run = restart(LONE)
    router = SystemVm.objects.select_related("cloud").get(name="r-7-VM")

    with pytest.raises(Conflict) as refused:
        start_live_patch(PatchRequest(system_vm_ids=(vm_id("r-7-VM"),)), actor="operator")
    assert refused.value.owner is not None
    assert refused.value.owner["run"] == str(run.id)
    Run.objects.filter(id=run.id).update(kind=RunKind.LIVE_PATCH)
    with pytest.raises(Conflict, match="already has r-7-VM"):
        restart(LONE)
    assert router.network_id == network_id(LONE)


def test_whatever_stands_in_a_network_that_is_restarted_is_never_available(cloud, tmp_path):
    publish_new(tmp_path)
    SystemVm.objects.filter(name__in=["r-7-VM", "r-10-VM"]).update(
        probed_at=Now(), software_version="4.21.0.0", scripts_checksum="old"
    )
    old, new = (SystemVm.objects.select_related("cloud").get(name=name) for name in ("r-7-VM", "r-10-VM"))
    # As the router is read that takes its place: it is no target of the run.
    new.network_id, new.vpc_id = old.network_id, None
    assert [update_of_vm(vm).possible for vm in (old, new)] == [True, True]

    restart(LONE)

    for vm in (old, new):
        update = update_of_vm(vm)
        assert (update.state, update.why, update.possible) == (UpdateState.WAITS, Why.BEING_RESTARTED, False)


def test_a_router_whose_host_is_being_worked_on_waits(cloud):
    router = SystemVm.objects.get(name="r-7-VM")
    at_work = Run.objects.create(
        number=99, kind=RunKind.ROLLING, cloud=cloud, state="Running", scope_kind="hosts", scope_ids=[], timeout_s=1,
        drain_timeout_s=1, started_by="night shift",
    )  # fmt: skip
    host = router.host
    assert host is not None
    Target.objects.create(
        run=at_work,
        host=host,
        cluster_id=host.cluster_id,
        name=host.name,
        order=1,
        state=TargetState.DRAINING,
    )

    with pytest.raises(Conflict, match=r"run 99 .* works on the host of r-7-VM"):
        restart(LONE)


def test_what_contradicts_itself_is_bad_input(cloud):
    for how in ({"serial": True}, {"makes_redundant": True}):
        with pytest.raises(BadInput, match="cleanup"):
            plan_router_restart(asked(LONE, cleanup=False, **how))
    with pytest.raises(BadInput):
        plan_router_restart(RestartRequest())
    with pytest.raises(NotFound):
        plan_router_restart(RestartRequest(network_ids=(vm_id("r-7-VM"),)))


def test_planning_for_many_asks_no_more_than_for_one(cloud, django_assert_max_num_queries):
    request = asked(*Network.objects.values_list("name", flat=True))
    with django_assert_max_num_queries(8):
        plan_router_restart(request)
