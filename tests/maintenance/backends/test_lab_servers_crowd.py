"""Many callers at once, while servers are taken out, die and come back: nobody waits for another in a circle."""

import contextlib
import random
import threading
from collections import Counter
from uuid import UUID

import pytest
from django.db import connections

from maintenance.backends.base import CloudError
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent, Job, ManagementServer, PendingJob
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.world import lab_world
from tests.maintenance.backends.lab_hosts import CLOUD_ID, KVM1, KVM4, MS1, MS2, MS3, P1_C1, set_lab, soon
from tests.maintenance.backends.lab_servers import let_pass

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

CALLERS = 4
CALLS_EACH = 40


def test_a_crowd_of_callers_finds_the_lab_whole_in_the_end(lab: LabCloud):
    set_lab(server_autostart_s=0.1, stop_tasks_s=0, start_tasks_s=0)
    jobs = PendingJob.objects.count()
    wrong: list[Exception] = []

    def call(seed: int) -> None:
        dice, cloud = random.Random(seed), LabCloud(CLOUD_ID)
        try:
            for _ in range(CALLS_EACH):
                one_call(cloud, dice)
        except Exception as found:
            wrong.append(found)
        finally:
            connections.close_all()

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)

    assert not wrong
    for server in (MS1, MS2, MS3):
        with lab_world() as world:
            by_hand.start(world, server)
    let_pass(120)
    read = lab.read_servers()
    assert Counter(s.state for s in read.servers).keys() <= {"Up", "Maintenance", "ReadyToShutDown"}
    if any(server.state == "Up" for server in read.servers):
        assert not Agent.objects.filter(server=None).exists()
        assert PendingJob.objects.filter(waits=False).count() == jobs
    assert sum(server.pending_jobs for server in read.servers) == len(read.jobs)
    assert not Job.objects.filter(state="pending").exists()
    assert ManagementServer.objects.count() == 3


def one_call(cloud: LabCloud, dice: random.Random) -> None:
    """Any call at all; what the cloud refuses is no fault."""
    server, host = dice.choice((MS1, MS2, MS3)), dice.choice((KVM1, KVM4))
    calls = (
        cloud.read_servers,
        cloud.snapshot,
        lambda: cloud.look_at_cluster(P1_C1),
        lambda: cloud.look_at_server(server),
        lambda: cloud.prepare_for_maintenance(host, expires_at=soon()),
        lambda: cloud.cancel_maintenance(host, expires_at=soon()),
        lambda: cloud.prepare_server(server, algorithm=None, forced=True, expires_at=soon()),
        lambda: cloud.cancel_server_maintenance(server, rebalance=True, expires_at=soon()),
        lambda: cloud.trigger_server_shutdown(server, expires_at=soon()),
        lambda: cloud.cancel_server_shutdown(server, expires_at=soon()),
        lambda: cloud.start_server(server, expires_at=soon()),
        lambda: kill(server),
    )
    with contextlib.suppress(CloudError):
        dice.choice(calls)()


def kill(server: UUID) -> None:
    with lab_world() as world:
        by_hand.kill(world, server, 0.2)
