"""Small ways to watch the lab's management servers and their jobs, and to let time pass for them."""

from datetime import datetime
from uuid import UUID

from django.db import connections

from maintenance.backends.base import Cloud
from maintenance.backends.lab.models import ManagementServer, PendingJob, ServerMoment
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.world import lab_world
from maintenance.backends.servers import ManagementServerRead, ServerLook
from tests.maintenance.backends.lab_hosts import soon


def let_pass(seconds: float) -> None:
    """So much time has passed for everything in the lab: every moment it keeps is that much longer ago."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(format('%I = %I - %%s * interval ''1 second''', column_name, column_name),"
            " ', '), count(*) FROM information_schema.columns WHERE table_schema = current_schema()"
            r" AND table_name LIKE 'lab\_%' AND data_type = 'timestamp with time zone' GROUP BY table_name"
        )
        for table, changes, count in cursor.fetchall():
            cursor.execute(f"UPDATE {table} SET {changes}", [seconds] * count)


def state_of(lab: Cloud, server: UUID) -> str:
    return look_at(lab, server).server.state


def look_at(lab: Cloud, server: UUID) -> ServerLook:
    return lab.look_at_server(server)


def listed(lab: Cloud, server: UUID) -> ManagementServerRead:
    return next(read for read in lab.read_servers().servers if read.id == server)


def no_jobs() -> None:
    """Nobody works on the cloud."""
    PendingJob.objects.all().delete()


def begin_jobs(server: UUID, seconds: float | None, count: int = 1, account: str = "admin") -> None:
    """Jobs of other people, as `lab jobs start` begins them; None: they never end."""
    with lab_world() as world:
        by_hand.start_jobs(
            world,
            server,
            count=count,
            seconds=seconds,
            command="StartVMCmdByAdmin",
            account=account,
            domain="ROOT",
        )


def prepare(lab: Cloud, server: UUID, *, forced: bool = False, algorithm: str | None = None) -> None:
    lab.prepare_server(server, algorithm=algorithm, forced=forced, expires_at=soon())


def cancel(lab: Cloud, server: UUID, *, rebalance: bool = True) -> None:
    lab.cancel_server_maintenance(server, rebalance=rebalance, expires_at=soon())


def kill(server: UUID, back_after_s: float | None = None) -> None:
    with lab_world() as world:
        by_hand.kill(world, server, back_after_s)


def start(server: UUID) -> None:
    with lab_world() as world:
        by_hand.start(world, server)


def bring_into(lab: Cloud, server: UUID, state: str) -> None:
    """The server is in the state, by the way that leads there; a job that never ends holds it on the way."""
    match state:
        case "Up":
            return
        case "PreparingForMaintenance":
            begin_jobs(server, None)
            prepare(lab, server)
        case "Maintenance":
            no_jobs()
            prepare(lab, server)
            let_pass(60)
        case "PreparingForShutDown":
            begin_jobs(server, None)
            lab.prepare_server_shutdown(server, expires_at=soon())
        case "ReadyToShutDown":
            no_jobs()
            lab.prepare_server_shutdown(server, expires_at=soon())
        case "ShuttingDown":
            begin_jobs(server, None)
            lab.trigger_server_shutdown(server, expires_at=soon())
        case "Down":
            kill(server)
    assert state_of(lab, server) == state


def moments(server: UUID) -> list[tuple[datetime, str]]:
    """When it entered which state, in order."""
    return [(m.at, m.state) for m in ServerMoment.objects.filter(server_id=server).order_by("id")]


def row_of(server: UUID) -> ManagementServer:
    return ManagementServer.objects.get(id=server)
