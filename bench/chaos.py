"""Runs upon runs while engines, web processes and PostgreSQL are killed and frozen, the cloud answers wrongly and some
who watch never read: what must hold?

    make chaos                           ten minutes, written to bench/RESULTS.md
    python -m bench.chaos [--seconds N] [--seed S] [--write]

Prints one JSON object; exit status 1 when anything that must hold did not. Every fault comes in every round, in an
order that the seed decides; what each one meets is decided by the machine.
"""

import argparse
import json
import os
import random
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.rolling_overhead import machine
from bench.stack import running_stack

RESULTS = Path(__file__).with_name("RESULTS.md")
HEADING = "Chaos"
SECONDS = 600


def main() -> int:
    """1 when something that must hold was broken."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=int, default=SECONDS)
    options.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options.add_argument("--write", action="store_true", help=f"put the result into {RESULTS.name}")
    chosen = options.parse_args()
    result = {"machine": machine(), "seed": chosen.seed, "seconds": chosen.seconds, **chaos(chosen)}
    text = json.dumps(result, indent=2)
    print(text)
    if chosen.write:
        write(text)
    return 1 if result["broken"] else 0


def chaos(chosen: argparse.Namespace) -> dict[str, Any]:
    """What was done, what came of it, and what was broken: nothing, one hopes."""
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        # Not before: these need Django, which the stack has just set up.
        from bench.chaos_mute import Mute
        from bench.chaos_viewers import ROLE, Viewers, token_of
        from bench.truths import broken_truths, outcome, prepare
        from bench.unrest import Unrest

        prepare(stack.folder)
        unrest = Unrest(stack, random.Random(chosen.seed))
        token = token_of(ROLE)
        viewers = Viewers(stack.folder, token, unrest.ports, chosen.seed)
        mute = Mute(token, unrest.ports, unrest.web_of)
        viewers.start()
        mute.start()
        moments = [time.monotonic()]
        try:
            ends = time.monotonic() + chosen.seconds
            while time.monotonic() < ends or not unrest.rounds:
                unrest.next()
            moments.append(time.monotonic())
            mute.open_no_more()
            unrest.calm_down()
            broken = broken_truths(runners_killed=unrest.done["kill a script's runner"])
            moments.append(time.monotonic())
            unrest.fall_silent()
            mute.stop()
            viewers.catch_up()
            moments.append(time.monotonic())
        finally:
            viewers.stop()
        return {
            "seconds_of": {
                name: round(after - before, 1)
                for name, (before, after) in zip(
                    ("unrest", "calm", "catching up"), pairwise(moments), strict=True
                )
            },
            "faults": dict(sorted(unrest.done.items())),
            **outcome(),
            "viewers": {**viewers.told(), "never_read": mute.told()},
            "broken": [*broken, *viewers.broken(), *mute.broken()],
        }


def write(text: str) -> None:
    """The newest result replaces the one before; the other sections stay."""
    sections = (RESULTS.read_text() if RESULTS.exists() else "# Measured\n").split("\n## ")
    others = [section.rstrip() for section in sections if not section.startswith(f"{HEADING}\n")]
    ours = f"{HEADING}\n\nBy `make chaos`.\n\n```json\n{text}\n```"
    RESULTS.write_text("\n\n## ".join([*others, ours]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
