"""What needs a person and no engine can write down, because it sees nothing or is not there: seen by every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.needs.causes import CLOUD_UNREAD, ENGINE_SILENT
from dashboard.screens.needs.waiting import open_needs
from maintenance.models import Cloud, EngineProcess

ENGINE_ID = uuid5(
    NAMESPACE_URL, "pitstop:engine"
)  # the address of "no engine answers"; a cloud has its own id


@dataclass(frozen=True, slots=True)
class Seen:
    """`since`: the last sign of life, or None when there never was one. `about`: the cloud's name, where it is one."""

    id: UUID
    cause: str
    title: str
    message: str
    since: datetime | None
    about: str = ""


def seen_now() -> list[Seen]:
    """While no engine answers the clouds are not read either: that is one cause, not many."""
    if (silent := engine_silence()) is not None:
        return [silent]
    now = timezone.now()
    return [unread(cloud) for cloud in Cloud.objects.order_by("name") if _is_unread(cloud, now)]


def open_count() -> int:
    """Everything that needs a person now."""
    return open_needs().count() + len(seen_now())


def engine_silence() -> Seen | None:
    """That no engine answers, or None while one does."""
    signs: Mapping[str, datetime | None] = EngineProcess.objects.aggregate(
        alive=Max("seen_at", filter=Q(stopped_at=None)), stopped=Max("stopped_at")
    )
    alive, stopped = signs["alive"], signs["stopped"]
    if alive is not None and timezone.now() - alive <= timedelta(seconds=settings.ENGINE_SILENT_S):
        return None
    if alive is not None:
        message = _("The last engine fell silent without a word: it was killed, or its machine is away.")
    elif stopped is not None:
        message = _("The last engine was stopped on purpose.")
    else:
        message = _("None has ever been started on this database.")
    return Seen(ENGINE_ID, ENGINE_SILENT, _("No engine answers: nothing moves"), message, alive or stopped)


def unread(cloud: Cloud) -> Seen:
    title = _("%(cloud)s cannot be read") % {"cloud": cloud.name}
    message = cloud.read_error or _("No reading of it has come for a while.")
    return Seen(cloud.id, CLOUD_UNREAD, title, message, cloud.read_at, cloud.name)


def _is_unread(cloud: Cloud, now: datetime) -> bool:
    """One that was never read is only just connected, unless its first reading failed."""
    return not cloud.is_known(now) and (cloud.read_at is not None or bool(cloud.read_error))
