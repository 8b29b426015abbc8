"""Names on a wall: where one is too long, its middle gives way. Its end is what tells it from the others."""

import unicodedata
from dataclasses import dataclass

END = 6  # letters that are always shown
# What may stand beside a cut: anything else may belong to the letter before it.
_PLAIN = frozenset("LNPZ")


@dataclass(frozen=True, slots=True)
class Named:
    """`head` is cut short by the screen where there is no room for all of it, `tail` is not."""

    head: str
    tail: str = ""


def split(name: str) -> Named:
    """kvm5 → kvm5, whole; ref-trl-711-k-M7-apanic-kvm5 → its last letters apart. Never within a letter."""
    if len(name) <= END:
        return Named(name)
    for cut in range(len(name) - END, len(name)):
        if all(unicodedata.category(letter)[0] in _PLAIN for letter in name[cut - 1 : cut + 1]):
            return Named(name[:cut], name[cut:])
    return Named(name)
