"""What has happened, as sentences for people: one for each kind of event in the feed. The audit has its own
(events_acts)."""

from dashboard.screens.events.telling_clouds import tell_of_cloud
from dashboard.screens.events.telling_console import TOLD_OF_CONSOLE, tell_of_console
from dashboard.screens.events.telling_runs import TOLD_OF_RUNS, tell_of_run
from dashboard.screens.events.telling_words import (
    Told,
    host_of,
    is_id,
    linked,
    named,
    plain,
    run_of,
    sentence,
)
from dashboard.screens.feed_head import feed_head
from maintenance.models import FeedEvent

__all__ = [
    "Told",
    "host_of",
    "is_id",
    "latest_events",
    "linked",
    "named",
    "plain",
    "run_of",
    "sentence",
    "tell",
]

SHOWN_MAX = 8
LOOKED_THROUGH_MAX = 120  # some of these kinds are no news for people after all
LOOKED_BACK_MAX = 5_000  # output and movement lie between

# What the overview tells; the timeline tells everything.
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
)


def latest_events() -> list[Told]:
    """The newest news, the latest first."""
    oldest = feed_head() - LOOKED_BACK_MAX
    recent = FeedEvent.objects.filter(seq__gt=oldest, kind__in=TOLD_KINDS).order_by("-seq")
    told = (tell(event) for event in recent[:LOOKED_THROUGH_MAX])
    return [one for one in told if one.is_news][:SHOWN_MAX]


def tell(event: FeedEvent) -> Told:
    """The event in words."""
    subject = event.kind.partition(".")[0]
    if subject in TOLD_OF_RUNS:
        return tell_of_run(event)
    if subject in TOLD_OF_CONSOLE:
        return tell_of_console(event)
    return tell_of_cloud(event)
