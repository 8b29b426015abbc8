"""Runs over management servers of the installation with something of everything in it.

Those of restarts are in a cloud of their own: while one runs, its cloud's hosts wait, and nobody could ask for them.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Cloud, ManagementServer, Run
from tests.dashboard.console.server_runs import ended_stage, leaving, put_server, server_run, server_step
from tests.dashboard.inventory import Inventory

WAY = ("PrepareForMaintenance", "TriggerShutdown", "ComeBack", "CancelMaintenance", "Settle")


def server_runs(inventory: Inventory) -> dict[str, Run]:
    """One prepares and is stuck, a restart has stopped in doubt, one is held, one is over."""
    servers = {row.name: row for row in ManagementServer.objects.filter(cloud=inventory.cloud)}
    west = _west(inventory)
    preparing = server_run(
        inventory, [servers["mgmt3"]], RunKind.SERVER_MAINTENANCE, reason="Firmware of mgmt3", ticket="CHG-8",
        forced=True,
    )  # fmt: skip
    step = server_step(
        put_server(preparing, "mgmt3", TargetState.DRAINING, attempt=2),
        WAY[0],
        attempt=2,
        note="looks every moment",
        movement=leaving(2, 1) | {"why": [{"code": "job", "words": "A job runs on.", "what_to_do": "Wait."}]},
    )
    over = _done(west, west.server)
    restart = _in_doubt(west, list(ManagementServer.objects.filter(cloud=west.cloud).order_by("name")))
    with unit_of_work() as work:
        target = step.target
        ask_for_person(work, Cause.SERVER_STUCK, run=preparing, target=target, message="kvm1 cannot leave")
        doubted = restart.targets.get(name="w1")
        ask_for_person(work, Cause.SERVER_NOT_BACK, run=restart, target=doubted, message="not back: 600 s")
        ended = over.targets.get(name="w1")
        ask_for_person(work, Cause.SERVER_FAILED, run=over, target=ended, message="its window ended")
    return {"server prepares": preparing, "restart in doubt": restart, "restart over": over}


def _west(inventory: Inventory) -> Inventory:
    """A cloud with two servers, as if it had just been read."""
    now = timezone.now()
    cloud = Cloud.objects.create(
        name="west", kind="lab", read_at=now, as_of=now, servers_read_at=now, servers_as_of=now,
        unknown_s=Cloud.objects.get(id=inventory.cloud.id).unknown_s,
    )  # fmt: skip
    first, _ = (
        ManagementServer.objects.create(
            id=uuid4(), cloud=cloud, changed_at=now, name=name, state=state, version="4.21", agents=0
        )
        for name, state in (("w1", "Down"), ("w2", "Up"))
    )
    return replace(inventory, cloud=cloud, server=first)


def _in_doubt(inventory: Inventory, servers: list[ManagementServer]) -> Run:
    reason = {
        "code": "server-not-back",
        "message": "mgmt2: not back after 600 s",
        "host": None,
        "by": "engine",
    }
    run = server_run(inventory, servers, state=RunState.PAUSED, paused_reason=reason, algorithm="shuffle")
    target = put_server(run, servers[0].name, TargetState.NEEDS_PERSON, detail="not back after 600 s")
    for stage in WAY[:2]:
        ended_stage(target, stage, detail="as it should be")
    ended_stage(target, WAY[2], "timed_out", detail="not back after 600 s", takeovers=1)
    return run


def _done(inventory: Inventory, server: ManagementServer) -> Run:
    now = timezone.now()
    run = server_run(
        inventory, [server], state=RunState.FAILED, finished_at=now, details="1 server failed",
        started_at=now - timedelta(hours=1),
    )  # fmt: skip
    target = put_server(run, server.name, TargetState.FAILED, detail="its window ended", is_open=False)
    ended_stage(target, WAY[0], "failed", detail="its window ended")
    ended_stage(target, WAY[3], detail="Up again")
    return run
