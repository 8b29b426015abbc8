"""Hosts: the list with its filters, and one host's page."""

import re
from datetime import timedelta

import pytest

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Host, HostOut, Instance, Target
from tests.dashboard.console.places import go_out, section
from tests.dashboard.console.runs import end_step, failed_and_paused, in_state, put_host, run_step, start_run
from tests.dashboard.inventory import an_id


def listed(page: str) -> list[str]:
    return re.findall(r'class="host" href="/hosts/[^"]+"><bdi>([^<]+)</bdi>', page)


def test_hosts_are_listed_in_natural_order_with_their_scripts(viewer, inventory):
    host = inventory.hosts["kvm2"]
    host.name = "kvm10"
    host.save()

    page = viewer.get("/hosts/").text

    assert listed(page) == ["kvm1", "kvm3", "kvm10", "kvm4", "kvm5", "kvm6"]
    assert (
        page.count("PreMaintenance: none") == 12
    )  # the box says it twice: to the eye and to the screen reader


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=kvm4", ["kvm4"]),
        ("cluster=C1", ["kvm1", "kvm2", "kvm3"]),
        ("state=in-service", ["kvm2", "kvm3", "kvm5", "kvm6"]),
        ("state=in-run", ["kvm1", "kvm2", "kvm3"]),
        ("state=out", ["kvm1"]),
        ("state=others", ["kvm4"]),
        ("state=nonsense&cluster=nonsense&page=x", ["kvm1", "kvm2", "kvm3", "kvm4", "kvm5", "kvm6"]),
        ("search=nobody", []),
    ],
)
def test_filters_stand_in_the_address(viewer, inventory, query, names):
    target = put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.WORKING)
    HostOut.objects.create(
        host_id=target.host_id, cluster_id=target.cluster_id, run_id=target.run_id, target=target
    )
    for name in ("kvm1", "kvm4"):
        inventory.hosts[name].resource_state = "Maintenance"
        inventory.hosts[name].save()

    page = viewer.get(f"/hosts/?{query.replace('C1', str(inventory.clusters['c1'].id))}").text

    assert listed(page) == names
    if not names:
        assert "No host matches." in page


def test_chosen_hosts_start_a_rolling_maintenance_over_them(operator, inventory):
    page = operator.get("/hosts/").text

    assert 'action="/rolling/new/"' in page
    assert f'name="hosts" value="{inventory.id("kvm1")}" form="pick"' in page


def test_a_host_page_shows_scripts_with_digest_problem_limits_and_warnings(viewer, inventory):
    host = inventory.hosts["kvm1"]
    host.hooks = {
        "PreFlight": {
            "present": True,
            "path": "/hooks/PreFlight.sh",
            "digest": "0123456789abcdef",
            "problem": "",
        },
        "Maintenance": {
            "present": True,
            "path": "/hooks/Maintenance",
            "digest": "",
            "problem": "not executable",
        },
    }
    host.hooks_dir, host.hooks_executor, host.hooks_limits = "/hooks", "service", "64 processes"
    host.hooks_warnings = ["agent.properties spells it hooks.dir without rolling.maintenance."]
    host.save()

    page = viewer.get(f"/hosts/{host.id}/").text

    assert "0123456789ab" in page
    assert "not executable" in page
    assert "limits: 64 processes" in page
    assert "without rolling.maintenance." in page


def test_scripts_that_could_not_be_looked_at_are_unknown_never_missing(viewer, inventory):
    host = inventory.hosts["kvm1"]
    host.hooks = None
    host.save()

    page = viewer.get(f"/hosts/{host.id}/").text
    scripts = page.partition('id="host-scripts"')[2].partition("</section>")[0]

    assert scripts.count(">Unknown</span>") == 4
    assert ">None</span>" not in scripts


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"state": "Down"}, "kvm1 is Down and Enabled, not Up and Enabled."),
        ({"resource_state": "Maintenance"}, "kvm1 is Maintenance: taken by others."),
        ({}, ""),
    ],
)
def test_put_into_maintenance_says_why_not(operator, inventory, columns, why):
    host = inventory.hosts["kvm1"]
    for name, value in columns.items():
        setattr(host, name, value)
    host.save()

    page = operator.get(f"/hosts/{host.id}/").text

    assert why in page
    assert (f'formaction="/hosts/{host.id}/prepare/"' in page) == (not why)


def test_a_host_of_a_cloud_that_cannot_be_read_is_not_touched(operator, inventory):
    inventory.was_last_read(timedelta(minutes=5))

    page = operator.get(f"/hosts/{inventory.id('kvm1')}/").text

    assert "kvm1 is not known." in page
    assert "How the host is now is not known." in page
    assert "<bdi>was Running</bdi></span>" in page


def test_a_host_that_failed_in_a_paused_run_does_not_wait_for_its_turn(viewer, inventory):
    run = start_run(inventory, "c1")
    target = failed_and_paused(run, "kvm1", "exit status 1")

    page = viewer.get(f"/hosts/{target.host_id}/").text

    assert f"It failed in run {run.number}: Maintenance: exit status 1." in page
    assert "It waits for its turn" not in page


def test_a_host_that_is_done_in_a_run_says_nothing_of_waiting(viewer, inventory):
    target = put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.DONE)

    page = viewer.get(f"/hosts/{target.host_id}/").text

    assert "kvm1 is in service." in page
    assert "It waits for its turn" not in page


def test_a_host_in_a_run_shows_where_it_is_and_links_the_run(viewer, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel"), RunState.RUNNING)
    target = put_host(run, "kvm1", TargetState.WORKING)

    page = viewer.get(f"/hosts/{target.host_id}/").text

    assert "kvm1 is working." in page
    assert "It is out of service." in page
    assert f'href="/rolling/{run.id}/"' in page
    assert 'class="lane"' in page


# ---- instances and their moves -------------------------------------------------------------------------------------


def draining(inventory) -> Target:
    """kvm1 is draining: three instances ran on it."""
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    for name in ("web-1", "web-2"):
        like = Instance.objects.get(name="i-kvm1")
        like.id, like.name = an_id(), name
        like.save(force_insert=True)
    ran = Instance.objects.filter(host=inventory.hosts["kvm1"])
    before = [[str(instance.id), instance.name] for instance in ran]
    return go_out(put_host(run, "kvm1", TargetState.DRAINING, instances_before=before))


def test_a_host_that_drains_says_of_each_instance_where_it_is(viewer, inventory):
    target = draining(inventory)
    run_step(target, "Drain", script="", movement={"moved": 1, "left": 2, "total": 3, "moving": "web-1"})
    Instance.objects.filter(name="i-kvm1").update(host=inventory.hosts["kvm2"])
    Instance.objects.filter(name="web-1").update(state="Migrating")

    shown = section(viewer.get(f"/hosts/{target.host_id}/").text, "host-instances")

    assert "1 of 3 have moved" in shown
    assert "i-kvm1 Running moved to kvm2" in shown
    assert "web-1 Draining moving now; where to is listed once it has arrived" in shown
    assert "web-2 Running still here" in shown
    assert shown.index("web-2 Running still here") < shown.index("i-kvm1 Running moved to")


def test_what_stays_says_why_in_the_words_of_the_step(viewer, inventory):
    target = draining(inventory)
    end_step(target, "Drain", "timed_out", detail="not empty after 60 s: web-2 stayed: no host has its tag")

    shown = section(viewer.get(f"/hosts/{target.host_id}/").text, "host-instances")

    assert "web-2 stayed: no host has its tag" in shown


def test_an_instance_says_from_which_host_that_is_out_it_came(viewer, inventory):
    draining(inventory)
    Instance.objects.filter(name="web-1").update(host=inventory.hosts["kvm3"])

    shown = section(viewer.get(f"/hosts/{inventory.id('kvm3')}/").text, "host-instances")

    assert "web-1 came from kvm1" in shown
    assert "i-kvm3 came from" not in shown


def test_an_instance_the_cloud_lists_no_more_is_not_called_moved(viewer, inventory):
    target = draining(inventory)
    Instance.objects.filter(name="web-1").update(gone_at=inventory.cloud.read_at)

    shown = section(viewer.get(f"/hosts/{target.host_id}/").text, "host-instances")

    assert "0 of 3 have moved" in shown
    assert "web-1 not listed the cloud does not list it" in shown


# ---- software and history ------------------------------------------------------------------------------------------


def test_kernel_and_agent_before_and_after_the_last_run_stand_side_by_side(viewer, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel 6.1.119"), RunState.SUCCEEDED)
    target = put_host(
        run, "kvm1", TargetState.DONE, is_open=False,
        agent_before="6.1.0-27 · 4.20.0", agent_after="6.1.0-31 · 4.20.0",
    )  # fmt: skip
    Host.objects.filter(name="kvm1").update(kernel_version="6.1.0-31", agent_version="4.20.0")

    shown = section(viewer.get(f"/hosts/{target.host_id}/").text, "host-history")

    assert "Kernel now 6.1.0-31" in shown
    assert f"Kernel, before and after run {run.number} 6.1.0-27 then 6.1.0-31" in shown
    assert f"Agent, before and after run {run.number} 4.20.0 the same after" in shown
    assert "Kernel: 6.1.0-27 → 6.1.0-31" in shown  # and in its row of the history


def test_a_host_that_is_not_back_yet_has_no_software_after(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = go_out(put_host(run, "kvm1", TargetState.WORKING, agent_before="6.1.0-27 · 4.20.0"))

    shown = section(viewer.get(f"/hosts/{target.host_id}/").text, "host-history")

    assert f"Kernel, before run {run.number} 6.1.0-27 not back yet" in shown


# ---- the four states -----------------------------------------------------------------------------------------------


def test_a_host_that_is_gone_keeps_its_page_and_cannot_be_touched(operator, inventory):
    Host.objects.filter(name="kvm1").update(gone_at=inventory.cloud.read_at)

    page = operator.get(f"/hosts/{inventory.id('kvm1')}/").text

    assert "kvm1 is no longer listed." in page
    assert page.count("The cloud no longer lists this host.") == 2  # by hand, and as a run
    assert "/rolling/new/?hosts=" not in page
    assert "/prepare/" not in page


def test_a_disabled_host_is_not_called_taken_by_a_maintenance(viewer, inventory):
    Host.objects.filter(name="kvm1").update(resource_state="Disabled")

    page = viewer.get(f"/hosts/{inventory.id('kvm1')}/").text

    assert "kvm1 is disabled." in page


def test_a_run_of_this_host_alone_starts_with_it_filled_in(operator, viewer, inventory):
    url = f"/hosts/{inventory.id('kvm1')}/"

    assert f'href="/rolling/new/?hosts={inventory.id("kvm1")}"' in operator.get(url).text
    assert "/rolling/new/?hosts=" not in viewer.get(url).text
    start_run(inventory, "c1")
    assert "(started by ada) has this host." in operator.get(url).text
