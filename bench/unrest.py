"""The disturber of a chaos run: one fault after another, and the hands that restart what died."""

import os
import random
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import psycopg
from django.db import Error as DatabaseError
from django.db import connections

from bench.stack import Stack, wait_for
from maintenance import actions
from maintenance.backends.lab.started import tickets
from maintenance.domain.states import RUN_ACTIVE, RunState
from maintenance.feed import ENGINE_CHANNEL
from maintenance.models import Run, Step, Zone

ENGINES = 3
WEBS = 2
CLOUD_FAULTS = "0.01"  # share of the cloud's answers that are wrong
DEAD_FOR_S_MAX = 2.0
FROZEN_FOR_S_MAX = 12.0  # twice a lease
PAUSE_S = (0.2, 1.6)
DATABASE_BACK_WITHIN_S = 60.0
CALM_WITHIN_S = 240.0


class Unrest:
    """`next` does one fault and keeps everything else going; `calm_down` lets the last run end in peace."""

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self._stack = stack
        self._dice = dice
        self._engines: list[subprocess.Popen[bytes]] = []
        self.webs: dict[int, subprocess.Popen[bytes]] = {}  # those that live, by port
        self.rounds = 0  # every fault was done as often as it weighs
        self._due: list[tuple[float, Callable[[], object]]] = []  # restarts and thaws to come
        self._deck: list[tuple[str, Callable[[], object]]] = []
        self._faults: list[tuple[str, int, Callable[[], object]]] = [
            ("kill an engine", 6, self._kill_engine),
            ("freeze an engine", 3, self._freeze_engine),
            ("stop an engine", 1, self._stop_engine),
            ("kill a web process", 3, self._kill_web),
            ("kill PostgreSQL", 1, lambda: self._end_postgres(signal.SIGKILL)),
            ("stop PostgreSQL at once", 1, lambda: self._end_postgres(signal.SIGQUIT)),
            ("cut all bells", 1, self._cut_bells),
            ("ring for nothing", 1, self._ring_for_nothing),
            ("pause and resume", 1, self._pause_and_resume),
            ("kill a script's runner", 1, self._kill_runner),
        ]
        self.ports = free_ports(WEBS)
        for port in self.ports:
            self._start_web(port)
        for _ in range(ENGINES):
            self._start_engine()
        wait_for(Zone.objects.exists, DATABASE_BACK_WITHIN_S)

    def next(self) -> None:
        """One fault, then a moment in which a run goes on, if need be a new one."""
        name, do = self._deal()
        if surely(do) is not False:
            self.done[name] += 1
        self._rest(self._dice.uniform(*PAUSE_S))
        surely(self._keep_a_run_going)

    def _deal(self) -> tuple[str, Callable[[], object]]:
        """As from a pack of cards: in any order, but within a round each fault as often as it weighs."""
        if not self._deck:
            self._deck = [(name, do) for name, weight, do in self._faults for _ in range(weight)]
            self._dice.shuffle(self._deck)
        dealt = self._deck.pop()
        self.rounds += not self._deck
        return dealt

    def calm_down(self) -> None:
        """No more faults; what runs comes to its end. Raises: TimeoutError when it does not."""
        for due in self._due:
            due[1]()
        self._due.clear()
        self.fall_silent()
        self._engines = [self._stack.start_engine()]
        ends = time.monotonic() + CALM_WITHIN_S
        while surely(lambda: Run.objects.filter(state__in=RUN_ACTIVE).exists()):
            if time.monotonic() > ends:
                raise TimeoutError(f"no end within {CALM_WITHIN_S} s after the last fault")
            surely(resume_paused)
            time.sleep(0.2)

    def fall_silent(self) -> None:
        """No engine works any more: nothing new is told."""
        for engine in self._engines:
            engine.terminate()
        for engine in self._engines:
            engine.wait(20)
        self._engines.clear()

    def web_of(self, port: int) -> int | None:
        """The number of the web process that lives on this port. Callable from any thread."""
        web = self.webs.get(port)
        return None if web is None else web.pid

    # ---- faults; False: there was nothing to do it to --------------------------------------------------------

    def _kill_engine(self) -> bool:
        return self._end_engine(signal.SIGKILL)

    def _stop_engine(self) -> bool:
        return self._end_engine(signal.SIGTERM)

    def _end_engine(self, sent: signal.Signals) -> bool:
        if not self._engines:
            return False
        engine = self._engines.pop(self._dice.randrange(len(self._engines)))
        engine.send_signal(sent)
        self._later(DEAD_FOR_S_MAX, self._start_engine)
        return True

    def _kill_web(self) -> bool:
        if not self.webs:
            return False
        port = self._dice.choice(sorted(self.webs))
        web = self.webs.pop(port)  # first: whoever sees its sockets end must find it gone
        web.kill()
        web.wait(10)
        self._later(DEAD_FOR_S_MAX, lambda: self._start_web(port))
        return True

    def _freeze_engine(self) -> bool:
        if len(self._engines) < ENGINES:
            return False
        engine = self._engines.pop(self._dice.randrange(len(self._engines)))
        engine.send_signal(signal.SIGSTOP)
        self._later(FROZEN_FOR_S_MAX, lambda: self._thaw(engine))
        return True

    def _thaw(self, engine: subprocess.Popen[bytes]) -> None:
        engine.send_signal(signal.SIGCONT)
        self._engines.append(engine)

    def _end_postgres(self, sent: signal.Signals) -> None:
        pid = self._stack.postgres.pid()
        assert pid is not None
        os.kill(pid, sent)
        while self._stack.postgres.is_alive():
            time.sleep(0.02)
        self._rest(self._dice.uniform(0, DEAD_FOR_S_MAX))
        self._stack.postgres.start()

    def _cut_bells(self) -> None:
        query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s",
            "LISTEN %",  # the engines' and the web processes'
        )

    def _ring_for_nothing(self) -> None:
        for _ in range(200):
            query("SELECT pg_notify(%s, '')", ENGINE_CHANNEL)

    def _pause_and_resume(self) -> bool:
        run = Run.objects.filter(state=RunState.RUNNING, pausing=False).first()
        if run is None:
            return False
        try:
            actions.pause_run(run.id, actor="chaos")
        except actions.IllegalMove:
            return False  # it ended this moment
        return True

    def _kill_runner(self) -> bool:
        for ticket in Step.objects.filter(state="Running", stage="Maintenance").values_list(
            "ticket", flat=True
        ):
            if pid := tickets().look(str(ticket)).pid:
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    # ---- what keeps it going --------------------------------------------------------------------------------

    def _start_engine(self) -> None:
        seed = self._dice.randrange(1_000_000)
        self._engines.append(self._stack.start_engine(PITSTOP_LAB_FAULTS=f"{seed}:{CLOUD_FAULTS}"))

    def _start_web(self, port: int) -> None:
        self.webs[port] = self._stack.start_web(port)

    def _later(self, within_s: float, do: Callable[[], object]) -> None:
        self._due.append((time.monotonic() + self._dice.uniform(0, within_s), do))

    def _rest(self, seconds: float) -> None:
        """Time passes; who is due is restarted or thawed."""
        ends = time.monotonic() + seconds
        while (now := time.monotonic()) < ends:
            for due in [due for due in self._due if due[0] <= now]:
                self._due.remove(due)
                due[1]()
            time.sleep(0.05)

    def _keep_a_run_going(self) -> None:
        resume_paused()
        if not Run.objects.filter(state__in=RUN_ACTIVE).exists():
            zones = tuple(Zone.objects.values_list("id", flat=True))
            request = actions.StartRequest(
                scope_kind="zones",
                scope_ids=zones,
                on_failure="skip",
                clusters_in_parallel=2,
                skip_unready=True,
            )
            actions.start_rolling_maintenance(request, actor="chaos")


def resume_paused() -> None:
    """Runs that somebody paused, or that a killed runner paused, go on."""
    for run in Run.objects.filter(state=RunState.PAUSED):
        actions.resume_run(run.id, actor="chaos")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def query(sql: str, *values: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, values)


def surely[T](do: Callable[[], T]) -> T:
    """The answer, once PostgreSQL is there to give it. Raises: TimeoutError."""
    ends = time.monotonic() + DATABASE_BACK_WITHIN_S
    while True:
        try:
            return do()
        except (DatabaseError, psycopg.Error) as reason:
            if time.monotonic() > ends:
                raise TimeoutError(f"the database stays away: {reason}") from reason
            time.sleep(0.2)
        finally:
            for alias in ("default", "lab"):
                connections[alias].close()
