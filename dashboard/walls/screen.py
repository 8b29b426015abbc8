"""A screen on a wall, as the access matrix sees it: a principal that may read its own profile and nothing else."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class WallScreen:
    """Stands where a person would stand; nobody has logged in. `cloud_ids`: empty for every cloud."""

    link: UUID
    profile: UUID
    cloud_ids: tuple[UUID, ...]
    shows_names: bool
    has_sound: bool

    is_authenticated = False
    is_anonymous = True
    is_active = True

    def get_username(self) -> str:
        """Nobody is greeted by it."""
        return ""

    @property
    def logged_as(self) -> str:
        return f"wall {self.link}"
