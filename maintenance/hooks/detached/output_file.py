"""The output of one script in a file of fixed size: its head, its tail and how many bytes there were.

    0        claimed: bytes that may be in the file a moment from now (8 bytes, little endian)
    8        total: bytes the script has printed (8 bytes)
    4096     head: the first 64 kB
    +64 kB   tail: a ring; byte n of the output is at n modulo 64 kB

Written by the runner only; read by anyone at any time, also while it is written: a reader drops what the
writer may have run over meanwhile (`claimed` is raised before the ring is touched, `total` after).
"""

import posix

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 64 * 1024
HEAD_AT = 4096
TAIL_AT = HEAD_AT + HEAD_BYTES
FILE_BYTES = TAIL_AT + TAIL_BYTES


class OutputWriter:
    """Counts every byte and keeps head and tail. A full disk stops the keeping, never the script."""

    def __init__(self, fd: int) -> None:
        self.total = 0
        self.problem = ""
        self._fd = fd

    def append(self, piece: memoryview) -> None:
        """Take the next bytes of the output."""
        start, end = self.total, self.total + len(piece)
        self.total = end
        if self.problem:
            return
        try:
            self._write(piece, start, end)
        except OSError as problem:
            self.problem = f"output is not kept from byte {start} on: {problem.strerror}"

    def _write(self, piece: memoryview, start: int, end: int) -> None:
        posix.pwrite(self._fd, end.to_bytes(8, "little"), 0)
        if start < HEAD_BYTES:
            posix.pwrite(self._fd, piece[: HEAD_BYTES - start], HEAD_AT + start)
        first = max(start, HEAD_BYTES, end - TAIL_BYTES)
        while first < end:
            place = first % TAIL_BYTES
            length = min(end - first, TAIL_BYTES - place)
            posix.pwrite(self._fd, piece[first - start : first - start + length], TAIL_AT + place)
            first += length
        posix.pwrite(self._fd, end.to_bytes(8, "little"), 8)


def read_total(fd: int) -> int:
    """Bytes printed so far."""
    return int.from_bytes(posix.pread(fd, 8, 8), "little")


def read_from(fd: int, after: int) -> tuple[int, bytes, int]:
    """(start, bytes, total): what is kept from byte `after` on; with `start` > `after` some in between are gone."""
    total = read_total(fd)
    start = min(after, total)
    if start < HEAD_BYTES:
        head = posix.pread(fd, min(total, HEAD_BYTES) - start, HEAD_AT + start)
        if total <= HEAD_BYTES or total > HEAD_BYTES + TAIL_BYTES:
            return start, head, total
        first, tail = _read_tail(fd, HEAD_BYTES, total)
        return (start, head + tail, total) if first == HEAD_BYTES else (start, head, total)
    first, tail = _read_tail(fd, start, total)
    return first, tail, total


def _read_tail(fd: int, after: int, total: int) -> tuple[int, bytes]:
    """The kept bytes from `after` to `total` and where they start."""
    first = max(after, total - TAIL_BYTES, HEAD_BYTES)
    ring = posix.pread(fd, TAIL_BYTES, TAIL_AT)
    claimed = int.from_bytes(posix.pread(fd, 8, 0), "little")
    first = min(max(first, claimed - TAIL_BYTES), total)
    place, end = first % TAIL_BYTES, total % TAIL_BYTES
    if first == total:
        return first, b""
    return first, ring[place:end] if place < end else ring[place:] + ring[:end]
