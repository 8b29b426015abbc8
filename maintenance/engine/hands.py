"""What a step has in hand while it is done: its claim, its cloud, and the orders that reach it from outside."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, OuterRef, Subquery

from maintenance.backends.base import Cloud, HostRead, Later, NoReply
from maintenance.backends.registry import cloud_of_kind
from maintenance.clock import database_now
from maintenance.engine.advance import about_target
from maintenance.engine.claim import Claim, LostLease, check_claim, fenced
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Host, Run, Step, Target
from maintenance.observed import differs, note_observation

FAULT_MAX = 500  # characters of a fault's own words


class EngineStops(Exception):
    """This engine was told to stop; the step is handed on."""


class Orders:
    """What reaches a step while it is done: stop the stage, the lease is lost, the engine goes down.

    Written by the control thread, read by the step's thread, which waits in `pause` and so hears of it at once.
    """

    def __init__(self) -> None:
        self._something = threading.Event()
        self.wants_stop = False
        self.lost = False
        self.engine_stops = False

    def tell(self, *, wants_stop: bool = False, lost: bool = False, engine_stops: bool = False) -> None:
        """Pass an order on; orders are never taken back."""
        is_news = (wants_stop > self.wants_stop) or (lost > self.lost) or (engine_stops > self.engine_stops)
        self.wants_stop |= wants_stop
        self.lost |= lost
        self.engine_stops |= engine_stops
        if is_news:
            self._something.set()

    def pause(self, seconds: float) -> None:
        """Wait, or less when an order comes. Raises: LostLease, EngineStops."""
        if self._something.wait(seconds):
            self._something.clear()
        self.check()

    def check(self) -> None:
        """Raises: LostLease, EngineStops."""
        if self.lost:
            raise LostLease("somebody else has taken this step over")
        if self.engine_stops:
            raise EngineStops


@dataclass
class Hands:
    """One step being done."""

    claim: Claim
    run: Run
    target: Target
    step: Step
    cloud: Cloud
    orders: Orders = field(default_factory=Orders)
    stuck_since: datetime | None = (
        None  # a server that prepares: since when something holds it that needs a person
    )
    output_position: int | None = None  # the next byte of output to read; None: not looked up yet
    hooks: dict[str, dict[str, object]] | None = None  # the host's scripts by stage, as last seen

    @classmethod
    def take(cls, claim: Claim, orders: Orders) -> "Hands":
        """Everything a claimed step needs, read afresh."""
        hooks = Host.objects.filter(id=OuterRef("target__host_id")).values("hooks")
        steps = Step.objects.select_related("run__cloud", "target").annotate(host_hooks=Subquery(hooks))
        step = steps.get(id=claim.step_id)
        cloud = cloud_of_kind(step.run.cloud.kind, step.run.cloud_id)
        return cls(claim, step.run, step.target, step, cloud, orders, hooks=step.host_hooks)

    @property
    def host_id(self) -> UUID:
        return self.target.host_key

    @property
    def system_vm_id(self) -> UUID:
        return self.target.system_vm_key

    @property
    def server_id(self) -> UUID:
        return self.target.server_key

    @property
    def about(self) -> dict[str, str]:
        """What events of this step name."""
        return about_target(self.target) | {"step": str(self.step.id), "stage": self.step.stage}

    def deadline(self, seconds: float) -> datetime:
        """The step's deadline on the database's clock: set once, the same for whoever takes the step over."""
        if self.step.deadline_at is None:
            self.step.deadline_at = database_now() + timedelta(seconds=seconds)
            fenced(self.claim, deadline_at=self.step.deadline_at)
        return self.step.deadline_at

    def note(self, words: str) -> None:
        """Say on the step what it waits for. Nothing is written when it says so already."""
        if self.step.note != words:
            self.step.note = words
            self._tell("step.moved", {"note": words}, note=words)

    def met_fault(self, fault: Exception) -> None:
        """Say on the step that we failed. It counts as an engine that died: what fails for ever is given up."""
        words = f"Pitstop met a fault of its own, and tries again: {type(fault).__name__}: {fault}"[
            :FAULT_MAX
        ]
        self._tell("step.moved", {"note": words}, note=words, takeovers=F("takeovers") + 1)

    def moved(self, movement: dict[str, object]) -> None:
        """Show movement inside a long stage. Nothing is written when nothing moved."""
        if self.step.movement != movement:
            self.step.movement = movement
            self._tell("step.moved", movement, movement=movement)

    def host_now(self) -> HostRead | None:
        """The host as it is now; the inventory follows. None while it cannot be read: the step says so.

        Raises: Never, LostLease.
        """
        try:
            read = self.cloud.look_at_host(self.host_id)
        except (Later, NoReply) as reason:
            self.note(f"the cloud cannot be read: {reason}")
            return None
        host = Host.objects.filter(id=self.host_id).first()
        if host is not None and differs(host, read):
            with unit_of_work(ENGINE) as work:
                check_claim(self.claim)
                note_observation(work, read)
        return read

    def _tell(self, kind: str, after: dict[str, object], **changes: object) -> None:
        with unit_of_work(ENGINE) as work:
            fenced(self.claim, **changes)
            work.event(kind, self.about, after=after)

    def rest(self, seconds: float) -> None:
        """Wait without keeping a database connection. Raises: LostLease, EngineStops."""
        connection.close()
        self.orders.pause(seconds)
