"""The feed, for whoever reads it by and by: newest first, or onwards from `after=SEQ` in order."""

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers

from dashboard.access import visible_events
from dashboard.api.filters import Filter, by_id, by_number, by_text
from dashboard.api.inventory import ListOfRows
from maintenance.models import FeedEvent


class EventRow(serializers.Serializer):
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="run.state, target.state, step.started, host.changed, …")
    actor = serializers.CharField()
    object = serializers.JSONField(help_text="the ids and names of what it is about")
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


def by_object(key: str) -> Filter:
    """Events about one thing: `object` names its id."""
    of_id = by_id("id", key)

    def condition(value: str) -> Q:
        of_id.condition(value)
        return Q(object__contains={key: value.lower()})

    return Filter(condition, of_id.description, form="uuid")


class Events(ListOfRows):
    """GET: a page of events."""

    serializer_class = EventRow
    is_counted = False
    filters = {
        "after": by_number(
            "seq__gt", "events after this one, oldest first; without it the newest come first"
        ),
        "kind": by_text("kind", "such as run.state"),
        "actor": by_text("actor", "a user's name, or engine"),
        "run": by_object("run"),
        "host": by_object("host"),
        "cluster": by_object("cluster"),
    }

    @property
    def ordering(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("seq",) if "after" in self.request.query_params else ("-seq",)

    def get_queryset(self) -> QuerySet[FeedEvent]:
        return visible_events(self.request.user)

    def get_serializer_context(self) -> dict[str, Any]:
        return {"request": self.request, "view": self}
