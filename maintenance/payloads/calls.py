"""One GET of a payload's file or metalink: https, addresses looked at, a few redirects, bounded in time and size."""

import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import httpcore

from maintenance.guarded_calls import BadAddress, Guarded, check_address, refuse_place
from maintenance.payloads.refused import Refused

REDIRECTS_MAX = 3
CONNECT_S, SILENT_S = 5.0, 15.0  # a mirror that does not answer, or stops in the middle
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


class NotFetched(Refused):
    """It could not be had there; the next source may have it. `where`: the host that was asked."""

    field = "source"


class Interrupted(NotFetched):
    """The connection ended before the file did: what came stays, and it may go on from there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body is read from `stream`."""

    status: int
    headers: dict[str, str]  # names in small letters
    chunks: Iterator[bytes]


def check_source(url: str, *, allows_plain_loopback: bool) -> None:
    """Raises: NotFetched when the address is none that payloads are fetched from."""
    try:
        check_address(url)
    except BadAddress as reason:
        raise NotFetched(f"{_shown(url)} is not called: {reason}") from reason
    if urlsplit(url).scheme != "https" and not allows_plain_loopback:
        raise NotFetched(f"{_shown(url)} is not called: give an https:// address")


@contextmanager
def get(
    url: str,
    *,
    within_s: float,
    allows_plain_loopback: bool = False,
    headers: dict[str, str] | None = None,
    redirects: int = REDIRECTS_MAX,
) -> Iterator[Answer]:
    """The answer to a GET, redirects followed. Raises: NotFetched, and Interrupted while its chunks are read."""
    check_source(url, allows_plain_loopback=allows_plain_loopback)
    deadline = time.monotonic() + within_s
    timeouts = {"connect": CONNECT_S, "read": SILENT_S, "write": SILENT_S}
    sent = [("user-agent", "Pitstop"), ("accept-encoding", "identity"), *(headers or {}).items()]
    refuse = refuse_place if urlsplit(url).scheme == "https" else _refuse_unless_loopback
    with (
        _said_as_not_fetched(url),
        httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=Guarded(deadline, refuse), retries=0
        ) as pool,
        pool.stream("GET", url, headers=sent, extensions={"timeout": timeouts}) as found,
    ):
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in found.headers}
        if found.status not in {301, 302, 303, 307, 308}:
            yield Answer(found.status, said, _chunks(url, found))
            return
    if redirects == 0 or "location" not in said:
        raise NotFetched(f"{_shown(url)} leads elsewhere too often")
    with get(
        _next(url, said["location"]),
        within_s=max(0.1, deadline - time.monotonic()),
        allows_plain_loopback=allows_plain_loopback and urlsplit(url).scheme == "http",
        headers=headers,
        redirects=redirects - 1,
    ) as answer:
        yield answer


def get_small(url: str, *, bytes_max: int, within_s: float, allows_plain_loopback: bool) -> bytes:
    """A small file, whole. Raises: NotFetched."""
    with get(url, within_s=within_s, allows_plain_loopback=allows_plain_loopback) as answer:
        if answer.status != 200:
            raise NotFetched(f"{_shown(url)} answered {answer.status}")
        content = b""
        for chunk in answer.chunks:
            content += chunk
            if len(content) > bytes_max:
                raise NotFetched(f"{_shown(url)} sends more than {bytes_max:,} bytes")
        return content


def _chunks(url: str, found: httpcore.Response) -> Iterator[bytes]:
    try:
        yield from found.iter_stream()
    except (httpcore.TimeoutException, TimeoutError):
        raise Interrupted(f"{_shown(url)} stopped in the middle") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as reason:
        raise Interrupted(f"{_shown(url)} broke off: {_plain(reason)}") from reason


@contextmanager
def _said_as_not_fetched(url: str) -> Iterator[None]:
    try:
        yield
    except BadAddress as reason:
        raise NotFetched(f"{_shown(url)} is not called: {reason}") from reason
    except (httpcore.TimeoutException, TimeoutError):
        raise NotFetched(f"{_shown(url)} does not answer") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as reason:
        raise NotFetched(f"{_shown(url)}: {_plain(reason)}") from reason
    except UnicodeError as reason:
        raise NotFetched(f"{_shown(url)} is no address: {_plain(reason)}") from reason


def _next(url: str, location: str) -> str:
    """Raises: NotFetched."""
    try:
        return urljoin(url, location)
    except ValueError as reason:
        raise NotFetched(f"{_shown(url)} leads to what is no address: {reason}") from reason


def _refuse_unless_loopback(address: str) -> None:
    """Without TLS only this machine is asked, whatever its name says."""
    if not ip_address(address).is_loopback:
        raise BadAddress("it is plain http to another machine; give an https:// address")


def _plain(reason: Exception) -> str:
    return _ERRNO.sub("", str(reason)) or type(reason).__name__


def _shown(url: str) -> str:
    """Without its query, which is often a key."""
    try:
        parts = urlsplit(url if url.isprintable() else "")
    except ValueError:
        return "the address"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:200] if host else "the address"
