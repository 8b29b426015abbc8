"""Wall links, the newest first: what each shows, until when, and when its screen was last seen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.models import WallLink
from dashboard.screens.marks import Mark
from dashboard.screens.words import count, listing
from dashboard.walls.links import DAYS, living
from maintenance.models import Cloud

SHOWN_MAX = 500
PROPOSED_DAYS = 0


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`revoke_url`: empty where the link is over."""

    id: UUID
    name: str
    mark: Mark
    shows: str
    clouds: list[str]
    networks: str
    made_by: str
    made_at: datetime
    ends_at: datetime | None
    seen_at: datetime | None
    seen_from: str
    revoked_at: datetime | None
    revoked_by: str
    revoke_url: str


@dataclass(frozen=True, slots=True)
class Links:
    rows: list[LinkRow]
    summary: str
    is_cut: bool


def links() -> Links:
    """Those that are over stay listed: it is known who had what."""
    names = dict(Cloud.objects.values_list("id", "name"))
    found = list(WallLink.objects.order_by("-made_at")[: SHOWN_MAX + 1])
    rows = [_row(link, names) for link in found[:SHOWN_MAX]]
    holding = WallLink.objects.filter(living()).count()
    return Links(rows, _("%(links)s open a wall") % {"links": count(holding, "link")}, len(found) > SHOWN_MAX)


def _row(link: WallLink, names: dict[UUID, str]) -> LinkRow:
    is_over = link.revoked_at is not None or (link.ends_at is not None and link.ends_at <= timezone.now())
    return LinkRow(
        id=link.id,
        name=link.name,
        mark=_mark(link, is_over=is_over),
        shows=_shows(link),
        clouds=[names[key] for key in link.cloud_ids if key in names],
        networks=link.networks,
        made_by=link.made_by,
        made_at=link.made_at,
        ends_at=link.ends_at,
        seen_at=link.seen_at,
        seen_from=link.seen_from or "",
        revoked_at=link.revoked_at,
        revoked_by=link.revoked_by,
        revoke_url="" if is_over else reverse("settings-wall-revoke", args=[link.id]),
    )


def _mark(link: WallLink, *, is_over: bool) -> Mark:
    if link.revoked_at is not None:
        return Mark("Cancelled", _("Revoked"), "skipped")
    return Mark("Cancelled", _("Expired"), "skipped") if is_over else Mark("Done", _("Open"), "done")


def _shows(link: WallLink) -> str:
    said = [_("with names") if link.shows_names else _("without names")]
    said += [_("with sound")] if link.has_sound else []
    return listing(said)


def days() -> list[tuple[int, str, bool]]:
    """How long a link may hold; the third is proposed."""
    return [
        (one, count(one, "day") if one else _("until it is revoked"), one == PROPOSED_DAYS) for one in DAYS
    ]


def all_clouds() -> list[Cloud]:
    return list(Cloud.objects.order_by("name"))
