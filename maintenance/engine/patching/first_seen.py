"""Since when something is seen in a step, whichever engine does it: from then on it soaks."""

from datetime import datetime

from django.utils.dateparse import parse_datetime

from maintenance.clock import database_now
from maintenance.engine.hands import Hands


def since_first_seen(hands: Hands, name: str) -> datetime:
    """When this was called for the first time in the step under that name. Raises: LostLease."""
    known = parse_datetime(str(hands.step.movement.get(name, "")))
    if known is None:
        known = database_now()
        hands.moved({**hands.step.movement, name: known.isoformat()})
    return known
