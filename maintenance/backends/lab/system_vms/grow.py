"""Simulated system VMs: thousands of routers, each with a network of its own, and the two of every grown zone."""

from uuid import uuid4

from django.db import transaction

from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.system_vms import demo
from maintenance.backends.lab.system_vms.host_payload import scripts_checksum

FIRST = 1000  # r-1000-VM, or after the highest number there is; the demo's own have lower ones
ACCOUNTS = 40

# Dealt round all KVM hosts, in their zones. Ids are made of the names: the same growth gives the same routers.
INSERT = """
WITH hosts AS (SELECT h.id, p.zone_id, row_number() OVER (ORDER BY h.name) - 1 AS place, count(*) OVER () AS many
    FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id
    WHERE h.hypervisor = 'KVM'),
routers AS (SELECT n, 'r-' || n || '-VM' AS name, 'net-' || n AS network, md5('network:net-' || n)::uuid AS network_id,
    'account-' || (n %% %(accounts)s + 1) AS account, hosts.id AS host_id, hosts.zone_id
    FROM generate_series(%(first)s::int, %(last)s::int) n JOIN hosts ON hosts.place = n %% hosts.many),
networks AS (INSERT INTO lab_network (id, zone_id, name, account, domain, state, is_redundant)
    SELECT network_id, zone_id, network, account, 'ROOT/fleet', 'Implemented', false FROM routers RETURNING 1)
INSERT INTO lab_system_vm (id, name, type, state, zone_id, host_id, network_id, account, domain, redundant_state,
    template_version, base_image, public_ips, rules, is_virtual, software_version, scripts_checksum)
SELECT md5('system-vm:' || name)::uuid, name, 'domainrouter', 'Running', zone_id, host_id, network_id, account,
    'ROOT/fleet', '', %(template)s, %(image)s, ARRAY['192.0.2.' || n %% 256],
    ARRAY['ip 192.0.2.' || n %% 256, 'forward 192.0.2.' || n %% 256 || ':22 10.1.1.10:22'], true, %(version)s,
    %(checksum)s
FROM routers
"""

# A zone's secondary storage VM and console proxy are listed where their agents are.
INSERT_OF_ZONES = """
INSERT INTO lab_system_vm (id, name, type, state, zone_id, host_id, account, domain, redundant_state, template_version,
    base_image, public_ips, rules, is_virtual, software_version, scripts_checksum)
SELECT a.id, a.name, a.kind, 'Running', a.zone_id, (SELECT h.id FROM lab_host h
    JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id
    WHERE p.zone_id = a.zone_id ORDER BY h.name LIMIT 1), 'system', 'ROOT', '',
    %s, %s, '{}', '{}', true, %s, %s
FROM lab_agent a WHERE a.kind <> 'host' AND NOT EXISTS (SELECT 1 FROM lab_system_vm v WHERE v.id = a.id)
"""


def add_those_of_zones(door: Door) -> int:
    """Every zone's secondary storage VM and console proxy are there; those that were not are simulated."""
    return door.run(
        INSERT_OF_ZONES, demo.TEMPLATE, demo.BASE_IMAGE, demo.VERSION, scripts_checksum(demo.VERSION)
    )


def grow_system_vms(door: Door, count: int) -> int:
    """So many simulated routers more. Returns how many there are now."""
    with transaction.atomic(using=ALIAS), door.connection.cursor() as cursor:
        cursor.execute("LOCK TABLE lab_system_vm IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(
            "SELECT count(*) FILTER (WHERE is_virtual), greatest(%s, 1 + max(substring(name from"
            " '^[a-z]-([0-9]+)-VM$')::int)) FROM lab_system_vm",
            [FIRST],
        )
        before, first = cursor.fetchone()
        cursor.execute(
            INSERT,
            {
                "accounts": ACCOUNTS,
                "first": first,
                "last": first + count - 1,
                "template": demo.TEMPLATE,
                "image": demo.BASE_IMAGE,
                "version": demo.VERSION,
                "checksum": scripts_checksum(demo.VERSION),
            },
        )
        cursor.execute("UPDATE lab_world SET generation = %s", [uuid4()])
    door.run("ANALYZE lab_network, lab_system_vm")
    return int(before) + count
