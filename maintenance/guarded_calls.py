"""Calls to addresses that people gave: where a name leads is looked up once, checked, and then connected to.

Link-local addresses, clouds' metadata services, multicast and unspecified ones are refused; private ones are not, for
what a private cloud needs is there. No wait of a connection goes beyond its deadline.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

URL_MAX = 2000
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Link-local ones are refused anyway.
METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))


class BadAddress(ValueError):
    """This address is not called; the message says why."""


def check_address(url: str) -> None:
    """Raises: BadAddress when it is no address that may be called."""
    if len(url) > URL_MAX or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise BadAddress("it holds a space or a control character, or is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as reason:
        raise BadAddress(f"it is no address: {reason}") from reason
    if parts.scheme not in {"http", "https"}:
        raise BadAddress("it must begin with https:// or http://")
    if not parts.hostname or port == 0:
        raise BadAddress("it names no host")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("it holds a user or a password, which do not belong into an address")
    if parts.fragment:
        raise BadAddress("it holds a #fragment, which is never sent")
    try:
        refuse_place(parts.hostname)
    except ValueError as reason:
        if isinstance(reason, BadAddress):
            raise
        return  # a name: looked at when it is called


def refuse_place(address: str) -> None:
    """Raises: BadAddress for a place that is no receiver's; ValueError for what is no IP address."""
    place = ipaddress.ip_address(address)
    # IPv6 can carry an IPv4 address in three ways; what is meant is the inner one.
    inner = _inner(place) if isinstance(place, ipaddress.IPv6Address) else None
    place = inner or place
    if place.is_loopback:
        return  # a relay on the engine's own machine
    if place in METADATA:
        raise BadAddress(f"{place} is a cloud's metadata service")
    if place.is_link_local or place.is_multicast or place.is_unspecified or place.is_reserved:
        raise BadAddress(f"{place} is no receiver's address")


def _inner(place: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if place in NAT64:
        return ipaddress.IPv4Address(int(place) & 0xFFFF_FFFF)
    return place.ipv4_mapped or place.sixtofour


@dataclass(frozen=True, slots=True)
class Deadline:
    """What is left of the time for everything together."""

    at: float

    def left(self, most_s: float | None = None) -> float:
        """Raises: httpcore.ReadTimeout when it is over."""
        left_s = self.at - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left_s if most_s is None else min(left_s, most_s)


class Guarded(httpcore.NetworkBackend):
    """Connects to the addresses it has looked at, never to a name that may lead elsewhere a moment later."""

    def __init__(self, deadline: float, refuse: Callable[[str], None] = refuse_place) -> None:
        self._deadline = Deadline(deadline)
        self._refuse = refuse
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        found = dict.fromkeys(
            str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        for address in found:
            self._refuse(address.partition("%")[0])
        failure: httpcore.NetworkError | None = None
        for address in found:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._deadline.left(timeout), local_address, socket_options
                )
            except httpcore.NetworkError as reason:
                failure = reason
            else:
                return _Bounded(stream, self._deadline)
        raise failure or httpcore.ConnectError(f"{host} leads nowhere")

    def sleep(self, seconds: float) -> None:
        """Between retries, of which there are none."""


class _Bounded(httpcore.NetworkStream):
    """A stream none of whose waits goes beyond the deadline: a receiver that drips bytes holds nobody up."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Bounded(
            self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout)), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
