"""Whom an event concerns, of the tenants who look at their own pages: asked once for many events.

Who is not concerned is told nothing, not even that something happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboard.live import database
from dashboard.live.touched import Part
from dashboard.live.touched_portal import EVERY_PORTAL

_CONCERNED = """
WITH asked AS (
    SELECT s, split_part(s, ':', 1) AS kind, split_part(s, ':', 2)::uuid AS id FROM unnest(%s::text[]) AS s
), member AS (
    SELECT person.key::text AS person, one.cloud_id, one.domain, one.account
    FROM dashboard_membership AS one JOIN dashboard_user AS person ON person.id = one.user_id
    WHERE person.key::text = ANY(%s)
), vm AS (
    SELECT s, v.* FROM asked JOIN maintenance_systemvm AS v ON v.id = asked.id WHERE kind = 'system_vm'
    UNION ALL SELECT s, v.* FROM asked JOIN maintenance_systemvm AS v ON v.host_id = asked.id WHERE kind = 'host'
    UNION ALL SELECT s, v.* FROM asked JOIN maintenance_target AS t ON t.run_id = asked.id
        JOIN maintenance_systemvm AS v ON v.id = t.system_vm_id WHERE kind = 'run'
), thing AS (
    SELECT s, vm.cloud_id, vm.domain, vm.account FROM vm
    UNION ALL SELECT s, n.cloud_id, n.domain, n.account FROM vm JOIN maintenance_network AS n ON n.id = vm.network_id
    UNION ALL SELECT s, p.cloud_id, p.domain, p.account FROM vm JOIN maintenance_vpc AS p ON p.id = vm.vpc_id
    UNION ALL SELECT s, n.cloud_id, n.domain, n.account
        FROM asked JOIN maintenance_network AS n ON n.id = asked.id WHERE kind = 'network'
    UNION ALL SELECT s, p.cloud_id, p.domain, p.account
        FROM asked JOIN maintenance_vpc AS p ON p.id = asked.id WHERE kind = 'vpc'
    UNION ALL SELECT s, i.cloud_id, i.domain, i.account
        FROM asked JOIN maintenance_instance AS i ON i.id = asked.id WHERE kind = 'instance'
    UNION ALL SELECT s, i.cloud_id, i.domain, i.account
        FROM asked JOIN maintenance_instance AS i ON i.host_id = asked.id WHERE kind = 'host'
    UNION ALL SELECT s, i.cloud_id, i.domain, i.account
        FROM asked JOIN maintenance_target AS t ON t.run_id = asked.id
        JOIN maintenance_instance AS i ON i.host_id = t.host_id WHERE kind = 'run'
    UNION ALL SELECT s, i.cloud_id, i.domain, i.account
        FROM asked JOIN maintenance_target AS t ON t.id = asked.id AND jsonb_typeof(t.instances_before) = 'array'
        CROSS JOIN LATERAL jsonb_array_elements(t.instances_before) AS before
        JOIN maintenance_instance AS i ON i.id = (before ->> 0)::uuid WHERE kind = 'target'
)
SELECT DISTINCT s, person FROM thing JOIN member
    ON member.cloud_id = thing.cloud_id AND member.domain = thing.domain AND member.account IN ('', thing.account)
"""


@dataclass(frozen=True, slots=True)
class Whose:
    """`people`: by what an event is about, whom it concerns. `is_known`: False while nobody could look: then everybody
    gets their own page once more."""

    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    is_known: bool = True

    def concerns(self, topic: str, part: Part) -> bool:
        """Whether the part of this person's page may look different now."""
        person = topic.partition(":")[2]
        if part.topic != EVERY_PORTAL or not part.one or not self.is_known or person not in self.asked:
            return True
        return person in self.people.get(part.one, frozenset())


async def whose(about: set[str], people: set[str]) -> Whose:
    """`about`: what events are about, such as `system_vm:ID`."""
    wanted = sorted(about - {""})
    if not wanted:
        return Whose(asked=frozenset(people))
    try:
        rows = await database.fetch(_CONCERNED, [wanted, sorted(people)])
    except database.DatabaseAway:
        return Whose(is_known=False)
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["s"], set()).add(row["person"])
    return Whose({one: frozenset(who) for one, who in found.items()}, frozenset(people))
