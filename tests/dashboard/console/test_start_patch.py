"""The form that starts a live patch of many: who is patched and who is skipped is said before anything begins."""

from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.domain.states import TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Run, SystemVm, Target
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.system_vms import NEW, NEW_MD5, make_network, make_vm, publish
from tests.dashboard.inventory import Inventory
from tests.dashboard.walk_page import Page

FORM = "/system-vms/patch/"
RULES = {"per_zone": "2", "canary": "1", "soak_s": "5", "on_failure": "skip"}


@pytest.fixture
def vms(inventory: Inventory) -> dict[str, SystemVm]:
    publish()
    network = make_network(inventory, "shop-prod")
    found = [
        make_vm(inventory, "r-27-VM", network=network),
        make_vm(inventory, "r-9-VM", network=network, state="Stopped"),
        make_vm(inventory, "s-1-VM", SystemVmType.SECONDARY_STORAGE),
        make_vm(
            inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY, software_version=NEW, scripts_checksum=NEW_MD5
        ),
    ]
    return {vm.name: vm for vm in found}


def test_everything_outdated_names_who_is_patched_and_why_others_are_not(operator, vms):
    page = operator.get(FORM).text

    assert "2\xa0system VMs will be patched." in page
    assert "2\xa0system VMs skipped." in page
    assert "It is Stopped; only a running VM can be patched." in page
    assert "It runs the newest version." in page
    assert "restarts haproxy, apache2 and dnsmasq" in page


def test_chosen_rows_of_the_list_come_filled_in(operator, vms):
    page = Page(operator.get(f"{FORM}?system_vms={vms['s-1-VM'].id}").text, FORM)

    ticked = [one for one in page.find("input") if one.attributes.get("name") == "system_vms"]
    assert [one["value"] for one in ticked if one.has("checked")] == [str(vms["s-1-VM"].id)]
    assert "1\xa0system VM will be patched." in page.find("h1")[0].text


def test_a_start_makes_one_throttled_run_over_all_of_them(operator, vms):
    answer = operator.post(FORM, {"scope": "all", "do": "start", "reason": "CVE", **RULES})

    run = Run.objects.get()
    assert answer.headers["Location"] == f"/rolling/{run.id}/"
    assert (run.max_unavailable, run.canary, run.soak_s, run.on_failure, run.reason) == (
        2,
        1,
        5,
        "skip",
        "CVE",
    )
    states = dict(Target.objects.values_list("name", "state"))
    assert states["r-27-VM"] == states["s-1-VM"] == TargetState.WAITING
    assert states["r-9-VM"] == states["v-2-VM"] == TargetState.SKIPPED


def test_looking_again_starts_nothing_and_keeps_what_was_typed(operator, vms):
    zone = vms["s-1-VM"].zone_id

    page = operator.post(FORM, {"scope": "zones", "zones": str(zone), "do": "look", **RULES, "reason": "CVE"})

    assert 'value="CVE"' in page.text
    assert "2\xa0system VMs will be patched." in page.text
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("per_zone", "0", "Give a whole number from 1 to 1000."),
        ("canary", "many", "Give a whole number from 0 to 10000."),
        ("soak_s", "601", "Give a whole number from 0 to 600."),
        ("not_before", "soon", "Give a day and a time"),
    ],
)
def test_a_rule_that_means_nothing_is_said_beside_its_field(operator, vms, field, value, said):
    answer = operator.post(FORM, {"scope": "all", "do": "start", **RULES, field: value})

    assert answer.status_code == 400
    assert said in answer.text
    assert not Run.objects.exists()


def test_not_before_is_on_the_clock_of_whoever_typed_it(operator, vms):
    at = timezone.now().replace(second=0, microsecond=0) + timedelta(days=1)
    typed = {"not_before": f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M}", "minutes_east": "120"}

    operator.post(FORM, {"scope": "all", "do": "start", **RULES, **typed})

    assert Run.objects.get().not_before == at


def test_nothing_to_patch_cannot_be_started_and_says_why(operator, vms):
    only = {"scope": "system_vms", "system_vms": str(vms["r-9-VM"].id)}

    page = Page(operator.post(FORM, {**only, "do": "look", **RULES}).text, FORM)

    assert "No system VM of this scope can be patched now." in page.find("main")[0].text
    assert operator.post(FORM, {**only, "do": "start", **RULES}).status_code == 409
    assert not Run.objects.exists()


def test_only_administrators_are_offered_to_force(operator, vms):
    assert 'name="forced"' not in operator.get(FORM).text
    assert operator.post(FORM, {"scope": "all", "do": "start", "forced": "on", **RULES}).status_code == 403
    administrator = logged_in("administrator")
    assert 'name="forced"' in administrator.get(FORM).text
    administrator.post(FORM, {"scope": "all", "do": "start", "forced": "on", **RULES})
    assert Target.objects.get(name="v-2-VM").state == TargetState.WAITING


def test_networks_are_found_by_their_name(inventory, operator, vms):
    make_network(inventory, "bank-prod")

    page = operator.get(f"{FORM}?scope=networks&find=bank").text

    assert "bank-prod" in page
    assert "shop-prod" not in page


def test_a_viewer_has_no_form(viewer, vms):
    assert viewer.get(FORM).status_code == 403
