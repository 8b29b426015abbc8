"""Where the web process listens and how it is reached."""

import http.client
import os
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tooling.launch_error import LaunchError

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


@dataclass(frozen=True)
class Address:
    """`host` and `port` to listen at; `url` is what people type."""

    host: str
    port: int
    url: str

    @classmethod
    def from_environment(cls) -> "Address":
        """PITSTOP_HOST, PORT and PITSTOP_BASE_URL. Raises: LaunchError for a port that is none."""
        host = os.environ.get("PITSTOP_HOST") or "127.0.0.1"
        text = os.environ.get("PORT") or "8000"
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise LaunchError(f"PORT is {text!r}; give a number from 1 to 65535")
        shown = f"[{host}]" if ":" in host else host
        url = os.environ.get("PITSTOP_BASE_URL") or f"http://{shown}:{text}"
        return cls(host, int(text), f"{url.rstrip('/')}/")

    def ensure_free(self, *, patience_s: float) -> None:
        """Nobody listens there. `patience_s`: how long a web process that is just dying may take.

        Raises: LaunchError naming host and port.
        """
        end = time.monotonic() + patience_s
        while True:
            try:
                family, kind, protocol, _, where = socket.getaddrinfo(
                    self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
                )[0]
                with socket.socket(family, kind, protocol) as trial:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    trial.bind(where)
                    trial.listen(1)
                return
            except OSError as reason:
                if time.monotonic() >= end:
                    raise LaunchError(
                        f"cannot listen at {self.host} port {self.port}: {reason.strerror}; "
                        "stop what is there or choose another with PORT=…"
                    ) from reason
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Whether GET /readyz answers 200."""
        connection = http.client.HTTPConnection(WILDCARDS.get(self.host, self.host), self.port, timeout=3)
        try:
            connection.request("GET", "/readyz", headers={"Host": urlsplit(self.url).netloc})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
