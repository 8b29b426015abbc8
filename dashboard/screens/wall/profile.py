"""What a wall may show: of which clouds, and whether by name. Walls that show the same are drawn once."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db.models import Q
from django.utils.translation import gettext as _

from dashboard.models import WallLink
from dashboard.screens.wall.names import Named, split

CODE_LENGTH = 5  # of ids, instead of names: enough to tell 10,000 hosts apart


@dataclass(frozen=True, slots=True)
class Profile:
    """`cloud_ids`: empty for every cloud, also for those that are connected later."""

    id: UUID
    cloud_ids: tuple[UUID, ...] = ()
    shows_names: bool = True

    def of(self, cloud: str = "cloud") -> Q:
        """The rows that it may show; `cloud` leads to their cloud."""
        return Q(**{f"{cloud}__in": self.cloud_ids}) if self.cloud_ids else Q()

    def host(self, key: UUID, name: str) -> Named:
        return split(name) if self.shows_names else split(_("host %(code)s") % {"code": _code(key)})

    def cluster(self, key: UUID, name: str) -> Named:
        return split(name) if self.shows_names else split(_("cluster %(code)s") % {"code": _code(key)})

    def server(self, key: UUID, name: str) -> Named:
        return split(name) if self.shows_names else split(_("server %(code)s") % {"code": _code(key)})

    def cloud(self, key: UUID, name: str) -> Named:
        return split(name) if self.shows_names else split(_("cloud %(code)s") % {"code": _code(key)})

    def zone(self, name: str) -> Named:
        return split(name) if self.shows_names else Named("")

    def person(self, name: str) -> Named:
        return split(name) if self.shows_names else Named(_("somebody"))


def profile_id(cloud_ids: Iterable[UUID], *, shows_names: bool) -> UUID:
    """The same for the same clouds and the same choice of names."""
    told = ",".join(sorted(str(key) for key in cloud_ids))
    return uuid5(NAMESPACE_URL, f"pitstop:wall:{told}:{'names' if shows_names else 'codes'}")


EVERYTHING = Profile(profile_id((), shows_names=True))


def profile_of(key: UUID) -> Profile | None:
    """The profile that somebody's wall has, or ever had."""
    if key == EVERYTHING.id:
        return EVERYTHING
    link = WallLink.objects.filter(profile=key).only("cloud_ids", "shows_names").first()
    return None if link is None else Profile(key, tuple(link.cloud_ids), link.shows_names)


def _code(key: UUID) -> str:
    return key.hex[:CODE_LENGTH]
