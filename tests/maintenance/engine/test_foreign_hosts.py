"""Hosts that others took out of service: named, never touched, and brought back when a person says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance import actions
from maintenance.actions import BadInput, Conflict
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects
from maintenance.models import Attention, AuditEntry, HostOut, Run, Step
from tests.maintenance.engine.needs import (
    asked,
    held_by_others,
    open_need,
    paused_by_others,
    settled,
    take_by_others,
)
from tests.maintenance.engine.small_lab import ended, engine_running, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def told_soon(settings):
    settings.HELD_TELL_S = 1


def test_a_host_that_others_have_in_maintenance_is_named_and_never_touched(lab):
    held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")

    assert need.title == "kvm3 was taken out of service by others"
    assert "kvm3 is Maintenance, and not by Pitstop" in need.message
    assert "kvm1" in need.message
    assert effects(lab.hosts["kvm3"], "enabled") == 0


def test_a_run_goes_on_by_itself_once_others_return_their_host(lab):
    run = held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")
        lab_models.Host.objects.filter(name="kvm3").update(resource_state="Enabled")

        settled(need)
        assert ended(run).state == "Succeeded"


def test_a_person_has_a_host_of_others_returned_through_the_ledger_and_the_run_goes_on(lab):
    run = held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")
        returning = actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

        assert returning.id != run.id
        assert HostOut.objects.filter(host_id=lab.hosts["kvm3"], run=returning).exists()
        assert AuditEntry.objects.filter(actor="operator", action="host taken back from others").exists()
        assert ended(returning).state == "Succeeded"
        # By whoever sees it first: the step that returns it, or who watches the inventory.
        assert settled(need).resolved_by in {"observed Enabled and Up", "observed Enabled"}
        assert ended(run).state == "Succeeded"
    assert effects(lab.hosts["kvm3"], "enabled") == 1


def test_a_host_of_a_run_that_others_took_stops_the_line_for_its_own_cause(lab):
    run = paused_by_others(lab)

    need = open_need("foreign-maintenance")
    assert need.host.name == "kvm2"
    assert not Attention.objects.filter(cause="stage-failed").exists()
    assert Run.objects.get(id=run.id).paused_reason["code"] == "foreign-maintenance"
    assert target_of(run, "kvm2").state == "Failed"


def test_a_host_that_a_person_took_back_has_its_own_turn_and_its_run_goes_on(lab):
    run = paused_by_others(lab)
    with engine_running():
        actions.take_back_host(lab.hosts["kvm2"], typed_name="kvm2", actor="operator")

        assert ended(run).state == "Succeeded"
    assert target_of(run, "kvm2").state == "Done"
    assert Step.objects.filter(run=run, target__name="kvm2", stage="Maintenance", outcome="ok").exists()
    assert not Attention.objects.filter(resolved_at=None).exists()
    assert not HostOut.objects.filter(closed_at=None).exists()


def test_a_host_that_others_took_before_its_turn_is_told_at_once_and_may_be_taken_back(lab):
    lab.script("kvm1", "Maintenance", '#!/bin/sh\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n')
    run = lab.start(hosts=["kvm1", "kvm2"])
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").state == "Working", within_s=20)
        take_by_others(lab, "kvm2")
        need = asked("foreign-maintenance")
        assert "It fails when its turn comes" in need.message
        actions.take_back_host(lab.hosts["kvm2"], typed_name="kvm2", actor="operator")
        settled(need)
        (lab.folder("kvm1") / "go").touch()

        assert ended(run).state == "Succeeded"
    assert target_of(run, "kvm2").state == "Done"


def test_a_host_of_others_that_cannot_be_brought_back_is_flagged(lab, settings):
    settings.HOST_RETURN_TIMEOUT_S = 1
    run = held_by_others(lab)
    lab_models.Host.objects.filter(name="kvm3").update(state="Disconnected")
    with engine_running():
        need = asked("foreign-maintenance")
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

        asked("host-not-back")
        settled(need)
        assert HostOut.objects.filter(host_id=lab.hosts["kvm3"], closed_at=None).exists()
        actions.cancel_run(run.id, actor="operator")
        ended(run)


def test_only_who_types_the_name_has_a_host_of_others_returned(lab):
    take_by_others(lab, "kvm3")
    lab.read()

    with pytest.raises(BadInput, match="type kvm3, the host's whole name"):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm2", actor="operator")

    assert not HostOut.objects.exists()


@pytest.mark.parametrize(
    ("scene", "why"),
    [("enabled", "no others have it"), ("ours", "no others have it"), ("unknown", "is not known")],
)
def test_what_others_do_not_have_is_not_taken_back(lab, scene, why):
    if scene == "ours":
        actions.prepare_host(lab.hosts["kvm3"], actor="operator")
        with engine_running():
            wait_until(lambda: lab.resource_state("kvm3") == "Maintenance", within_s=20)
    elif scene == "unknown":
        take_by_others(lab, "kvm3")
        lab.read()
        lab.cloud.read_at = timezone.now() - timedelta(minutes=5)
        lab.cloud.save()
    lab.cloud.refresh_from_db()

    with pytest.raises(Conflict, match=why):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")


def test_a_second_press_takes_nothing_back_twice(lab):
    take_by_others(lab, "kvm3")
    lab.read()
    actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

    with pytest.raises(Conflict, match="no others have it"):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

    assert Run.objects.count() == 1
