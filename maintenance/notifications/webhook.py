"""One signed POST to an address that an administrator chose, and no way to make it anything else.

The address is http or https, without a password, and no redirect is followed. Where its name leads is looked up once,
checked, and then connected to: link-local addresses, clouds' metadata services, multicast and unspecified ones are
refused; private ones are not, for a private cloud's receivers are there. All of it together ends within DEADLINE_S,
and of the answer only the status is read.
"""

import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpcore
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

DEADLINE_S = 10.0
URL_MAX = 2000
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Link-local ones are refused anyway.
METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "fd00:ec2::254")))
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class BadAddress(ValueError):
    """This address is not called; the message says why."""


class NotDelivered(Exception):
    """The receiver did not take it; the message says what happened."""


def check_address(url: str) -> None:
    """Raises: BadAddress when it is no address that a webhook may have."""
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
        raise BadAddress("it holds a user or a password; use the signing secret instead")
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


def check_secret(secret: str) -> None:
    """Raises: ValueError when nothing can be signed with it."""
    try:
        Webhook(secret)
    except (EmptyWebhookSecretError, ValueError) as reason:
        raise ValueError("it is not base64; take a secret such as whsec_…") from reason


def post(url: str, body: Mapping[str, Any], *, secret: str, message_id: str) -> int:
    """Sends it, signed where there is a secret. Returns: the status, a good one. Raises: NotDelivered."""
    content = json.dumps(body, sort_keys=True)
    headers = {"content-type": "application/json", "webhook-id": message_id, "user-agent": "Pitstop"}
    try:
        check_address(url)
        if secret:
            check_secret(secret)
            at = datetime.now(UTC)
            headers["webhook-timestamp"] = str(int(at.timestamp()))
            headers["webhook-signature"] = Webhook(secret).sign(message_id, at, content)
    except BadAddress as reason:
        raise NotDelivered(f"the address is not called: {reason}") from reason
    except ValueError as reason:
        raise NotDelivered(f"the signing secret cannot be used: {reason}") from reason
    status = _status(url, headers, content.encode())
    if not 200 <= status < 300:
        moved = " (a redirect is not followed)" if 300 <= status < 400 else ""
        raise NotDelivered(f"answered {status}{moved}")
    return status


def _status(url: str, headers: Mapping[str, str], content: bytes) -> int:
    """Raises: NotDelivered."""
    deadline = time.monotonic() + DEADLINE_S
    sent_headers = [*headers.items(), ("content-length", str(len(content)))]
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=_Guarded(deadline), retries=0
            ) as pool,
            pool.stream("POST", url, headers=sent_headers, content=content) as answer,
        ):
            return answer.status
    except BadAddress as reason:
        raise NotDelivered(f"the address is not called: {reason}") from reason
    except (httpcore.TimeoutException, TimeoutError):
        raise NotDelivered(f"{urlsplit(url).netloc}: no answer within {DEADLINE_S:.0f} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError, UnicodeError) as reason:
        where = urlsplit(url).netloc
        raise NotDelivered(f"{where}: {_ERRNO.sub('', str(reason)) or type(reason).__name__}") from reason


@dataclass(frozen=True, slots=True)
class _Deadline:
    """What is left of the time for everything together."""

    at: float

    def left(self) -> float:
        left_s = self.at - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left_s


class _Guarded(httpcore.NetworkBackend):
    """Connects to the addresses it has looked at, never to a name that may lead elsewhere a moment later."""

    def __init__(self, deadline: float) -> None:
        self._deadline = _Deadline(deadline)
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
            refuse_place(address.partition("%")[0])
        failure: httpcore.NetworkError | None = None
        for address in found:
            try:
                stream = self._inner.connect_tcp(
                    address, port, self._deadline.left(), local_address, socket_options
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

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Bounded(
            self._inner.start_tls(ssl_context, server_hostname, self._deadline.left()), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
