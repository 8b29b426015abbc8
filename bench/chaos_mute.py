"""Sockets that never read, on web processes that are killed now and then: how soon does a web process close them?

Somebody who reads nothing does not see an end either: the kernel's table of connections tells it (Linux).
"""

import base64
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOCKETS = 6
CLOSED_WITHIN_S = 30.0
LOOK_EVERY_S = 0.25
RECEIVE_BYTES = 4096
ESTABLISHED = "01"
PATHS = ("/ws/events/?after=0", "/ws/live/?topic=overview")

type WebOf = Callable[[int], int | None]  # the web process that lives on a port, by its number


class Mute:
    """Keeps some sockets open that never read; each that was closed is opened anew until `stop`."""

    def __init__(self, token: str, ports: list[int], web_of: WebOf) -> None:
        self.opened = 0
        self.lost = 0  # with their web process
        self.closed_after_s: list[float] = []  # while their web process lived
        self._token, self._ports, self._web_of = token, ports, web_of
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._again_and_again, args=(number,), daemon=True)
            for number in range(SOCKETS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def open_no_more(self) -> None:
        self._is_over.set()

    def stop(self) -> None:
        """No new ones; those that are open are waited for, as long as they may take."""
        self.open_no_more()
        for thread in self._threads:
            thread.join(2 * CLOSED_WITHIN_S)

    def told(self) -> dict[str, Any]:
        return {
            "opened": self.opened,
            "lost_with_their_web_process": self.lost,
            "closed": len(self.closed_after_s),
            "closed_after_s_max": round(max(self.closed_after_s, default=0.0), 1),
        }

    def broken(self) -> list[str]:
        late = [after_s for after_s in self.closed_after_s if after_s > CLOSED_WITHIN_S]
        return [f"a socket that never reads was open for {after_s:.1f} s" for after_s in late]

    def _again_and_again(self, number: int) -> None:
        while not self._is_over.wait(LOOK_EVERY_S):
            port = self._ports[number % len(self._ports)]
            web = self._web_of(port)
            if web is None:
                continue
            try:
                with socket.socket() as ours:
                    if self._open(ours, port, PATHS[number // len(self._ports) % len(PATHS)]):
                        self._wait_for_end(ours, port, web)
            except OSError:
                continue  # its web process is not up yet, or died in this moment

    def _open(self, ours: socket.socket, port: int, path: str) -> bool:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        ours.settimeout(10)
        ours.connect(("127.0.0.1", port))
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            f"Authorization: Token {self._token}",
        ]
        ours.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = ours.recv(12)
        self.opened += answer == b"HTTP/1.1 101"
        return answer == b"HTTP/1.1 101"

    def _wait_for_end(self, ours: socket.socket, port: int, web: int) -> None:
        begun, our_port = time.monotonic(), ours.getsockname()[1]
        while is_open(port, our_port):
            if self._web_of(port) != web:
                break
            if time.monotonic() - begun > 2 * CLOSED_WITHIN_S:
                break  # counted as what it is: much too late
            time.sleep(LOOK_EVERY_S)
        if self._web_of(port) == web:
            self.closed_after_s.append(time.monotonic() - begun)
        else:
            self.lost += 1


def is_open(port: int, peer: int) -> bool:
    """Whether a server's end on `port` of a connection from `peer` is still open, by the kernel's table."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_ = line.split()
        if int(local.rpartition(":")[2], 16) == port and int(remote.rpartition(":")[2], 16) == peer:
            return state == ESTABLISHED
    return False
