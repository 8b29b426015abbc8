"""The order of hosts: zone, cluster, host name, numbers in names counted as numbers (kvm2 before kvm10)."""

import re

_DIGITS = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key under which kvm2 comes before kvm10, whatever the script of the digits."""
    return tuple(
        (0, int(part)) if part.isascii() and part.isdigit() else (1, part.casefold())
        for part in _DIGITS.split(name)
        if part
    )
