"""A small lab with three management servers, their agents and jobs; what a test may do to them from outside."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db.models.functions import Now
from django.utils import timezone

from maintenance.actions import servers as actions
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.agents import change_settings, send_home
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.servers.reading import look_at_server
from maintenance.backends.lab.world import lab_world
from maintenance.backends.servers import BalanceChange, ServerLook
from maintenance.models import ManagementServer, Run, Step
from maintenance.servers_sync import read_servers
from tests.maintenance.engine.small_lab import SmallLab
from tests.waiting import wait_until

QUICK = {
    "server_autostart_s": 0.2,
    "server_start_s": 0.1,
    "stop_tasks_s": 0.0,
    "start_tasks_s": 0.05,
    "agent_move_s": 0.02,
}


@dataclass
class ServerLab:
    """Servers are named mgmt1, mgmt2, mgmt3; the hosts' agents are spread over them round robin."""

    small: SmallLab
    servers: dict[str, UUID]

    def configure(self, **settings: float) -> None:
        self.small.configure(**settings)

    def jobs(self, server: str, *, count: int = 1, seconds: float | None = None) -> None:
        """Jobs that end after so many seconds; never, without."""
        with lab_world() as world:
            by_hand.start_jobs(
                world,
                self.servers[server],
                count=count,
                seconds=seconds,
                command="StartVMCmdByAdmin",
                account="shop",
                domain="ROOT/retail",
            )

    def end_jobs(self, server: str) -> None:
        with lab_world() as world:
            by_hand.end_jobs(world, server_id=self.servers[server])

    def kill(self, server: str, *, back_after_s: float | None = None) -> None:
        """Its process dies; nobody starts it again unless `back_after_s` says so."""
        with lab_world() as world:
            by_hand.kill(world, self.servers[server], back_after_s)

    def start(self, server: str) -> None:
        with lab_world() as world:
            by_hand.start(world, self.servers[server])

    def state(self, server: str) -> str:
        """As the lab itself has it now."""
        return self.look(server).server.state

    def agents(self, server: str) -> int:
        return self.look(server).server.agents

    def look(self, server: str) -> ServerLook:
        with lab_world() as world:
            return look_at_server(world, self.servers[server])

    def seen(self, server: str) -> str:
        """The state as Pitstop shows it."""
        return ManagementServer.objects.get(id=self.servers[server]).state

    def moments(self, server: str) -> list[str]:
        """The states it has entered, in order."""
        moments = lab.ServerMoment.objects.filter(server=self.servers[server]).order_by("id")
        return list(moments.values_list("state", flat=True))

    def read(self) -> None:
        """The console has read the lab now."""
        self.small.read()
        read_servers(self.small.cloud)

    # ---- asking ----

    def prepare(self, server: str, **how: object) -> Run:
        self.read()
        asked = {"algorithm": None, "forced": False, "actor": "operator"} | how
        return actions.prepare_server(self.servers[server], **asked)  # type: ignore[arg-type]

    def restart(self, *servers: str, **how: object) -> Run:
        self.read()
        asked = {"settle_s": 0, "actor": "operator"} | how
        return actions.restart_servers([self.servers[name] for name in servers], **asked)  # type: ignore[arg-type]

    def settled_at_once(self, run: Run) -> None:
        """The server of the run that settles has been watched for long enough; whoever takes the step over sees it."""
        settling = Step.objects.filter(run=run, stage="Settle").exclude(state="Ended")
        settling.update(deadline_at=Now())

    def in_state(self, server: str, state: str, *, within_s: float = 20) -> None:
        """Waits until the lab has the server in this state."""
        wait_until(lambda: self.state(server) == state, within_s=within_s)


def make_server_lab(small: SmallLab, count: int = 3) -> ServerLab:
    """The small lab gets so many servers, each with an address in the setting `host`."""
    lab.ManagementServer.objects.all().delete()
    now = timezone.now()
    servers = {}
    for n in range(1, count + 1):
        made = lab.ManagementServer.objects.create(
            id=uuid4(), name=f"mgmt{n}", version="4.21.0.0", address=f"10.0.0.{n}", started_at=now
        )
        servers[made.name] = made.id
    ready = ServerLab(small, servers)
    ready.configure(**QUICK)
    with lab_world() as world:
        hosts = tuple(f"10.0.0.{n}" for n in range(1, count + 1))
        change_settings(world.door, world.config, BalanceChange(hosts=hosts))
        send_home(world.door, world.config, world.door.now())
    agents = len(small.hosts)
    wait_until(lambda: sum(ready.agents(name) > 0 for name in servers) >= min(agents, count), within_s=20)
    ready.read()
    return ready


def stages_of(run: Run, server: str) -> list[tuple[str, str]]:
    """(stage, outcome) of the server, in the order they were done."""
    steps = Step.objects.filter(run=run, target__name=server).order_by("started")
    return [(step.stage, step.outcome) for step in steps]
