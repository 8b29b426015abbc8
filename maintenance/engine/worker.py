"""One engine process: a bell, hands to work with, a control thread that keeps leases, and a sweep.

Any number of engines may run on any number of machines; there is no leader. Killed at any moment, an engine leaves
rows behind that the others, or its successor, go on with. When PostgreSQL goes away it starts over by itself.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from maintenance.engine.claim import Claim, claim_step, renew
from maintenance.engine.cloud_changes import ask_due_change
from maintenance.engine.hands import Orders
from maintenance.engine.perform import perform
from maintenance.engine.presence import goodbye, say_alive, say_hello
from maintenance.engine.sweep import begin_queued_runs, prune, reconcile_ledger, sweep
from maintenance.engine.watch import watch_needs
from maintenance.feed import ENGINE_CHANNEL
from maintenance.inventory_sync import read_due_cloud
from maintenance.notifications.send import send_due_notification
from maintenance.servers_sync import read_due_servers
from maintenance.sessions import refuse_shared_sessions
from maintenance.system_vms_sync import probe_due_vms

log = structlog.get_logger(__name__)

STOP_GRACE_S = 5.0
LEDGER_EVERY_S = 5.0
NEEDS_EVERY_S = 2.0
PRUNE_EVERY_S = 60.0
RETRY_S = 1.0  # after PostgreSQL went away
LINGER_S = 2.0  # a thread without work keeps its connection that long: the next step is usually near


class Engine:
    """`run()` returns when `stop()` was called. Everything in progress is handed on, scripts go on running."""

    def __init__(self, threads: int = settings.ENGINE_THREADS) -> None:
        self.id: UUID = uuid4()
        self._threads = threads
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._lock = threading.Lock()
        self._doing: dict[UUID, tuple[Claim, Orders]] = {}
        self._workers: set[threading.Thread] = set()
        self._idle = 0
        self._call = threading.Semaphore(0)

    def stop(self, *_: object) -> None:
        """Ask the engine to stop; safe in a signal handler."""
        self._stopping.set()
        self._bell.set()

    def run(self) -> None:
        """Work until stopped."""
        side = [
            threading.Thread(target=self._for_ever, args=(name, pause_s, what), name=name, daemon=True)
            for name, pause_s, what in (
                ("control", settings.LEASE_RENEW_S / 2, self._control),
                ("presence", settings.ENGINE_HEARTBEAT_S, lambda: say_alive(self.id)),
                ("sweep", settings.SWEEP_S, sweep),
                ("ledger", LEDGER_EVERY_S, reconcile_ledger),
                ("needs", NEEDS_EVERY_S, watch_needs),
                ("prune", PRUNE_EVERY_S, prune),
                ("inventory", 0.5, read_due_cloud),
                ("system_vms", 1.0, probe_due_vms),
                ("servers", settings.SERVERS_POLL_S / 2, read_due_servers),
                ("cloud changes", 0.5, ask_due_change),
                ("notifications", 1.0, send_due_notification),
                ("listen", 0.0, self._listen),
            )
        ]
        self._until_it_works(refuse_shared_sessions)
        self._until_it_works(lambda: say_hello(self.id, socket.gethostname(), os.getpid()))
        for thread in side:
            thread.start()
        log.info("engine works", engine=str(self.id), threads=self._threads)
        while not self._stopping.is_set():
            self._put_hands_to_work()
            self._bell.wait(1.0)
            self._bell.clear()
        self._finish()

    def _put_hands_to_work(self) -> None:
        """One more pair, idle or new, as long as there may be more; each goes on claiming until nothing is due."""
        with self._lock:
            if self._stopping.is_set():
                return
            if self._idle:
                self._idle -= 1
                self._call.release()
                return
            if len(self._workers) >= self._threads:
                return
            thread = threading.Thread(target=self._work, name="step", daemon=True)
            self._workers.add(thread)
        thread.start()

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                begin_queued_runs()
                while not self._stopping.is_set() and (claim := claim_step(self.id)) is not None:
                    if claim.is_more_due:
                        self._bell.set()  # another thread looks
                    self._do(claim)
                if not self._is_called_again():
                    return
        except (DatabaseError, psycopg.Error) as reason:
            log.warning("the database went away during a step", reason=str(reason).strip())
        finally:
            connection.close()
            with self._lock:
                self._workers.discard(threading.current_thread())

    def _is_called_again(self) -> bool:
        """Wait a little for more work, with the connection kept; False when none came."""
        with self._lock:
            self._idle += 1
        if self._call.acquire(timeout=LINGER_S):
            return True
        with self._lock:
            if self._idle:
                self._idle -= 1
                return False
        return self._call.acquire()  # called in this very moment

    def _do(self, claim: Claim) -> None:
        orders = Orders()
        with self._lock:
            self._doing[claim.step_id] = (claim, orders)
        try:
            perform(claim, orders)
        finally:
            with self._lock:
                self._doing.pop(claim.step_id, None)

    # ---- the side threads -----------------------------------------------------------------------------------

    def _control(self) -> None:
        """Prolong the leases of what is being done, and pass on what was ordered meanwhile."""
        with self._lock:
            doing = dict(self._doing)
        standing = renew(self.id, list(doing))
        for step_id, (claim, orders) in doing.items():
            now = standing.get(step_id)
            lost = now is None or now.epoch != claim.epoch
            orders.tell(lost=lost, wants_stop=now is not None and now.wants_stop)

    def _listen(self) -> None:
        """Hear the bell. Without it the engine still looks every second."""
        parameters = connection.get_connection_params()
        for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
            parameters.pop(ours, None)
        with psycopg.connect(**parameters, autocommit=True) as bell:
            bell.execute(f"LISTEN {ENGINE_CHANNEL}")
            while not self._stopping.is_set():
                rung = False
                for _ in bell.notifies(timeout=2.0, stop_after=1):
                    rung = True
                    self._bell.set()
                    self._control()  # a person may just have ordered something: hear it now
                if not rung:
                    connection.close()  # nothing for a while

    def _for_ever(self, name: str, pause_s: float, what: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            try:
                what()
            except (DatabaseError, psycopg.Error) as reason:
                log.warning("the database is away", thread=name, reason=str(reason).strip())
                self._stopping.wait(RETRY_S)
            except Exception:
                # A fault of ours or of an adapter's: told, and tried again. A side thread that ended would leave an
                # engine that looks alive and does half its work.
                log.exception("a side thread failed", thread=name)
                self._stopping.wait(RETRY_S)
            finally:
                connection.close()
            self._stopping.wait(pause_s)

    def _until_it_works(self, what: Callable[[], object]) -> None:
        while not self._stopping.is_set():
            try:
                what()
            except (DatabaseError, psycopg.Error) as reason:
                log.warning("waiting for the database", reason=str(reason).strip())
                connection.close()
                self._stopping.wait(RETRY_S)
            else:
                return

    def _finish(self) -> None:
        """Hand everything on, say goodbye."""
        with self._lock:
            doing, workers = list(self._doing.values()), list(self._workers)
            self._call.release(self._idle or 1)
        for _, orders in doing:
            orders.tell(engine_stops=True)
        ends = time.monotonic() + STOP_GRACE_S
        for thread in workers:
            thread.join(max(0.0, ends - time.monotonic()))
        connection.close()  # this thread's own may be long dead: it has slept since the start
        try:
            goodbye(self.id)
        except (DatabaseError, psycopg.Error) as reason:
            log.warning("no goodbye: the database is away", reason=str(reason).strip())
        connection.close()


def run_until_signalled() -> None:
    """An engine that SIGTERM and SIGINT stop. Raises: SharedSessions."""
    engine = Engine()
    signal.signal(signal.SIGTERM, engine.stop)
    signal.signal(signal.SIGINT, engine.stop)
    engine.run()
