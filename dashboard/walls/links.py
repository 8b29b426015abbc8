"""Wall links: made, shown once, revoked. Only the hash of each is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.models import WallLink
from dashboard.screens.wall.profile import profile_id
from dashboard.walls.networks import networks_in
from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Cloud

PART = "walls"  # of the settings pages
SECRET_BYTES = 32
NAME_MAX, NETWORKS_MAX = 120, 500
DAYS = (0, 1, 7, 30, 90, 365)  # 0: for ever
LINKS_MAX = 500  # that open something


@dataclass(frozen=True, slots=True)
class LinkGiven:
    """What the form says. `cloud_ids`: empty for every cloud; `days`: 0 for ever; `networks`: empty for anywhere."""

    name: str
    cloud_ids: Sequence[UUID]
    shows_names: bool
    has_sound: bool
    days: int
    networks: str


def living() -> Q:
    """Links that still open something."""
    return Q(revoked_at=None) & (Q(ends_at=None) | Q(ends_at__gt=timezone.now()))


def make_link(given: LinkGiven, *, link_id: UUID, actor: str, request_id: str = "") -> str:
    """The secret, which nobody can read again. `link_id` is the form's own: sent twice, it makes one link.

    Raises: BadInput, Conflict.
    """
    _check(given)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    cloud_ids = sorted(set(given.cloud_ids))
    with unit_of_work(actor, request_id=request_id) as work:
        if WallLink.objects.filter(id=link_id).exists():
            raise Conflict(_("this link was made already, and is shown only once; if it is lost, revoke it"))
        if WallLink.objects.filter(living()).count() >= LINKS_MAX:
            raise Conflict(
                _("there are %(most)d links, which is the most; revoke one first") % {"most": LINKS_MAX}
            )
        link = WallLink.objects.create(
            id=link_id,
            name=given.name,
            digest=digest_of(secret),
            cloud_ids=cloud_ids,
            shows_names=given.shows_names,
            profile=profile_id(cloud_ids, shows_names=given.shows_names),
            has_sound=given.has_sound,
            networks=given.networks,
            made_by=actor,
            ends_at=timezone.now() + timedelta(days=given.days) if given.days else None,
        )
        after = {
            "name": link.name,
            "clouds": list(Cloud.objects.filter(id__in=cloud_ids).values_list("name", flat=True)),
            "shows_names": link.shows_names,
            "networks": link.networks,
            "ends": link.ends_at.isoformat(timespec="seconds") if link.ends_at else "",
        }
        work.audit("wall link made", _about(link), after=after)
        _ring(work)
    return secret


def revoke_link(link_id: UUID, *, actor: str, request_id: str = "") -> None:
    """It opens nothing any more; screens that it opened say so within seconds. A second call changes nothing.

    Raises: NotFound.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        link = WallLink.objects.select_for_update(no_key=True).filter(id=link_id).first()
        if link is None:
            raise NotFound(f"no wall link has the id {link_id}")
        if link.revoked_at is not None:
            return
        link.revoked_at, link.revoked_by = timezone.now(), actor
        link.save(update_fields=["revoked_at", "revoked_by"])
        work.audit("wall link revoked", _about(link), before={"name": link.name})
        _ring(work)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(given: LinkGiven) -> None:
    if not given.name or len(given.name) > NAME_MAX:
        raise BadInput(_("Give a name of 1 to %(most)d characters.") % {"most": NAME_MAX}, field="name")
    if given.days not in DAYS:
        raise BadInput(_("Choose how long it shall hold."), field="days")
    known = set(Cloud.objects.filter(id__in=given.cloud_ids).values_list("id", flat=True))
    if set(given.cloud_ids) - known:
        raise BadInput(_("Choose among the clouds that there are."), field="clouds")
    if len(given.networks) > NETWORKS_MAX:
        raise BadInput(_("Give %(most)d characters at most.") % {"most": NETWORKS_MAX}, field="networks")
    try:
        networks_in(given.networks)
    except ValueError as reason:
        says = _("Give addresses or ranges such as 10.1.0.0/24, with commas in between.")
        raise BadInput(says, field="networks") from reason


def _about(link: WallLink) -> dict[str, str]:
    return {"wall_link": str(link.id), "wall_link_name": link.name}


def _ring(work: UnitOfWork) -> None:
    work.event("settings.changed", {"part": PART})
