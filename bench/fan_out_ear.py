"""What many sockets hear, and whether each of them has heard every change once and in order."""

import json
import re
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field

from bench.sockets import Socket
from bench.stack import percentile

NUMBER = re.compile(r"6\.1\.0-bench-(\d{7})")  # fan_out_writer.MARK


@dataclass(slots=True)
class Told:
    """One text, the same bytes for everybody who got it. `prev`: None when it is no delta."""

    prev: int | None
    seq: int | None
    numbers: list[int]  # of the changes that it shows
    size: int
    times: array[float] = field(default_factory=lambda: array("d"))

    @classmethod
    def of(cls, text: bytes) -> "Told":
        frame = json.loads(text)
        is_delta = frame["type"] == "delta"
        seq = frame["seq"] if frame["type"] != "heartbeat" else None
        numbers = sorted({int(found) for found in NUMBER.findall(text.decode())})
        return cls(frame["prev"] if is_delta else None, seq, numbers, len(text))


class Ear:
    """Hears for all sockets; cheap, because a text that many get is read once."""

    def __init__(self) -> None:
        self.told: dict[bytes, Told] = {}
        self.gaps = 0  # a delta that does not begin where the socket was

    def forget(self) -> None:
        self.told.clear()
        self.gaps = 0

    def hear(self, socket: Socket, text: bytes) -> None:
        if not socket.is_counted:
            return
        told = self.told.get(text)
        if told is None:
            told = self.told[text] = Told.of(text)
        if told.prev is None:
            if told.seq is not None:
                socket.place = told.seq
            return
        told.times.append(time.monotonic())
        self.gaps += socket.place != told.prev
        socket.place = told.seq or 0

    def deliveries(self) -> Counter[int]:
        """How many sockets have heard each change."""
        found: Counter[int] = Counter()
        for told in self.told.values():
            for number in told.numbers:
                found[number] += len(told.times)
        return found

    def latencies_ms(self, sent: dict[int, float]) -> list[float]:
        """From the change to each socket that heard of it."""
        return [
            (at - sent[number]) * 1000
            for told in self.told.values()
            for number in told.numbers
            if number in sent
            for at in told.times
        ]

    def frame_of_one(self) -> bytes:
        """A delta that shows one change and nothing else, of middling size."""
        alone = sorted((told.size, text) for text, told in self.told.items() if len(told.numbers) == 1)
        return alone[len(alone) // 2][1]


@dataclass(frozen=True, slots=True)
class Measured:
    """One load on one server."""

    changes: int
    sockets: int
    seconds: float
    deliveries: int
    has_all: bool  # each socket has heard each change exactly once, in order
    is_on_time: bool  # the changes were made as fast as they were asked for
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: float
    loop_cpu_s: float  # of that, in the thread of the event loop: everything but the drawing
    frames: int
    frame_bytes: float

    @property
    def per_second(self) -> float:
        return self.deliveries / self.seconds

    @property
    def cpu_us_per_delivery(self) -> float:
        return self.cpu_s / max(1, self.deliveries) * 1e6

    def report(self) -> dict[str, object]:
        return {
            "changes": self.changes,
            "deliveries": self.deliveries,
            "all_delivered_once_and_in_order": self.has_all,
            "deliveries_per_s": round(self.per_second),
            "p50_ms": round(self.p50_ms, 2),
            "p99_ms": round(self.p99_ms, 2),
            "max_ms": round(self.max_ms, 2),
            "server_cpu_us_per_delivery": round(self.cpu_us_per_delivery, 2),
            "of_that_in_the_event_loop_us": round(self.loop_cpu_s / max(1, self.deliveries) * 1e6, 2),
            "server_cpu_share_of_a_core": round(self.cpu_s / self.seconds, 3),
            "frames_per_socket": self.frames,
            "frame_bytes": round(self.frame_bytes),
        }


def measured(
    ear: Ear,
    sent: dict[int, float],
    *,
    sockets: int,
    seconds: float,
    cpu_s: float,
    loop_cpu_s: float,
    is_on_time: bool,
) -> Measured:
    found = ear.deliveries()
    took = ear.latencies_ms(sent) or [float("inf")]
    showing = [told for told in ear.told.values() if told.numbers]
    return Measured(
        changes=len(sent),
        sockets=sockets,
        seconds=seconds,
        deliveries=sum(found[number] for number in sent),
        has_all=not ear.gaps and all(found[number] == sockets for number in sent),
        is_on_time=is_on_time,
        p50_ms=percentile(took, 0.5),
        p99_ms=percentile(took, 0.99),
        max_ms=max(took),
        cpu_s=cpu_s,
        loop_cpu_s=loop_cpu_s,
        frames=len(showing),
        frame_bytes=sum(told.size for told in showing) / max(1, len(showing)),
    )
