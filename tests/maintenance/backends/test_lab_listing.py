"""The lab's listings are a few seconds old and say so; what it shows is the demo, and it survives everything."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from maintenance.backends.base import Never
from maintenance.backends.lab import folders
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Job, PendingJob, World
from maintenance.backends.lab.outside import NoLab, lab_door
from maintenance.backends.lab.record import effects, forget_old
from maintenance.backends.lab.seed import reset_lab, seed_lab
from maintenance.domain.hook_stages import HookStage
from tests.maintenance.backends.lab_hosts import (
    CLOUD_ID,
    KVM1,
    KVM2,
    KVM3,
    P1_C1,
    install,
    name_of,
    set_lab,
    soon,
    until_resource_state,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def state_in_listing(lab: LabCloud) -> str:
    return next(host.resource_state for host in lab.snapshot().hosts if host.id == KVM1)


def test_a_listing_is_kept_for_its_time_and_says_when_it_was_read(lab: LabCloud):
    set_lab(listing_age_min_s=60, listing_age_max_s=60)
    first = lab.snapshot()
    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    second = lab.snapshot()

    assert second is first
    assert state_in_listing(lab) == "Enabled"
    assert lab.look_at_host(KVM1).resource_state == "Maintenance", "a look is fresh"


def test_a_listing_older_than_its_time_is_read_anew(lab: LabCloud):
    set_lab(listing_age_min_s=2, listing_age_max_s=2)
    first = lab.snapshot()
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    assert lab.snapshot() is first

    wait_until(lambda: state_in_listing(lab) == "Maintenance")

    assert lab.snapshot().as_of >= first.as_of + timedelta(seconds=2)


def test_looks_can_be_made_stale_too(lab: LabCloud):
    set_lab(look_age_s=60)
    assert lab.look_at_host(KVM1).resource_state == "Enabled"

    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert lab.look_at_host(KVM1).resource_state == "Enabled"
    assert {i.state for i in lab.look_at_cluster(P1_C1).instances} == {"Running"}
    set_lab(look_age_s=0)
    assert lab.look_at_host(KVM1).resource_state == "Maintenance"


def test_a_reset_lab_is_not_answered_from_an_old_listing(lab: LabCloud):
    set_lab(listing_age_min_s=60, listing_age_max_s=60)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    assert state_in_listing(lab) == "Maintenance"

    reset_lab()

    assert state_in_listing(lab) == "Enabled"


def test_pending_jobs_end_and_others_take_their_place(lab: LabCloud):
    before = {job.id for job in lab.read_servers().jobs}
    ended = PendingJob.objects.order_by("ends").first()
    assert ended is not None
    PendingJob.objects.filter(id=ended.id).update(ends=ended.created)

    after = lab.read_servers().jobs

    assert len(after) == len(before)
    assert {job.id for job in after} & before == before - {ended.id}


def test_the_demo_is_the_originals_topology(lab: LabCloud):
    listing = lab.snapshot()

    zones = {zone.id: zone.name for zone in listing.zones}
    pods = {pod.id: zones[pod.zone_id] for pod in listing.pods}
    clusters = {cluster.id: (pods[cluster.pod_id], cluster.name) for cluster in listing.clusters}
    kvm = [host for host in listing.hosts if host.hypervisor == "KVM"]
    assert Counter(clusters[host.cluster_id] for host in kvm) == {
        ("zone1", "p1-c1"): 3,
        ("zone1", "p1-c2"): 3,
        ("zone2", "p2-c1"): 3,
    }
    (other,) = (host for host in listing.hosts if host.hypervisor != "KVM")
    assert [host.cluster_id for host in listing.hosts].count(other.cluster_id) == 1
    assert len(listing.instances) == 45
    assert len({(i.account, i.domain) for i in listing.instances}) >= 4
    assert any(i.affinity_groups for i in listing.instances)
    assert any(i.tags for i in listing.instances)
    assert lab.read_servers().jobs
    assert [server.agents for server in lab.read_servers().servers] == [5, 5, 4]
    assert str(KVM1) == "86c0b59f-89de-40db-9b30-251f851e869f"


def test_every_demo_script_may_run_and_each_kind_is_among_them(lab: LabCloud):
    looks = {
        host.name: lab.look_at_hooks(host.id) for host in lab.snapshot().hosts if host.hypervisor == "KVM"
    }

    found = [script for look in looks.values() for script in look.scripts.values()]
    assert [script.problem for script in found if script.problem] == []
    assert {Path(script.path).suffix for script in found if script.present} == {"", ".sh", ".py"}
    without = [name for name, look in looks.items() if not look.scripts[HookStage.MAINTENANCE].present]
    assert without == [name_of(KVM3)]
    assert any(not look.scripts[HookStage.PRE_MAINTENANCE].present for look in looks.values())
    assert any(look.executor == "agent" for look in looks.values())
    warned = {name: look.warnings for name, look in looks.items() if look.warnings}
    assert list(warned) == [name_of(KVM2)]
    assert "rolling.maintenance.service.executor.disabled" in warned[name_of(KVM2)][0]


def test_a_host_of_another_hypervisor_never_runs_hook_scripts(lab: LabCloud):
    (other,) = (host for host in lab.snapshot().hosts if host.hypervisor != "KVM")

    with pytest.raises(Never, match="VMware host"):
        lab.look_at_hooks(other.id)


def test_the_lab_forgets_what_is_older_than_a_week(lab: LabCloud):
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    Job.objects.update(created=lab.snapshot().as_of - timedelta(days=8))

    with lab_door() as door:
        forget_old(door)

    assert not Job.objects.exists()
    assert effects(KVM1, "prepare") == 1, "this is of today"


def test_a_second_seed_changes_nothing(lab: LabCloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/bin/sh\nexit 9\n", "")
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    generation = World.objects.get().generation

    assert seed_lab() is False

    assert World.objects.get().generation == generation
    assert lab.look_at_host(KVM1).resource_state == "Maintenance"
    script = folders.host_dir(name_of(KVM1)) / "hooks" / "PreFlight"
    assert script.read_text().endswith("exit 9\n")


def test_a_lost_var_folder_is_made_again(lab: LabCloud):
    folders.properties_path(name_of(KVM1)).unlink()

    seed_lab()

    assert lab.look_at_hooks(KVM1).scripts[HookStage.PREFLIGHT].present


def test_a_lab_that_was_never_seeded_says_so(var_folder: Path):
    with pytest.raises(NoLab, match="lab reset"):
        LabCloud(CLOUD_ID).look_at_host(KVM1)


def test_a_drain_goes_on_when_another_process_looks(lab: LabCloud, var_folder: Path):
    """The first process asks and is gone; another one, started later, finds the drain as far as time has brought it."""
    set_lab(move_min_s=0.1)
    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())
    at = connection.settings_dict
    known = {"host": at["HOST"], "port": at["PORT"], "user": at["USER"], "dbname": at["NAME"]}
    look = (
        "import django, json; django.setup()\n"
        "from uuid import UUID\n"
        "from maintenance.backends.lab.cloud import LabCloud\n"
        f"lab, host = LabCloud(UUID('{CLOUD_ID}')), UUID('{KVM1}')\n"
        f"print(json.dumps([lab.look_at_host(host).resource_state, lab.look_at_drain(host).moved,"
        f" lab.look_at_job('{job}').state]))\n"
    )

    other = subprocess.run(
        [sys.executable, "-c", look],
        cwd=django_settings.BASE_DIR,
        env={
            "PATH": os.environ["PATH"],
            "PITSTOP_VAR": str(var_folder),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": make_conninfo(**{key: value for key, value in known.items() if value}),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert other.returncode == 0, other.stderr
    state, moved, job_state = json.loads(other.stdout)
    assert moved >= 1
    assert (state, job_state) in {("PrepareForMaintenance", "succeeded"), ("Maintenance", "succeeded")}
    until_resource_state(lab, KVM1, "Maintenance")
    assert lab.look_at_drain(KVM1).moved == 6
