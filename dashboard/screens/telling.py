"""Events of the feed as sentences for people, the latest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.screens.feed_head import feed_head
from dashboard.screens.marks import NEEDS_PERSON, Mark, mark
from dashboard.screens.words import count, said
from maintenance.domain.outcomes import Outcome
from maintenance.models import FeedEvent

SHOWN_MAX = 8
LOOKED_THROUGH_MAX = 120  # some of these kinds are no news for people after all
LOOKED_BACK_MAX = 5_000  # output and movement lie between

TOLD_KINDS = (
    "run.created",
    "run.state",
    "run.pausing",
    "target.state",
    "step.ended",
    "step.taken_over",
    "host.out",
    "host.back",
    "attention.opened",
    "attention.taken",
    "attention.resolved",
    "cloud.read",
    "server.changed",
    "engine.started",
    "engine.silent",
)


@dataclass(frozen=True, slots=True)
class Told:
    at: datetime
    mark: Mark
    who: str
    what: str
    more: str


def latest_events() -> list[Told]:
    oldest = feed_head() - LOOKED_BACK_MAX
    recent = FeedEvent.objects.filter(seq__gt=oldest, kind__in=TOLD_KINDS).order_by("-seq")[
        :LOOKED_THROUGH_MAX
    ]
    told: list[Told] = []
    for event in recent:
        if (said_so := tell(event)) is not None:
            told.append(said_so)
        if len(told) == SHOWN_MAX:
            break
    return told


def tell(event: FeedEvent) -> Told | None:
    """The event in words, or None when it is no news for people."""
    about, after = event.object, event.after or {}
    host = said(str(about.get("host_name", "")))
    by = "" if event.actor == "engine" else event.actor
    match event.kind:
        case "run.created":
            return Told(
                event.at,
                mark("Waiting"),
                _run(about),
                "was started",
                f"{by}, {count(_int(after, 'hosts'), 'host')}",
            )
        case "run.state":
            return _run_state(event, about, after, by)
        case "run.pausing":
            return Told(event.at, mark("Paused"), _run(about), "is pausing", str(after.get("message", "")))
        case "target.state":
            return _target_state(event, host, after)
        case "step.ended":
            return _step_ended(event, host, about, after)
        case "step.taken_over":
            return Told(
                event.at,
                mark("Running"),
                host,
                "was taken over by another engine",
                str(about.get("stage", "")),
            )
        case "host.out":
            moved = count(_int(after, "instances"), "instance")
            return Told(event.at, mark("Draining"), host, "leaves service", f"{moved} to move")
        case "host.back":
            return Told(event.at, mark("Done"), host, "is in service again", "")
        case "attention.opened":
            return Told(
                event.at, NEEDS_PERSON, str(after.get("title", "")), "", str(after.get("message", ""))
            )
        case "attention.taken":
            return Told(
                event.at, NEEDS_PERSON, str(after.get("taken_by", "")), "has taken what needs a person", ""
            )
        case "attention.resolved":
            return Told(
                event.at, mark("Done"), "What needed a person", "is settled", str(after.get("by", ""))
            )
        case "cloud.read":
            return _cloud_read(event, about, after)
        case "server.changed" if "state" in after:
            return Told(event.at, mark("Waiting"), str(about.get("name", "")), f"is {after['state']}", "")
        case "engine.started":
            return Told(event.at, mark("Waiting"), "An engine", "started", str(after.get("host_name", "")))
        case "engine.silent":
            return Told(event.at, NEEDS_PERSON, "An engine", "is silent", "")
        case _:
            return None


def _run(about: Mapping[str, Any]) -> str:
    return f"Run {about['run_number']}" if "run_number" in about else "A run"


def _run_state(event: FeedEvent, about: Mapping[str, Any], after: Mapping[str, Any], by: str) -> Told | None:
    state = str(after.get("state", ""))
    if (event.before or {}).get("state") == state:
        return None
    drawn = mark(state)
    what = {"Running": "is running", "Succeeded": "is done", "Cancelled": "was stopped"}.get(
        state, f"is {drawn.word.lower()}"
    )
    details = str(after.get("details", ""))
    return Told(
        event.at,
        drawn,
        _run(about),
        what,
        " · ".join(part for part in (by, details) if part and part != "OK"),
    )


def _target_state(event: FeedEvent, host: str, after: Mapping[str, Any]) -> Told | None:
    state = str(after.get("state", ""))
    if (event.before or {}).get("state") == state or state in {"Ready", "Waiting", "Checking", "Draining"}:
        return None
    drawn = mark(state)
    what = {
        "Done": "is done",
        "Skipped": "was skipped",
        "Failed": "failed",
        "NeedsPerson": "needs a person",
    }.get(state, f"is {drawn.word.lower()}")
    return Told(event.at, drawn, host, what, str(after.get("detail", "")))


def _step_ended(
    event: FeedEvent, host: str, about: Mapping[str, Any], after: Mapping[str, Any]
) -> Told | None:
    outcome = after.get("outcome")
    if outcome in {Outcome.OK, Outcome.NOT_NEEDED}:
        return None  # the host's next state tells it
    stage = str(about.get("stage", ""))
    return Told(
        event.at,
        mark("Failed"),
        host,
        f"{stage}: {str(outcome).replace('_', ' ')}",
        str(after.get("detail", "")),
    )


def _cloud_read(event: FeedEvent, about: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    error = str(after.get("error", ""))
    name = str(about.get("name", "The cloud"))
    if error:
        return Told(event.at, mark("?"), name, "cannot be read", error)
    return Told(event.at, mark("Done"), name, "can be read again", "")


def _int(values: Mapping[str, Any], key: str) -> int:
    found = values.get(key, 0)
    return found if isinstance(found, int) else 0
