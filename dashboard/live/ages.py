"""How old what we know is: seconds since each cloud and an engine were last heard of."""

from typing import Any

from django.conf import settings

from dashboard.live import database
from dashboard.live.frames import Ages


async def read_ages() -> Ages:
    """Raises: DatabaseAway."""
    clouds = await database.fetch(
        "SELECT id, unknown_s, extract(epoch FROM now() - read_at) AS age,"
        " extract(epoch FROM now() - as_of) AS listing, extract(epoch FROM now() - servers_read_at) AS servers"
        " FROM maintenance_cloud"
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
        {str(row["id"]): _seconds(row["servers"]) for row in clouds if row["servers"] is not None},
    )


def known_now(ages: Ages) -> dict[str, bool]:
    """Whether what we know of each cloud and of its servers still counts, and whether an engine answers."""

    def is_known(cloud: str, age: float | None) -> bool:
        return age is not None and age <= ages.known_for.get(cloud, settings.INVENTORY_UNKNOWN_S)

    known = {cloud: is_known(cloud, age) for cloud, age in ages.clouds.items()}
    known |= {f"servers of {cloud}": is_known(cloud, age) for cloud, age in ages.servers.items()}
    known["engine"] = ages.engine is not None and ages.engine <= settings.ENGINE_SILENT_S
    return known


def _seconds(age: Any) -> float | None:
    return None if age is None else max(0.0, float(age))
