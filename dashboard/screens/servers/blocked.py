"""While no management server takes new work, nothing can be started: every page says so, and when to try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low
from maintenance.actions.server_offers import all_blocked
from maintenance.domain.servers import ServerState
from maintenance.models import Cloud, ManagementServer


@dataclass(frozen=True, slots=True)
class BlockedCloud:
    """A cloud that refuses new work. `says`: a sentence for a banner; `until`: about when it takes work again."""

    cloud_id: UUID
    cloud: str
    says: str
    minutes: int
    until: datetime


def blocked_clouds() -> list[BlockedCloud]:
    """By the rule that refuses what is asked of them all the same. Nothing is said of a cloud whose servers are not
    known now. One query while each cloud has a server that is Up."""
    found = []
    for cloud in _without_one_up():
        if blocked := all_blocked(cloud):
            minutes = max(1, -(-blocked.retry_after_s // 60))
            says = ngettext(
                "Every management server of %(cloud)s is in maintenance or on its way there, and refuses new work. "
                "Try again in about %(n)s min.",
                "Every management server of %(cloud)s is in maintenance or on its way there, and refuses new work. "
                "Try again in about %(n)s min.",
                minutes,
            ) % {"cloud": cloud.name, "n": minutes}
            until = timezone.now() + timedelta(seconds=blocked.retry_after_s)
            found.append(BlockedCloud(cloud.id, cloud.name, says, minutes, until))
    return found


def why_no_start(role: str) -> str:
    """Why this role cannot start anything now; empty where it can."""
    return too_low(role) or why_blocked()


def why_blocked(cloud_id: UUID | None = None) -> str:
    """For one line beside a button: of this cloud, or of all; empty while one takes work."""
    found = blocked_clouds()
    if cloud_id is not None:
        found = [cloud for cloud in found if cloud.cloud_id == cloud_id]
    elif len(found) < Cloud.objects.count():
        return ""
    if not found:
        return ""
    return _("In maintenance, try again in about %(n)s min.") % {"n": min(cloud.minutes for cloud in found)}


def _without_one_up() -> list[Cloud]:
    listed = ManagementServer.objects.filter(gone_at=None).order_by()
    rows = list(listed.values_list("cloud", "state"))
    up = {cloud for cloud, state in rows if state == ServerState.UP}
    others = {cloud for cloud, _state in rows} - up
    return list(Cloud.objects.filter(id__in=others).order_by("name")) if others else []
