"""A host's scripts against the others of its cluster: what differs, what is missed, what is not known."""

import re

from dashboard.live.touched import Part, touched
from maintenance.engine.hooks_read import forget_hooks
from maintenance.models import FeedEvent, Host
from tests.dashboard.console.places import adrift, fill, scripts, section, text_of


def script_row(page: str, stage: str) -> str:
    rows = re.findall(r"<tr.*?</tr>", page.partition('id="host-scripts"')[2], re.DOTALL)
    return text_of(next(row for row in rows if f"<b>{stage}</b>" in row))


def test_scripts_alike_in_the_whole_cluster_say_so(viewer, inventory):
    fill(inventory, "c1")

    page = viewer.get(f"/hosts/{inventory.id('kvm1')}/").text

    assert script_row(page, "Maintenance").endswith("As on the 2 others")
    assert "other than" not in section(page, "host-scripts")


def test_a_script_that_differs_names_the_hosts_and_digests_it_differs_from(viewer, inventory):
    fill(inventory, "c1")
    adrift(inventory.hosts["kvm2"], "Maintenance", "abcdef0123456789")

    odd = viewer.get(f"/hosts/{inventory.id('kvm2')}/").text
    usual = viewer.get(f"/hosts/{inventory.id('kvm1')}/").text

    assert "Maintenance: other than on the other hosts of c1." in section(odd, "host-scripts")
    assert "Differs. As on none of the 2 others Two have 555555555555: kvm1 , kvm3" in script_row(
        odd, "Maintenance"
    )
    assert "As on 1 of the 2 others One has abcdef012345: kvm2" in script_row(usual, "Maintenance")
    assert "Differs" not in script_row(usual, "Maintenance")


def test_a_script_that_only_one_host_lacks_is_missed_there(viewer, inventory):
    fill(inventory, "c1")
    host = inventory.hosts["kvm3"]
    host.hooks = {**scripts(), "PreMaintenance": {"present": False, "path": "", "digest": "", "problem": ""}}
    host.save()

    page = viewer.get(f"/hosts/{host.id}/").text

    assert "None" in script_row(page, "PreMaintenance")
    assert "Differs. As on none of the 2 others" in script_row(page, "PreMaintenance")
    assert "One has none: kvm3" in script_row(
        viewer.get(f"/hosts/{inventory.id('kvm1')}/").text, "PreMaintenance"
    )


def test_where_no_script_is_usual_every_host_differs(viewer, inventory):
    fill(inventory, "c1")
    for number, name in enumerate(("kvm1", "kvm2", "kvm3")):
        adrift(inventory.hosts[name], "PreFlight", str(number) * 64)

    for name in ("kvm1", "kvm2", "kvm3"):
        assert "Differs." in script_row(viewer.get(f"/hosts/{inventory.id(name)}/").text, "PreFlight")


def test_scripts_that_can_no_longer_be_read_are_told_once_to_who_looks_at_the_host(inventory):
    fill(inventory, "c1")
    host = inventory.id("kvm2")

    forget_hooks(host)
    forget_hooks(host)

    event = FeedEvent.objects.get(kind="host.changed", object__host=str(host))
    assert event.after == {"hooks": None}
    told = set(touched(event.kind, event.object, {}, event.after))
    assert Part(f"host:{host}", "scripts") in told


def test_a_host_without_instances_says_that_none_has_to_move(operator, inventory):
    inventory.hosts["kvm2"].instances.all().delete()

    page = operator.get(f"/hosts/{inventory.id('kvm2')}/").text

    assert "No instance has to move. Then kvm2 is held until a person returns it." in page


def test_hosts_whose_scripts_are_not_known_are_not_compared(viewer, inventory):
    fill(inventory, "c1")
    Host.objects.filter(name__in=["kvm2", "kvm3"]).update(hooks=None)

    known = viewer.get(f"/hosts/{inventory.id('kvm1')}/").text
    unknown = viewer.get(f"/hosts/{inventory.id('kvm2')}/").text

    assert "No other host of its cluster to compare with." in section(known, "host-scripts")
    assert "Differs" not in section(unknown, "host-scripts")
