"""The lab answering wrongly on purpose: what the caller hears, and what was done nevertheless."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import transaction

from maintenance.backends.base import Later, NoReply
from maintenance.backends.lab import steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.config import BadValue
from maintenance.backends.lab.faults import CALLS, ENVIRONMENT
from maintenance.backends.lab.models import Effect, Fault
from maintenance.backends.lab.outside import CalledInsideTransaction, lab_door
from maintenance.backends.lab.record import effects, harms
from maintenance.backends.servers import BalanceChange
from maintenance.backends.system_vms import PayloadFiles
from maintenance.domain.hook_stages import HookStage
from tests.maintenance.backends.lab_hosts import (
    KVM1,
    KVM2,
    MS1,
    P1_C1,
    hurry,
    install,
    set_lab,
    soon,
    until_resource_state,
    until_stage_is,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

PREPARE = "prepare_for_maintenance"
NO_PAYLOAD = PayloadFiles("4.21.0.1", frozenset(), "", Path("none"), "", Path("none"), "", "")


def set_fault(call: str, kind: str, **more) -> None:
    with lab_door() as door:
        steering.add_fault(door, call, kind, **more)


def test_a_lost_request_does_nothing(lab: LabCloud):
    set_fault(PREPARE, "lose-request")

    with pytest.raises(NoReply, match="the request was lost"):
        lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert effects(KVM1, "prepare") == 0
    assert lab.look_at_host(KVM1).resource_state == "Enabled"


@pytest.mark.parametrize("kind", ["lose-reply", "garble"])
def test_a_lost_or_garbled_reply_leaves_the_thing_done(lab: LabCloud, kind: str):
    set_fault(PREPARE, kind)

    with pytest.raises(NoReply):
        lab.prepare_for_maintenance(KVM1, expires_at=soon())

    until_resource_state(lab, KVM1, "Maintenance")
    assert effects(KVM1, "prepare") == 1


def test_a_request_that_arrives_twice_has_one_effect(lab: LabCloud):
    set_lab(move_min_s=0.05)
    set_fault(PREPARE, "double")
    set_fault("cancel_maintenance", "double")
    set_fault("start_stage", "double")

    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "Maintenance")
    assert lab.look_at_job(job).state == "succeeded"
    install(KVM1, HookStage.MAINTENANCE, "#!/bin/sh\necho once\n")
    ticket = uuid4()
    lab.start_stage(KVM1, HookStage.MAINTENANCE, ticket=ticket, payload=None, timeout_s=10)
    until_stage_is(lab, KVM1, ticket, "finished")
    lab.cancel_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "Enabled")

    assert lab.read_output(KVM1, ticket, 0).data == b"once\n"
    counts = [effects(KVM1, kind) for kind in ("prepare", "script_Maintenance", "cancel", "enabled")]
    assert counts == [1, 1, 1, 1]
    assert harms() == []


def test_a_late_request_is_carried_out_when_it_arrives(lab: LabCloud):
    set_fault(PREPARE, "late", seconds=600, times=1)

    with pytest.raises(NoReply):
        lab.prepare_for_maintenance(KVM1, expires_at=soon())
    assert lab.look_at_host(KVM1).resource_state == "Enabled"

    hurry()
    until_resource_state(lab, KVM1, "Maintenance")
    assert effects(KVM1, "prepare") == 1


def test_a_request_that_arrives_after_its_expiry_is_refused(lab: LabCloud):
    set_fault(PREPARE, "late", seconds=0.5)

    with pytest.raises(NoReply):
        lab.prepare_for_maintenance(KVM1, expires_at=soon(0.2))

    def arrived() -> bool:
        lab.look_at_host(KVM1)
        return Effect.objects.filter(kind="late_prepare_refused", note__startswith="Expired").exists()

    wait_until(arrived)
    assert lab.look_at_host(KVM1).resource_state == "Enabled"
    assert effects(KVM1, "prepare") == 0


def test_a_script_whose_start_arrives_late_runs_then_and_once(lab: LabCloud):
    install(
        KVM1,
        HookStage.PREFLIGHT,
        '#!/bin/sh\necho once >> "$LAB_HOST_DIR/count"\ncat "$LAB_HOST_DIR/count"\n',
    )
    ticket = uuid4()
    set_fault("start_stage", "late", seconds=600, times=1)

    with pytest.raises(NoReply):
        lab.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)
    assert lab.look_at_stage(KVM1, ticket).state == "absent"
    hurry()
    until_stage_is(lab, KVM1, ticket, "finished")
    lab.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)

    assert lab.read_output(KVM1, ticket, 0).data == b"once\n"


def test_a_start_that_arrives_after_the_stop_runs_nothing(lab: LabCloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/bin/sh\necho ran\n")
    ticket = uuid4()
    set_fault("start_stage", "late", seconds=600, times=1)
    with pytest.raises(NoReply):
        lab.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)

    lab.stop_stage(KVM1, ticket)

    hurry()
    wait_until(lambda: lab.look_at_host(KVM1) and effects(KVM1, "script_PreFlight") == 1)
    assert lab.look_at_stage(KVM1, ticket).end == "stopped"
    assert lab.read_output(KVM1, ticket, 0).data == b""


def test_a_delay_delays(lab: LabCloud):
    set_fault("look_at_host", "delay", seconds=0.3)
    began = time.monotonic()

    assert lab.look_at_host(KVM1).state == "Up"

    assert time.monotonic() - began >= 0.3


def test_an_error_is_the_clouds_own_words_and_nothing_is_done(lab: LabCloud):
    set_fault(PREPARE, "error", text="503 maintenance initiated on this management server")

    with pytest.raises(Later, match="503 maintenance initiated"):
        lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert effects(KVM1, "prepare") == 0


def test_a_fault_is_met_as_often_as_was_said_and_only_by_its_host(lab: LabCloud):
    set_fault("look_at_host", "lose-reply", times=2, host_id=KVM1)

    assert lab.look_at_host(KVM2).state == "Up"
    for _ in range(2):
        with pytest.raises(NoReply):
            lab.look_at_host(KVM1)
    assert lab.look_at_host(KVM1).state == "Up"


def test_a_fault_with_probability_zero_is_never_met(lab: LabCloud):
    set_fault("*", "lose-reply", probability=0)

    assert lab.look_at_host(KVM1).state == "Up"


@pytest.mark.parametrize("call", CALLS)
def test_every_call_passes_the_edge(lab: LabCloud, call: str):
    asks = {
        "snapshot": lab.snapshot,
        "read_servers": lab.read_servers,
        "look_at_server": lambda: lab.look_at_server(MS1),
        "prepare_server": lambda: lab.prepare_server(MS1, algorithm=None, forced=False, expires_at=soon()),
        "cancel_server_maintenance": lambda: lab.cancel_server_maintenance(
            MS1, rebalance=True, expires_at=soon()
        ),
        "prepare_server_shutdown": lambda: lab.prepare_server_shutdown(MS1, expires_at=soon()),
        "trigger_server_shutdown": lambda: lab.trigger_server_shutdown(MS1, expires_at=soon()),
        "cancel_server_shutdown": lambda: lab.cancel_server_shutdown(MS1, expires_at=soon()),
        "start_server": lambda: lab.start_server(MS1, expires_at=soon()),
        "look_at_cluster": lambda: lab.look_at_cluster(P1_C1),
        "look_at_host": lambda: lab.look_at_host(KVM1),
        "change_balance": lambda: lab.change_balance(BalanceChange(), expires_at=soon()),
        "rebalance": lambda: lab.rebalance(expires_at=soon()),
        PREPARE: lambda: lab.prepare_for_maintenance(KVM1, expires_at=soon()),
        "cancel_maintenance": lambda: lab.cancel_maintenance(KVM1, expires_at=soon()),
        "look_at_job": lambda: lab.look_at_job(str(uuid4())),
        "look_at_drain": lambda: lab.look_at_drain(KVM1),
        "look_at_hooks": lambda: lab.look_at_hooks(KVM1),
        "start_stage": lambda: lab.start_stage(
            KVM1, HookStage.PREFLIGHT, ticket=uuid4(), payload=None, timeout_s=10
        ),
        "look_at_stage": lambda: lab.look_at_stage(KVM1, uuid4()),
        "read_output": lambda: lab.read_output(KVM1, uuid4(), 0),
        "stop_stage": lambda: lab.stop_stage(KVM1, uuid4()),
        "probe_system_vm": lambda: lab.probe_system_vm(uuid4()),
        "copy_payload": lambda: lab.copy_payload(uuid4(), NO_PAYLOAD, ticket=uuid4()),
        "back_up": lambda: lab.back_up(uuid4(), ticket=uuid4()),
        "apply_payload": lambda: lab.apply_payload(uuid4(), ticket=uuid4()),
        "restart_services": lambda: lab.restart_services(uuid4(), ticket=uuid4()),
        "verify_patch": lambda: lab.verify_patch(uuid4(), ticket=uuid4()),
        "reapply_rules": lambda: lab.reapply_rules(uuid4(), ticket=uuid4()),
        "roll_back": lambda: lab.roll_back(uuid4(), ticket=uuid4()),
        "discard_backup": lambda: lab.discard_backup(uuid4(), ticket=uuid4()),
        "stop_router": lambda: lab.stop_router(uuid4(), ticket=uuid4()),
        "start_replacement": lambda: lab.start_replacement(uuid4(), ticket=uuid4()),
        "switch_traffic": lambda: lab.switch_traffic(uuid4(), ticket=uuid4()),
        "verify_replacement": lambda: lab.verify_replacement(uuid4(), ticket=uuid4()),
        "destroy_old": lambda: lab.destroy_old(uuid4(), ticket=uuid4()),
        "switch_back": lambda: lab.switch_back(uuid4(), ticket=uuid4()),
        "add_backup": lambda: lab.add_backup(uuid4(), ticket=uuid4()),
        "reapply_network_rules": lambda: lab.reapply_network_rules(uuid4()),
    }
    set_fault("*", "error", text="asked for")

    with pytest.raises(Later, match="asked for"):
        asks[call]()


def test_random_faults_come_from_the_seed_and_spare_the_rest(lab: LabCloud):
    def story(seed: int) -> list[str]:
        with lab_door() as door:
            steering.set_random_faults(door, seed, 0.5)
        told = []
        for _ in range(12):
            try:
                lab.look_at_host(KVM1)
                told.append("answer")
            except (NoReply, Later) as fault:
                told.append(str(fault))
        return told

    first = story(7)

    assert "answer" in first
    assert len(set(first)) > 1
    assert story(7) == first
    assert story(8) != first


def test_random_faults_can_be_set_for_one_process_by_its_environment(lab: LabCloud, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "3:1")

    answers = []
    for _ in range(20):
        try:
            answers.append(lab.look_at_job(str(uuid4())).state)
        except (NoReply, Later) as fault:
            answers.append(type(fault).__name__)

    assert {"NoReply", "Later"} <= set(answers)
    assert not Fault.objects.exists()


def test_a_wrong_fault_profile_in_the_environment_is_named(lab: LabCloud, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "often")

    with pytest.raises(BadValue, match="SEED:RATE"):
        lab.look_at_host(KVM1)


def test_a_whole_way_out_and_back_under_random_faults_harms_nobody(lab: LabCloud):
    """A caller that observes after each silence, as the protocols ask, comes through."""
    with lab_door() as door:
        steering.set_random_faults(door, 11, 0.3)

    def until(state: str, ask) -> None:
        expiry = datetime.now(UTC)
        while True:
            try:
                if lab.look_at_host(KVM1).resource_state == state:
                    return
                if datetime.now(UTC) > expiry and not lab.look_at_drain(KVM1).moving:
                    expiry = datetime.now(UTC) + timedelta(seconds=0.5)
                    ask(KVM1, expires_at=expiry)
            except (NoReply, Later):
                continue

    until("Maintenance", lab.prepare_for_maintenance)
    until("Enabled", lab.cancel_maintenance)

    assert effects(KVM1, "prepare") == 1
    assert effects(KVM1, "enabled") == 1
    assert harms() == []


def test_the_lab_refuses_to_be_called_inside_a_transaction_of_ours(lab: LabCloud):
    with transaction.atomic(), pytest.raises(CalledInsideTransaction):
        lab.look_at_host(KVM1)
