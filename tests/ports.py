"""A port for a server that a test starts, and may start again there."""

import random
import socket

# Below those from which the kernel gives: no connection of another test takes it while its server is not there.
MAY_BE = range(20_000, 30_000)
TRIES = 50


def free_port() -> int:
    """One that nobody listens at now."""
    for port in random.sample(MAY_BE, TRIES):
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"none of {TRIES} ports is free")
