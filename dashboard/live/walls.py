"""Screens on walls at the other end of a socket: who is let in by the cookie, and whether the link still holds."""

from collections.abc import Mapping
from uuid import UUID

from dashboard.access import Person
from dashboard.live import database
from dashboard.walls import cookie
from dashboard.walls.networks import is_within
from dashboard.walls.screen import WallScreen

_HOLDS = "revoked_at IS NULL AND (ends_at IS NULL OR ends_at > now())"
_LINK = f"""
    SELECT id, profile, cloud_ids, shows_names, has_sound, networks FROM dashboard_walllink WHERE id = %s AND {_HOLDS}
"""
# Whoever is still there is noted to the minute.
_STILL = f"""
    WITH asked AS (SELECT * FROM unnest(%s::uuid[], %s::inet[]) AS here (id, address)),
    seen AS (
        UPDATE dashboard_walllink AS link SET seen_at = now(), seen_from = asked.address FROM asked
        WHERE link.id = asked.id AND {_HOLDS} AND (link.seen_at IS NULL OR link.seen_at < now() - interval '1 minute')
    )
    SELECT id FROM dashboard_walllink WHERE id IN (SELECT id FROM asked) AND {_HOLDS}
"""


async def screen_behind(cookies: Mapping[str, str], address: str) -> WallScreen | None:
    """As `walls.door.screen_of`, without the ORM. Raises: DatabaseAway."""
    key = cookie.link_named(cookies.get(cookie.NAME, ""))
    rows = await database.fetch(_LINK, [key]) if key is not None else []
    if not rows or not is_within(address, rows[0]["networks"]):
        return None
    link = rows[0]
    return WallScreen(
        link["id"], link["profile"], tuple(link["cloud_ids"]), link["shows_names"], link["has_sound"]
    )


async def still_holding(asked: Mapping[str, str]) -> set[str]:
    """Of these links, by their addresses, those that hold. Raises: DatabaseAway."""
    if not asked:
        return set()
    addresses = [address or None for address in asked.values()]
    rows = await database.fetch(_STILL, [[UUID(key) for key in asked], addresses])
    return {str(row["id"]) for row in rows}


def clouds_of(person: Person) -> frozenset[str]:
    """The only clouds whose ages whoever follows is told; empty for all of them."""
    if not isinstance(person, WallScreen):
        return frozenset()
    return frozenset(str(key) for key in person.cloud_ids)
