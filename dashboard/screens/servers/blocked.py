"""While no management server takes new work, nothing can be started: pages say so, and when to try again."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from maintenance.actions.server_offers import all_blocked
from maintenance.models import Cloud


@dataclass(frozen=True, slots=True)
class BlockedCloud:
    """A cloud that refuses new work. `says`: a sentence for a banner."""

    cloud_id: UUID
    cloud: str
    says: str
    minutes: int


def blocked_clouds() -> list[BlockedCloud]:
    """By the rule that refuses what is asked of them all the same. Nothing is said of a cloud whose servers are not
    known now."""
    found = []
    for cloud in Cloud.objects.order_by("name"):
        if blocked := all_blocked(cloud):
            minutes = max(1, -(-blocked.retry_after_s // 60))
            says = ngettext(
                "Every management server of %(cloud)s is in maintenance or on its way there, and refuses new work. "
                "Try again in about %(n)s min.",
                "Every management server of %(cloud)s is in maintenance or on its way there, and refuses new work. "
                "Try again in about %(n)s min.",
                minutes,
            ) % {"cloud": cloud.name, "n": minutes}
            found.append(BlockedCloud(cloud.id, cloud.name, says, minutes))
    return found


def why_blocked() -> str:
    """For one line beside a button; empty while some cloud takes work."""
    found = blocked_clouds()
    if not found or len(found) < Cloud.objects.count():
        return ""
    return _("In maintenance, try again in about %(n)s min.") % {"n": min(cloud.minutes for cloud in found)}
