"""Passing a script's output on while it prints: bounded pieces, the head and the tail kept, the middle let go."""

from django.db.models import Max

from maintenance.backends.base import Later, NoReply
from maintenance.engine.claim import fenced
from maintenance.engine.hands import Hands
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import OutputChunk

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 64 * 1024
PIECES_A_LOOK = (
    4  # a flood is shown in bounded work; what the runner dropped meanwhile is a gap, shown as one
)


def pump_output(hands: Hands, bytes_total: int) -> None:
    """Everything printed since the last look is kept and viewers are told. Called a few times a second at most.

    Raises: LostLease.
    """
    for _ in range(PIECES_A_LOOK):
        position = _position(hands)
        if position >= bytes_total:
            return
        try:
            read = hands.cloud.read_output(hands.host_id, hands.claim.ticket, position)
        except (Later, NoReply):
            return  # Shown at the next look; the output stays where it is.
        if not read.data:
            return
        with unit_of_work(ENGINE) as work:
            fenced(hands.claim, output_bytes=read.total)
            OutputChunk.objects.create(step=hands.step, start=read.start, content=read.data)
            _let_middle_go(hands, read.end)
            extent = {"start": read.start, "end": read.end, "total": read.total}
            work.event("step.output", hands.about, after=extent)
        hands.step.output_bytes = read.total
        hands.output_position = read.end
        bytes_total = max(bytes_total, read.total)


def _position(hands: Hands) -> int:
    """Where reading goes on: after the last kept byte, also for an engine that takes the step over."""
    if hands.output_position is None:
        last = OutputChunk.objects.filter(step=hands.step).aggregate(start=Max("start"))["start"]
        chunk = None if last is None else OutputChunk.objects.get(step=hands.step, start=last)
        hands.output_position = 0 if chunk is None else chunk.start + len(chunk.content)
    return hands.output_position


def _let_middle_go(hands: Hands, end: int) -> None:
    """Pieces wholly between head and tail are dropped; their absence shows as a gap in the offsets."""
    if end > HEAD_BYTES + 2 * TAIL_BYTES:
        OutputChunk.objects.filter(
            step=hands.step, start__gte=HEAD_BYTES, start__lt=end - 2 * TAIL_BYTES
        ).delete()
