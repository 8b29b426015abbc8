"""Where the feed stands: a page says up to where it is true, and asks the live socket for what came after."""

from django.db.models import Max

from maintenance.models import FeedEvent


def feed_head() -> int:
    """The number of the last event. Read before what it shall date: a page may be newer than its number, not older."""
    return FeedEvent.objects.aggregate(head=Max("seq"))["head"] or 0
