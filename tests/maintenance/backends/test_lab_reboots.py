"""Agents that go away and come back, hosts that reboot in mid-stage, and what that does to a running script."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from maintenance.backends.base import AgentUnreachable
from maintenance.backends.lab import folders, steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.hosts import boot, host_now
from maintenance.backends.lab.hosts import restart_agent as restart_the_agent
from maintenance.backends.lab.models import Due as DueRow
from maintenance.backends.lab.models import Instance
from maintenance.backends.lab.outside import cluster_locked
from maintenance.backends.lab.record import effects, harms
from maintenance.backends.lab.settle import Aftermath, Due
from maintenance.backends.lab.world import lab_world
from maintenance.domain.hook_stages import HookStage
from tests.maintenance.backends.lab_hosts import (
    KVM1,
    KVM5,
    install,
    let_agent_come_back,
    name_of,
    set_lab,
    soon,
    until_agent_is,
    until_resource_state,
    until_stage_is,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

STAGE = HookStage.MAINTENANCE
AWAY_S = 600  # one that came back by itself might be back before it was seen away
SLOW = '#!/bin/sh\necho begun\nwhile [ ! -e "$LAB_HOST_DIR/go-on" ]; do sleep 0.05; done\necho ended\n'


def in_maintenance(lab: LabCloud, host: UUID) -> None:
    lab.prepare_for_maintenance(host, expires_at=soon())
    until_resource_state(lab, host, "Maintenance")


def begin(lab: LabCloud, host: UUID, script: str) -> UUID:
    """The script runs on the host, which is in maintenance; it has printed something."""
    in_maintenance(lab, host)
    install(host, STAGE, script)
    ticket = uuid4()
    assert lab.start_stage(host, STAGE, ticket=ticket, payload=None, timeout_s=60)
    wait_until(lambda: lab.read_output(host, ticket, 0).total > 0)
    return ticket


def let_go_on(host: UUID) -> None:
    (folders.host_dir(name_of(host)) / "go-on").touch()


def reboot(host: UUID, back_after_s: float | None = AWAY_S) -> None:
    with lab_world() as world:
        steering.reboot_host(world, host, back_after_s)


def restart_agent(host: UUID, back_after_s: float = AWAY_S) -> None:
    with lab_world() as world:
        steering.restart_agent(world, host, back_after_s)


def test_a_script_reboots_its_host_and_its_result_is_found_when_the_host_is_back(lab: LabCloud):
    set_lab(boot_back_s=AWAY_S)
    before = lab.look_at_host(KVM1).boot_id
    ticket = begin(lab, KVM1, '#!/bin/sh\necho rebooting\n"$LAB_REBOOT"\nexit 0\n')

    until_agent_is(lab, KVM1, "Disconnected")
    away = lab.look_at_stage(KVM1, ticket)
    assert (away.state, away.end, away.host_back) == ("host_away", "", False)

    let_agent_come_back(lab, KVM1)
    back = lab.look_at_stage(KVM1, ticket)
    assert (back.state, back.exit_status, back.host_back) == ("finished", 0, True)
    assert lab.look_at_host(KVM1).boot_id != before
    assert effects(KVM1, "reboot") == 1
    assert harms() == []


def test_a_reboot_in_mid_script_leaves_its_end_unknown(lab: LabCloud):
    ticket = begin(lab, KVM1, SLOW)

    reboot(KVM1)
    until_agent_is(lab, KVM1, "Disconnected")
    let_agent_come_back(lab, KVM1)
    let_go_on(KVM1)

    assert lab.look_at_stage(KVM1, ticket).state == "lost"
    assert b"ended" not in lab.read_output(KVM1, ticket, 0).data
    assert lab.start_stage(KVM1, STAGE, ticket=ticket, payload=None, timeout_s=60)
    assert lab.look_at_stage(KVM1, ticket).state == "lost", "the same ticket never runs again"


def test_a_host_that_never_comes_back_stays_away(lab: LabCloud):
    before = lab.look_at_host(KVM1).boot_id
    ticket = begin(lab, KVM1, '#!/bin/sh\necho rebooting\n"$LAB_REBOOT" never\n')

    wait_until(lambda: lab.look_at_host(KVM1).boot_id != before)
    assert not DueRow.objects.exists(), "nothing brings it back"
    assert lab.look_at_stage(KVM1, ticket).state == "host_away"


def test_the_script_says_for_how_long_its_host_is_away(lab: LabCloud):
    set_lab(boot_back_s=AWAY_S)
    begin(lab, KVM1, '#!/bin/sh\necho rebooting\n"$LAB_REBOOT" 3\n')

    until_agent_is(lab, KVM1, "Disconnected")

    until_agent_is(lab, KVM1, "Up")


def test_an_agent_that_is_away_answers_nothing_about_scripts(lab: LabCloud):
    with lab_world() as world:
        steering.set_state(world, KVM1, "Disconnected")

    with pytest.raises(AgentUnreachable):
        lab.look_at_hooks(KVM1)
    with pytest.raises(AgentUnreachable):
        lab.start_stage(KVM1, STAGE, ticket=uuid4(), payload=None, timeout_s=10)
    with pytest.raises(AgentUnreachable):
        lab.stop_stage(KVM1, uuid4())
    assert lab.look_at_stage(KVM1, uuid4()).state == "host_away"


def test_instances_left_on_a_rebooting_host_stop_and_are_on_record(lab: LabCloud):
    with lab_world() as world:
        steering.reboot_host(world, KVM1, AWAY_S)
    until_agent_is(lab, KVM1, "Disconnected")

    let_agent_come_back(lab, KVM1)

    assert Instance.objects.filter(state="Stopped").count() == 6
    assert sum(line.startswith("stopped_by_reboot") for line in harms()) == 6


def test_with_the_service_executor_a_script_outlives_its_agents_restart(lab: LabCloud):
    ticket = begin(lab, KVM1, SLOW)

    restart_agent(KVM1)
    assert lab.look_at_stage(KVM1, ticket).state == "host_away"
    let_agent_come_back(lab, KVM1)
    assert lab.look_at_stage(KVM1, ticket).state == "running"
    let_go_on(KVM1)

    assert until_stage_is(lab, KVM1, ticket, "finished").exit_status == 0
    assert lab.read_output(KVM1, ticket, 0).data == b"begun\nended\n"


def test_a_script_that_ended_while_its_agent_was_away_is_picked_up_by_ticket(lab: LabCloud):
    ticket = begin(lab, KVM1, SLOW)
    restart_agent(KVM1)
    let_go_on(KVM1)

    let_agent_come_back(lab, KVM1)

    assert until_stage_is(lab, KVM1, ticket, "finished").exit_status == 0


def test_with_the_agent_executor_an_agents_restart_makes_the_end_unknown(lab: LabCloud):
    assert lab.look_at_hooks(KVM5).executor == "agent"
    ticket = begin(lab, KVM5, SLOW)

    restart_agent(KVM5)
    let_go_on(KVM5)
    let_agent_come_back(lab, KVM5)

    look = lab.look_at_stage(KVM5, ticket)
    assert (look.state, look.exit_status) == ("lost", None)


def test_with_the_agent_executor_a_script_that_had_ended_before_keeps_its_result(lab: LabCloud):
    ticket = begin(lab, KVM5, "#!/bin/sh\necho done\nexit 3\n")
    until_stage_is(lab, KVM5, ticket, "finished")

    restart_agent(KVM5)
    let_agent_come_back(lab, KVM5)

    assert lab.look_at_stage(KVM5, ticket).exit_status == 3


@pytest.mark.parametrize("host", [KVM1, KVM5])
def test_a_cut_off_script_is_unknown_also_when_nobody_lived_to_end_it(lab: LabCloud, host: UUID):
    """The process that noticed the reboot (kvm1) or the agent's restart (kvm5) died before it ended the script."""
    ticket = begin(lab, host, SLOW)

    with lab_world() as world, cluster_locked(world.door, lab.look_at_host(host).cluster_id):
        now = host_now(world.door, host)
        if host == KVM1:
            boot(
                world.door,
                world.config,
                Due(now.now, "boot", now.read.cluster_id, host, {"back_after_s": None}),
                Aftermath(),
            )
        else:
            restart_the_agent(world.door, world.config, now, 0)

    until_agent_is(lab, host, "Up")
    assert lab.look_at_stage(host, ticket).state == "lost"


def test_a_maintenance_script_on_a_host_in_service_is_on_record(lab: LabCloud):
    install(KVM1, STAGE, "#!/bin/sh\n")

    lab.start_stage(KVM1, STAGE, ticket=uuid4(), payload=None, timeout_s=10)

    assert [line.split(":")[0] for line in harms()] == ["maintenance_in_service"]


def test_a_cancelled_maintenance_of_a_host_that_is_away_leaves_its_agent_away(lab: LabCloud):
    in_maintenance(lab, KVM1)
    reboot(KVM1, back_after_s=None)

    lab.cancel_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "Enabled")

    assert lab.look_at_host(KVM1).state == "Disconnected"


def test_one_wish_to_reboot_reboots_once_even_when_two_processes_find_it(lab: LabCloud, var_folder: Path):
    in_maintenance(lab, KVM1)
    wish = folders.reboots_dir() / name_of(KVM1)
    wish.write_text(f"{AWAY_S}\n")
    kept = wish.with_name(".kept")
    kept.hardlink_to(wish)

    until_agent_is(lab, KVM1, "Disconnected")
    kept.rename(wish)  # the second process read the folder before the first removed the file
    let_agent_come_back(lab, KVM1)

    assert effects(KVM1, "reboot") == 1
