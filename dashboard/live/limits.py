"""How much one socket, one person and one address may take of a web process, so that nobody takes it from others.

A socket's frames: `FRAMES_AT_ONCE`, and whatever it sends, pings and fragments too: `BYTES_AT_ONCE` (protocol.py).
How many sockets a person may hold, each kind of socket says itself. How quickly new ones may come, and how many one
address may hold: here. An address is a proxy's where it does not say whom it speaks for, hence the large numbers.
"""

import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

FRAMES_AT_ONCE, FRAMES_PER_S = 20, 1.0  # a page asks for a snapshot every 2 s at most
BYTES_AT_ONCE, BYTES_PER_S = 128_000, 1_000.0  # one frame too large is still answered with 1009
PER_ADDRESS_MAX = 3_000  # open sockets in one process, which holds 4,000: others still get in
FROM_ADDRESS_AT_ONCE, FROM_ADDRESS_PER_S = 6_000, 100.0
OF_PERSON_AT_ONCE, OF_PERSON_PER_S = 1_000, 20.0
NAMES_MAX = 10_000  # whose allowances are remembered


class Allowance:
    """So many at once, and so many a second on and on."""

    __slots__ = ("_at", "_at_once", "_left", "_per_s")

    def __init__(self, at_once: float, per_s: float) -> None:
        self._at_once, self._per_s = at_once, per_s
        self._left, self._at = at_once, time.monotonic()

    def takes(self, amount: float = 1) -> bool:
        """Whether so much more is allowed now; what is refused costs nothing."""
        now = time.monotonic()
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_s)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True

    def is_untouched(self) -> bool:
        """Whether it has come back to all that may be taken at once."""
        return self._left + (time.monotonic() - self._at) * self._per_s >= self._at_once


class Comers[Name: Hashable]:
    """How quickly each of many may come."""

    def __init__(self, at_once: float, per_s: float) -> None:
        self._at_once, self._per_s = at_once, per_s
        self._allowances: dict[Name, Allowance] = {}

    def may_come(self, name: Name) -> bool:
        if name not in self._allowances and len(self._allowances) >= NAMES_MAX:
            self._allowances = {n: a for n, a in self._allowances.items() if not a.is_untouched()}
        allowance = self._allowances.setdefault(name, Allowance(self._at_once, self._per_s))
        return allowance.takes()


_from_addresses: Comers[str] = Comers(FROM_ADDRESS_AT_ONCE, FROM_ADDRESS_PER_S)
_people: Comers[str] = Comers(OF_PERSON_AT_ONCE, OF_PERSON_PER_S)
_open: Counter[str] = Counter()


@contextmanager
def one_more_from(address: str) -> Iterator[bool]:
    """Whether one more socket of this address is allowed; it counts as long as we are within."""
    whose = _network(address)
    if _open[whose] >= PER_ADDRESS_MAX or not _from_addresses.may_come(whose):
        yield False
        return
    _open[whose] += 1
    try:
        yield True
    finally:
        _open[whose] -= 1
        if not _open[whose]:
            del _open[whose]


def person_may_come(owner: str) -> bool:
    """Whether one more socket of this person, or wall, may be opened just now."""
    return _people.may_come(owner)


def _network(address: str) -> str:
    """An IPv6 customer has a whole network of addresses: they count as one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address  # of a socket file, or of a proxy that names something else
    if found.version == 4 or found.ipv4_mapped is not None:
        return address
    return str(ip_network((address, 64), strict=False))
