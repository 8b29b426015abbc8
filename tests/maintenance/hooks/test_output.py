"""What a script prints: streamed while it runs, head and tail kept, counted to the byte, in bounded memory."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maintenance.hooks.detached.output_file import (
    FILE_BYTES,
    HEAD_BYTES,
    TAIL_BYTES,
    OutputWriter,
    read_from,
)
from maintenance.hooks.tickets import NoSuchTicket

GIGABYTE = 1_000_000_000
GROWTH_MAX_KB = 10 * 1024


def peak_kb(pid: int) -> int:
    """The most memory that a process ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def test_output_is_there_while_the_script_runs(hooks) -> None:
    ticket = hooks.start(hooks.sh("echo one; read line < go; echo two; read line < go", "Maintenance"))
    os.mkfifo(hooks.folder / "go")
    hooks.tickets.stop(ticket, "")
    hooks.result(ticket)

    ticket = hooks.start(hooks.find())
    hooks.until_it_says(ticket, b"one\n")
    (hooks.folder / "go").write_text("go\n")
    hooks.until_it_says(ticket, b"two\n")

    assert hooks.tickets.look(ticket).bytes_total == 8
    assert hooks.tickets.read_output(ticket, 4).data == b"two\n"
    hooks.tickets.stop(ticket, "seen")
    assert hooks.result(ticket).bytes_total == 8


def test_reading_on_from_the_end_misses_and_repeats_nothing(hooks) -> None:
    ticket = hooks.start(hooks.sh("for n in $(seq 3000); do echo line $n; done"))
    read, place = b"", 0
    while not hooks.tickets.wait(ticket, 0) or place < hooks.tickets.look(ticket).bytes_total:
        piece = hooks.tickets.read_output(ticket, place)
        assert piece.start == place
        read, place = read + piece.data, piece.end

    assert read == b"".join(b"line %d\n" % n for n in range(1, 3001))


@pytest.mark.parametrize(
    "command",
    ["yes | head -c 1000000000", "head -c 1000000000 /dev/zero >&2"],
    ids=["lines on stdout", "no newline on stderr"],
)
@pytest.mark.slow
def test_a_gigabyte_costs_no_memory_here_or_in_the_runner(hooks, command: str) -> None:
    quiet = hooks.start(hooks.sh("echo ready; exec sleep 600"))
    hooks.until_it_says(quiet, b"ready")
    runner_before, we_before = peak_kb(hooks.tickets.look(quiet).pid), peak_kb(os.getpid())
    hooks.tickets.stop(quiet, "measured")

    ticket = hooks.start(hooks.sh(f"{command}; echo the end; exec sleep 600"), timeout_s=60)
    while b"the end" not in hooks.tickets.read_output(ticket, GIGABYTE).data:
        hooks.tickets.wait(ticket, 0.05)
        hooks.output(ticket)
    runner_after = peak_kb(hooks.tickets.look(ticket).pid)
    hooks.tickets.stop(ticket, "measured")

    assert hooks.result(ticket).bytes_total == GIGABYTE + 8
    assert runner_after - runner_before < GROWTH_MAX_KB
    assert peak_kb(os.getpid()) - we_before < GROWTH_MAX_KB
    kept = sum(path.stat().st_size for path in (hooks.root / ticket).iterdir())
    assert kept < 300_000


def test_of_much_output_head_and_tail_are_kept_and_the_gap_is_told(hooks) -> None:
    result, head = hooks.run(hooks.sh("seq 100000"))
    printed = b"".join(b"%d\n" % n for n in range(1, 100001))

    tail = hooks.tickets.read_output(next(hooks.root.glob("[!.]*")).name, len(head))

    assert result.bytes_total == len(printed)
    assert head == printed[:HEAD_BYTES]
    assert (tail.start, tail.end, tail.total) == (len(printed) - TAIL_BYTES, len(printed), len(printed))
    assert tail.data == printed[-TAIL_BYTES:]


def test_bytes_arrive_untouched(hooks) -> None:
    hooks.write("garbage", bytes(range(256)) * 4)

    assert hooks.run(hooks.sh("cat garbage"))[1] == bytes(range(256)) * 4


def test_reading_beyond_the_end_or_before_the_start_gives_what_there_is(hooks) -> None:
    ticket = hooks.start(hooks.sh("echo hello"))
    hooks.result(ticket)

    beyond = hooks.tickets.read_output(ticket, 1000)
    assert (beyond.start, beyond.data, beyond.end) == (6, b"", 6)
    assert hooks.tickets.read_output(ticket, -5).data == b"hello\n"


def test_there_is_no_output_of_a_ticket_that_never_was(hooks) -> None:
    with pytest.raises(NoSuchTicket):
        hooks.tickets.read_output("6f1d2c7a-0000-4000-8000-000000000004", 0)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.integers(1, 90_000), max_size=8),
    after=st.integers(0, 300_000),
)
def test_whatever_is_written_what_is_read_was_written_there(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[int], after: int
) -> None:
    printed = os.urandom(sum(pieces))
    fd = os.open(tmp_path_factory.mktemp("output") / "output", os.O_RDWR | os.O_CREAT)
    try:
        writer, place = OutputWriter(fd), 0
        for piece in pieces:
            writer.append(memoryview(printed)[place : place + piece])
            place += piece
        start, data, total = read_from(fd, after)
    finally:
        os.close(fd)

    assert total == len(printed)
    assert data == printed[start : start + len(data)]
    if after >= total:
        assert (start, data) == (total, b"")
    elif total <= HEAD_BYTES + TAIL_BYTES:
        assert (start, data) == (after, printed[after:])
    elif after < HEAD_BYTES:
        assert (start, start + len(data)) == (after, HEAD_BYTES)
    else:
        assert (start, start + len(data)) == (max(after, total - TAIL_BYTES), total)


def test_a_reader_never_sees_bytes_that_the_writer_runs_over(hooks) -> None:
    """The script prints its own position all the time: what is read must say where it was read."""
    hooks.write(
        "Maintenance.py",
        "#!/usr/bin/env python3\nimport os\nn = 0\nwhile True:\n"
        "    os.write(1, b''.join(b'%015d\\n' % (n + 16 * k) for k in range(512))); n += 8192\n",
    )
    ticket = hooks.start(hooks.find())
    hooks.until_it_says(ticket, b"\n")

    until = time.monotonic() + 1.0
    slices = 0
    while time.monotonic() < until:
        piece = hooks.tickets.read_output(ticket, HEAD_BYTES)
        skip = -piece.start % 16
        lines = piece.data[skip : skip + (len(piece.data) - skip) // 16 * 16]
        first = piece.start + skip
        assert lines == b"".join(b"%015d\n" % place for place in range(first, first + len(lines), 16))
        slices += bool(lines)
    hooks.tickets.stop(ticket, "read enough")

    assert slices > 10


def test_a_full_disk_stops_the_keeping_and_is_told_but_never_the_script(tmp_path: Path) -> None:
    fd = os.open("/dev/full", os.O_RDWR)
    try:
        writer = OutputWriter(fd)
        writer.append(memoryview(b"hello"))
        writer.append(memoryview(b"world"))
    finally:
        os.close(fd)

    assert writer.total == 10
    assert writer.problem == "output is not kept from byte 0 on: No space left on device"


def test_the_file_never_grows(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "output", os.O_RDWR | os.O_CREAT)
    try:
        writer = OutputWriter(fd)
        for _ in range(100):
            writer.append(memoryview(bytes(50_000)))
        assert os.fstat(fd).st_size == FILE_BYTES
    finally:
        os.close(fd)
