"""Finding a lab host or instance by what a person types."""

from uuid import UUID

from maintenance.backends.lab.outside import Door

CANDIDATES_SHOWN = 10


class NoSuchThing(Exception):
    """Nothing in the lab has that name."""


class Ambiguous(Exception):
    """Several hosts end in that name; the text names them."""


def find_host(door: Door, typed: str) -> tuple[UUID, str]:
    """The host (id and name) by its name, the end of it, CLUSTER/END or its id. Raises: NoSuchThing, Ambiguous."""
    cluster, _, end = typed.rpartition("/")
    rows = door.rows(
        "SELECT h.id, h.name, h.name = %s OR h.id::text = %s FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id"
        " WHERE (h.name LIKE %s OR h.id::text = %s) AND (%s = '' OR c.name = %s) ORDER BY h.name",
        end,
        end,
        "%" + end.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_"),
        end,
        cluster,
        cluster,
    )
    exact = [row for row in rows if row[2]] or rows
    if not end or not exact:
        raise NoSuchThing(f"no lab host is called {typed!r}; `lab show` lists them")
    if len(exact) > 1:
        names = ", ".join(row[1] for row in exact[:CANDIDATES_SHOWN])
        more = f" and {len(exact) - CANDIDATES_SHOWN} more" if len(exact) > CANDIDATES_SHOWN else ""
        raise Ambiguous(f"{typed!r} is the end of several names: {names}{more}")
    return exact[0][0], exact[0][1]


def find_cluster_of(door: Door, host_id: UUID) -> UUID:
    found = door.row("SELECT cluster_id FROM lab_host WHERE id = %s", host_id)
    assert found is not None
    cluster: UUID = found[0]
    return cluster
