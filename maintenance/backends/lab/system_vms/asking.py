"""Asking a VM on its ports, as somebody outside would."""

import socket
from contextlib import suppress
from pathlib import Path

from maintenance.backends.lab.system_vms.folder import VmFolder

TIMEOUT_S = 1.0
KERNEL = "kernel"  # of the VM: public IPs, port forwarding, firewall, and the way out
HEAD_ENDS = b"\r\n\r\n"


def ask_service(vm: VmFolder, service: str) -> str | None:
    """The version it answers; None when it does not answer."""
    answer = ask(vm, service, "/")
    if answer is None:
        return None
    name, _, version = answer.partition(" ")
    return version if name == service and version else None


def ask(vm: VmFolder, name: str, path: str, *, timeout_s: float = TIMEOUT_S) -> str | None:
    """What `name` answers about the path on its port; None when it says no, or nothing."""
    port = port_of(vm.run, name)
    if port is None:
        return None
    reply = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.settimeout(timeout_s)
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        while chunk := connection.recv(4096):
            reply += chunk
    head, _, body = reply.partition(HEAD_ENDS)
    return body.decode(errors="replace").strip() if b" 200 " in head else None


def port_of(run: Path, name: str) -> int | None:
    """On which loopback port it listens, or did last."""
    try:
        return int((run / f"{name}.port").read_text())
    except (FileNotFoundError, ValueError):
        return None
