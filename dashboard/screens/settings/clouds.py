"""The clouds: how old what is known of each is, and how it is read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.forms import length_words
from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.words import count, duration
from maintenance.models import Cloud, Cluster, Host, Instance, ManagementServer, Zone


@dataclass(frozen=True, slots=True)
class CloudRow:
    id: UUID
    url: str
    name: str
    kind: str
    mark: Mark
    read_at: datetime | None
    as_of: datetime | None
    lag: str  # how much older the cloud's own listing was than the moment we read it
    error: str
    counts: list[str]
    rhythm: str
    is_set_here: bool


def cloud_rows() -> list[CloudRow]:
    """Five counts for all clouds together."""
    counted = {
        thing: dict(
            model._default_manager.filter(gone_at=None)
            .order_by()
            .values_list("cloud")
            .annotate(n=Count("pk"))
        )
        for thing, model in (
            ("zone", Zone),
            ("cluster", Cluster),
            ("host", Host),
            ("instance", Instance),
            ("server", ManagementServer),
        )
    }
    now = timezone.now()
    return [
        _row(cloud, [count(found.get(cloud.id, 0), thing) for thing, found in counted.items()], now)
        for cloud in Cloud.objects.all()
    ]


def _row(cloud: Cloud, counts: list[str], now: datetime) -> CloudRow:
    lag = ""
    if cloud.read_at and cloud.as_of:
        lag = duration((cloud.read_at - cloud.as_of).total_seconds())
    rhythm = _("read every %(every)s, unknown after %(after)s") % {
        "every": duration(cloud.read_every_s()),
        "after": duration(cloud.known_for_s()),
    }
    return CloudRow(
        id=cloud.id,
        url=reverse("settings-cloud", args=[cloud.id]),
        name=cloud.name,
        kind=cloud.kind,
        mark=_mark(cloud, now),
        read_at=cloud.read_at,
        as_of=cloud.as_of,
        lag=lag,
        error=cloud.read_error,
        counts=counts,
        rhythm=rhythm,
        is_set_here=cloud.poll_s is not None or cloud.unknown_s is not None,
    )


def _mark(cloud: Cloud, now: datetime) -> Mark:
    if cloud.read_error:
        return Mark("Failed", _("Cannot be read"), "failed")
    if cloud.read_at is None:
        return Mark("Waiting", _("Never read"), "waiting")
    return Mark("Up", _("Read"), "done") if cloud.is_known(now) else UNKNOWN


def given_rhythm() -> dict[str, int]:
    """The environment's, which holds where nothing is set."""
    return {"poll_s": settings.INVENTORY_POLL_S, "unknown_s": settings.INVENTORY_UNKNOWN_S}


def typed(value: int | None) -> str:
    """As people type it."""
    return "" if value is None else length_words(value)
