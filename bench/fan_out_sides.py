"""The two servers of the fan-out: ours as a whole, and `websockets` alone. Both are loaded in the same words."""

import asyncio
import gc
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from bench.fan_out_ear import NUMBER, Ear, Measured, measured
from bench.fan_out_writer import make_hosts
from bench.sockets import Socket, log_in, open_sockets
from bench.stack import ROOT, Stack, wait_for

PEOPLE = 10  # one person may hold 200 pages
DRAINED_WITHIN_S = 10.0
LATE_MAX = 1.02  # of the time that the changes should take
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Side:
    """One server under load. `pid` is its process; nothing but its sockets is asked of it."""

    def __init__(self, port: int, pid: int, cookies: Sequence[str], player: subprocess.Popen[bytes]) -> None:
        self.port, self.pid, self.cookies, self.player = port, pid, cookies, player
        self.ear = Ear()
        self.sockets: list[Socket] = []
        self._next = 1

    def path(self) -> str:
        return "/"

    def more(self) -> dict[str, Any]:
        """What the player is told beside the rate."""
        return {}

    async def open(self, count: int) -> None:
        """So many sockets are open and have nothing left to hear but what changes."""
        path = await asyncio.to_thread(self.path)
        self.sockets = await open_sockets(self.port, path, self.cookies, count, self.ear.hear)
        await self.settle()

    async def settle(self) -> None:
        return

    async def load(self, rate: float, seconds: float, *, hearing: Sequence[Socket] | None = None) -> Measured:
        """So many changes a second for so long, and until `hearing` (everybody) has heard the last of them."""
        hearing = self.sockets if hearing is None else hearing
        self.ear.forget()
        gc.collect()
        gc.disable()  # of our own: it would be measured
        first, self._next = self._next, self._next + round(rate * seconds)
        asked = {"first": first, "rate": rate, "seconds": seconds, **self.more()}
        before, began = cpu_used_s(self.pid), time.monotonic()
        times = await asyncio.to_thread(self._play, asked)
        sent = dict(enumerate(times, first))
        await self._drained(sent, len(hearing))
        took_s, after = time.monotonic() - began, cpu_used_s(self.pid)
        gc.enable()
        return measured(
            self.ear,
            sent,
            sockets=len(hearing),
            seconds=took_s,
            cpu_s=after[0] - before[0],
            loop_cpu_s=after[1] - before[1],
            is_on_time=times[-1] - times[0] <= LATE_MAX * seconds,
        )

    def _play(self, asked: dict[str, Any]) -> list[float]:
        assert self.player.stdin is not None
        assert self.player.stdout is not None
        self.player.stdin.write(json.dumps(asked).encode() + b"\n")
        self.player.stdin.flush()
        answer: list[float] = json.loads(self.player.stdout.readline())
        return answer

    async def _drained(self, sent: dict[int, float], sockets: int) -> None:
        """Everything has come, or no more comes within the time."""
        ends = time.monotonic() + DRAINED_WITHIN_S
        while time.monotonic() < ends:
            found = self.ear.deliveries()
            if all(found[number] >= sockets for number in sent):
                return
            await asyncio.sleep(0.02)


class Ours(Side):
    """The web process, with everything it does: hears the bell, reads the events, draws each row that changed once, and
    sends it to every page of the list of hosts."""

    def __init__(self, stack: Stack) -> None:
        port = free_port()
        make_hosts()
        cookies = log_in(PEOPLE)
        web = stack.start_web(port)
        wait_for(lambda: answers(port), 30)
        writer = start_player(stack, "bench.fan_out_writer")
        super().__init__(port, web.pid, cookies, writer)

    def path(self) -> str:
        from django.db import connection
        from django.db.models import Max

        from maintenance.models import FeedEvent

        head = FeedEvent.objects.aggregate(head=Max("seq"))["head"] or 0
        connection.close()
        return f"/ws/live/?topic=hosts&after={head}"

    async def settle(self) -> None:
        """Everybody has been told that its page is current."""
        async with asyncio.timeout(60):
            while any(opened.place < 0 for opened in self.sockets if opened.is_counted):
                await asyncio.sleep(0.05)


class Bare(Side):
    """`websockets.broadcast` of a frame as ours sent it, with another number in it each time."""

    def __init__(self, stack: Stack, frame: bytes) -> None:
        port = free_port()
        server = start_player(stack, "bench.fan_out_bare", str(port))
        assert server.stdout is not None
        server.stdout.readline()  # it listens
        super().__init__(port, server.pid, [""], server)
        parts = json.dumps(json.loads(frame)["parts"], ensure_ascii=False, separators=(",", ":"))
        self._parts = NUMBER.sub(lambda found: found[0][:-7] + "{}", parts)

    def more(self) -> dict[str, Any]:
        return {"prev": max(opened.place for opened in self.sockets), "parts": self._parts}

    async def settle(self) -> None:
        for opened in self.sockets:
            opened.place = 0


def cpu_used_s(pid: int) -> tuple[float, float]:
    """Processor time so far, also the kernel's for it: of a process, and of its first thread (the event loop)."""

    def used_s(stat: Path) -> float:
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_S

    return used_s(Path(f"/proc/{pid}/stat")), used_s(Path(f"/proc/{pid}/task/{pid}/stat"))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def start_player(stack: Stack, module: str, *words: str) -> subprocess.Popen[bytes]:
    """A program that is told what to do line by line."""
    player = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=stack.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stack.processes.append(player)
    return player
