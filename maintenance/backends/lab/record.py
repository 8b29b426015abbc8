"""The lab's book: what was accepted (effects) and what a wrong caller broke (harm)."""

from datetime import timedelta
from uuid import UUID

from maintenance.backends.lab.outside import Door, lab_door

KEPT_FOR = timedelta(days=7)


def note_effect(door: Door, kind: str, host_id: UUID, note: str = "") -> None:
    """One thing was really done to the host."""
    door.run("INSERT INTO lab_effect (kind, host_id, note) VALUES (%s, %s, %s)", kind, host_id, note)


def note_harm(door: Door, what: str, host_id: UUID, instance_id: UUID | None = None, note: str = "") -> None:
    """A customer was hurt, or a rule of maintenance broken, by what the caller asked."""
    door.run(
        "INSERT INTO lab_harm (what, host_id, instance_id, note) VALUES (%s, %s, %s, %s)",
        what,
        host_id,
        instance_id,
        note,
    )


def forget_old(door: Door) -> None:
    """The book and what hosts remember of scripts and jobs go back a week; harm is kept."""
    for table, column in (
        ("effect", "at"),
        ("job", "created"),
        ("ticket", "started"),
        ("cut_off_job", "ended_at"),
        ("server_moment", "at"),
        ("server_request", "done_at"),
    ):
        door.run(f"DELETE FROM lab_{table} WHERE {column} < clock_timestamp() - %s::interval", KEPT_FOR)


def effects(host_id: UUID, kind: str) -> int:
    """How often this was done to the host since the last reset."""
    with lab_door() as door:
        found = door.row("SELECT count(*) FROM lab_effect WHERE host_id = %s AND kind = %s", host_id, kind)
        assert found is not None
        return int(found[0])


def harms() -> list[str]:
    """Everything that was broken since the last reset, in words; a right engine leaves this empty."""
    with lab_door() as door:
        return [
            f"{what}: {host}{f', {instance}' if instance else ''}{f' ({note})' if note else ''}"
            for what, host, instance, note in door.rows(
                "SELECT x.what, h.name, i.name, x.note FROM lab_harm x JOIN lab_host h ON h.id = x.host_id"
                " LEFT JOIN lab_instance i ON i.id = x.instance_id ORDER BY x.id"
            )
        ]


def most_hosts_out(cluster_id: UUID) -> int:
    """The most hosts of the cluster that were out of service by request at the same time."""
    with lab_door() as door:
        found = door.row(
            "SELECT coalesce(max(out), 0) FROM (SELECT sum(CASE e.kind WHEN 'prepare' THEN 1 ELSE -1 END)"
            "   OVER (ORDER BY e.id) AS out FROM lab_effect e JOIN lab_host h ON h.id = e.host_id"
            "   WHERE h.cluster_id = %s AND e.kind IN ('prepare', 'enabled')) AS run",
            cluster_id,
        )
        assert found is not None
        return int(found[0])
