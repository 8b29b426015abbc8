"""How old what we know is: seconds since each cloud and an engine were last heard of."""

from typing import Any

from django.conf import settings

from dashboard.live import database
from dashboard.live.frames import Ages


async def read_ages() -> Ages:
    """Raises: DatabaseAway."""
    clouds = await database.fetch(
        "SELECT id, unknown_s, extract(epoch FROM now() - read_at) AS age,"
        " extract(epoch FROM now() - as_of) AS listing FROM maintenance_cloud"
    )
    engine = await database.fetch(
        "SELECT extract(epoch FROM now() - max(seen_at)) AS age FROM maintenance_engineprocess WHERE stopped_at IS NULL"
    )
    return Ages(
        0.0,
        {str(row["id"]): _seconds(row["age"]) for row in clouds},
        _seconds(engine[0]["age"]),
        {str(row["id"]): row["unknown_s"] for row in clouds if row["unknown_s"]},
        {str(row["id"]): _seconds(row["listing"]) for row in clouds},
    )


def known_now(ages: Ages) -> dict[str, bool]:
    """Whether what we know of each cloud still counts, and whether an engine answers."""
    known = {
        cloud: age is not None and age <= ages.known_for.get(cloud, settings.INVENTORY_UNKNOWN_S)
        for cloud, age in ages.clouds.items()
    }
    known["engine"] = ages.engine is not None and ages.engine <= settings.ENGINE_SILENT_S
    return known


def _seconds(age: Any) -> float | None:
    return None if age is None else max(0.0, float(age))
