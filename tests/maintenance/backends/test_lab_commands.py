"""`manage.py lab …`, as a person at a second shell uses it."""

import io
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg.conninfo import make_conninfo

from maintenance.backends.base import AgentUnreachable
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Host
from maintenance.domain.hook_stages import HookStage
from tests.maintenance.backends.lab_hosts import (
    KVM1,
    KVM2,
    KVM5,
    P1_C1,
    hurry,
    let_agent_come_back,
    name_of,
    set_lab,
    soon,
    until_stage_is,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def lab_command(*words: str) -> str:
    """What `manage.py lab` prints."""
    out = io.StringIO()
    call_command("lab", *words, stdout=out)
    return out.getvalue()


def exit_status_of(lab: LabCloud, host, stage: HookStage) -> int | None:
    ticket = uuid4()
    assert lab.start_stage(host, stage, ticket=ticket, payload=None, timeout_s=10)
    return until_stage_is(lab, host, ticket, "finished").exit_status


def test_show_names_every_host_with_its_states_and_scripts(lab):
    shown = lab_command("show")

    assert all(name in shown for name in Host.objects.values_list("name", flat=True))
    assert "hooks FP-V" in shown, "one demo host has no Maintenance script"
    assert "harm: none" in shown


def test_show_of_one_host_lists_what_runs_on_it(lab):
    assert "shop-db-1" in lab_command("show", "p1-c1/kvm1")


def test_a_host_is_found_by_the_end_of_its_name_when_only_one_has_it(lab):
    assert "Disconnected" in lab_command("host", "kvm5", "--status", "Disconnected")
    assert lab.look_at_host(KVM5).state == "Disconnected"


def test_an_ambiguous_name_is_refused_naming_the_candidates(lab):
    with pytest.raises(CommandError, match=r"711-k-M7-apanic-kvm1.*714-k-M7-apanic-kvm1"):
        lab_command("host", "kvm1", "--status", "Down")

    assert not Host.objects.filter(state="Down").exists()


def test_an_unknown_host_is_refused(lab):
    with pytest.raises(CommandError, match="no lab host is called 'kvm77'"):
        lab_command("show", "kvm77")


def test_hook_replaces_every_variant_of_the_stage_and_keeps_the_ending(lab, tmp_path: Path):
    script = tmp_path / "mine.py"
    script.write_text("#!/usr/bin/env python3\nraise SystemExit(9)\n")

    lab_command("hook", "p1-c1/kvm1", "PreFlight", str(script))

    found = lab.look_at_hooks(KVM1).scripts[HookStage.PREFLIGHT]
    assert Path(found.path).name == "PreFlight.py"
    assert [p.name for p in Path(found.path).parent.glob("PreFlight*")] == ["PreFlight.py"]
    assert exit_status_of(lab, KVM1, HookStage.PREFLIGHT) == 9


def test_hook_reads_standard_input(lab, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"#!/bin/sh\nexit 5\n")))

    lab_command("hook", "p1-c1/kvm1", "PreFlight", "-")

    assert exit_status_of(lab, KVM1, HookStage.PREFLIGHT) == 5


def test_hook_remove_leaves_the_stage_without_a_script(lab):
    lab_command("hook", "p1-c1/kvm1", "PreFlight", "--remove")

    assert lab.look_at_hooks(KVM1).scripts[HookStage.PREFLIGHT].present is False


def test_fail_makes_the_stage_end_with_that_status(lab):
    lab_command("fail", "p1-c1/kvm1", "PreFlight", "--exit", "70")

    assert exit_status_of(lab, KVM1, HookStage.PREFLIGHT) == 70


def test_reboot_takes_the_agent_away_and_back_on_a_new_boot(lab):
    before = lab.look_at_host(KVM1).boot_id
    lab_command("host", "p1-c1/kvm1", "--resource-state", "Maintenance")

    lab_command("host", "p1-c1/kvm1", "--reboot", "--back-after", "600")

    with pytest.raises(AgentUnreachable):
        lab.look_at_hooks(KVM1)
    let_agent_come_back(lab, KVM1)
    assert lab.look_at_host(KVM1).boot_id != before


def test_instances_are_added_stopped_started_moved_and_removed(lab):
    set_lab(start_s=0)

    lab_command("vm", "add", "probe", "--host", "p1-c1/kvm1", "--memory", "4096")
    assert _host_of(lab, "probe") == KVM1
    lab_command("vm", "move", "probe", "--host", "p1-c1/kvm2")
    assert _host_of(lab, "probe") == KVM2
    lab_command("vm", "stop", "probe")
    wait_until(lambda: _state_of(lab, "probe") == "Stopped")
    lab_command("vm", "start", "probe", "--host", "p1-c1/kvm1")
    wait_until(lambda: _state_of(lab, "probe") == "Running")
    assert _host_of(lab, "probe") == KVM1
    lab_command("vm", "remove", "probe")
    assert "probe" not in {i.name for i in lab.snapshot().instances}


def test_a_starting_instance_is_shown_as_starting_until_it_runs(lab):
    set_lab(start_s=600)
    lab_command("vm", "set", "shop-web-1", "--state", "Stopped")

    lab_command("vm", "start", "shop-web-1", "--host", "p1-c1/kvm1")

    assert _state_of(lab, "shop-web-1") == "Starting"
    hurry()
    wait_until(
        lambda: {i.name: i.state for i in lab.look_at_cluster(P1_C1).instances}["shop-web-1"] == "Running"
    )


@pytest.mark.parametrize("name", ["", "  "])
def test_an_instance_that_nobody_could_see_is_refused(lab, name):
    with pytest.raises(CommandError, match="an instance has a name"):
        lab_command("vm", "add", name, "--host", "p1-c1/kvm1")


def test_an_instance_that_does_not_fit_is_refused_with_the_reason(lab):
    with pytest.raises(CommandError, match="MB free of the 999999 MB it needs"):
        lab_command("vm", "add", "giant", "--host", "p1-c1/kvm1", "--memory", "999999")


def test_settings_are_listed_read_and_changed(lab):
    lab_command("config", "set", "move_s_per_gb", "0.25")

    assert lab_command("config", "get", "move_s_per_gb") == "0.25\n"
    assert "move_s_per_gb = 0.25  (default 0.09)" in lab_command("config", "list")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("speed", "1", "no lab setting 'speed'"),
        ("cancel_s", "soon", "is a number"),
        ("time_scale", "0", "cannot be"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_reason(lab, name: str, value: str, words: str):
    with pytest.raises(CommandError, match=words):
        lab_command("config", "set", name, value)


def test_faults_are_set_listed_and_cleared(lab):
    lab_command("fault", "look_at_host", "--error", "530 busy", "--times", "1", "--host", "p1-c1/kvm1")

    listed = lab_command("fault", "--list")
    assert "fault: look_at_host error '530 busy' 1 times on ref-trl-711-k-M7-apanic-kvm1" in listed
    assert lab_command("fault", "--clear") == "faults: none\n"
    assert lab.look_at_host(KVM1).state == "Up"


def test_a_fault_on_a_call_nobody_makes_is_refused(lab):
    with pytest.raises(CommandError, match="no call 'prepare'"):
        lab_command("fault", "prepare", "--lose-reply")


def test_reset_makes_the_first_day_again(lab):
    lab_command("fail", "p1-c1/kvm1", "PreFlight")
    lab_command("vm", "add", "probe", "--host", "p1-c1/kvm1")
    lab_command("fault", "*", "--lose-reply")
    lab_command("host", "p1-c1/kvm1", "--status", "Down")

    lab_command("reset")

    listing = lab.snapshot()
    assert len(listing.instances) == 45
    assert lab.look_at_host(KVM1).state == "Up"
    assert exit_status_of(lab, KVM1, HookStage.PREFLIGHT) == 0


def test_a_second_shell_that_knows_only_the_var_folder_sees_the_same_lab(lab, var_folder: Path):
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    at = connection.settings_dict
    known = {"host": at["HOST"], "port": at["PORT"], "user": at["USER"], "dbname": at["NAME"]}
    (var_folder / "postgres.dsn").write_text(
        make_conninfo(**{key: value for key, value in known.items() if value})
    )

    shell = subprocess.run(
        [sys.executable, "manage.py", "lab", "show", "p1-c1/kvm1"],
        cwd=django_settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "PITSTOP_VAR": str(var_folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert shell.returncode == 0, shell.stderr
    assert f"{name_of(KVM1)}  Up, Maintenance" in shell.stdout


def _host_of(lab: LabCloud, name: str):
    return {i.name: i.host_id for i in lab.snapshot().instances}[name]


def _state_of(lab: LabCloud, name: str) -> str:
    return {i.name: i.state for i in lab.snapshot().instances}[name]
