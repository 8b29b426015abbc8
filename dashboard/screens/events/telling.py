"""What has happened, as sentences for people: one for each kind of event in the feed. The audit has its own
(events_acts)."""

from itertools import islice

from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from dashboard.screens.events.telling_clouds import tell_of_cloud
from dashboard.screens.events.telling_console import TOLD_OF_CONSOLE, tell_of_console
from dashboard.screens.events.telling_runs import GOOD, ON_THE_WAY, TOLD_OF_RUNS, tell_of_run
from dashboard.screens.events.telling_servers import TOLD_OF_SERVERS, tell_of_servers
from dashboard.screens.events.telling_system_vms import TOLD_OF_SYSTEM_VMS, tell_of_system_vms
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
from maintenance.models import FeedEvent
from maintenance.models.events import NEWS

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
TOLD_MAX = 40  # of each kind; some of them are no news for people after all
LOOKED_THROUGH_MAX = (
    1_000  # of each kind that is mostly no news, so that a flood of it costs no more than a trickle
)

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
    "servers.read",
    "cut_off.changed",
    "cut_off.reconciled",
    "balance.changed",
    "balance.change",
    "payload.published",
    "payload.withdrawn",
    "engine.started",
)


# Of kinds that are mostly no news: which of them are told.
_TOLD_OF: dict[str, Q] = {
    "target.state": ~Q(after__state__in=sorted(ON_THE_WAY)),
    "step.ended": ~Q(after__outcome__in=sorted(GOOD)),
    "server.changed": Q(after__has_key="state"),
}


def latest_events() -> list[Told]:
    """The newest news, the latest first. One query, which costs the same whatever lies between them: each kind is
    looked up by its own index."""
    first, *others = (_newest(kind) for kind in TOLD_KINDS)
    recent = first.union(*others, all=True).order_by("-seq")
    told = (one for one in map(tell, recent) if one.is_news)
    return list(islice(told, SHOWN_MAX))


def _newest(kind: str) -> QuerySet[FeedEvent]:
    rows = FeedEvent.objects.filter(NEWS, kind=kind).order_by("-seq")
    if kind in _TOLD_OF:
        furthest = rows.values("seq")[LOOKED_THROUGH_MAX : LOOKED_THROUGH_MAX + 1]
        rows = rows.filter(_TOLD_OF[kind], seq__gt=Coalesce(Subquery(furthest), 0))
    return rows[:TOLD_MAX]


def tell(event: FeedEvent) -> Told:
    """The event in words."""
    subject = event.kind.partition(".")[0]
    if subject in TOLD_OF_RUNS:
        return tell_of_run(event)
    if subject in TOLD_OF_SERVERS:
        return tell_of_servers(event)
    if subject in TOLD_OF_SYSTEM_VMS:
        return tell_of_system_vms(event)
    if subject in TOLD_OF_CONSOLE:
        return tell_of_console(event)
    return tell_of_cloud(event)
