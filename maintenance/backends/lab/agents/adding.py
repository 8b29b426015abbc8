"""Agents come with their hosts, and with their zone's two system VMs, as CloudStack sees to itself."""

from maintenance.backends.lab.outside import Door

INDIRECT_HYPERVISORS = (
    "KVM",
    "LXC",
)  # their agents connect to a server; with others the server connects to the host

LACKS_AGENTS = (
    "EXISTS (SELECT 1 FROM lab_host h WHERE NOT EXISTS (SELECT 1 FROM lab_agent a WHERE a.host_id = h.id))"
    " OR EXISTS (SELECT 1 FROM lab_zone z WHERE 2 > (SELECT count(*) FROM lab_agent a WHERE a.zone_id = z.id"
    "   AND a.kind <> 'host'))"
)


def add_agents(door: Door) -> int:
    """Every host and every zone has its agents; how many are new. They connect when somebody looks. Takes no lock."""
    hosts = door.run(
        "INSERT INTO lab_agent (id, name, kind, host_order, zone_id, cluster_id, host_id, is_direct, state,"
        " resource_state, servers_listed, algorithm, check_interval_s, is_leaving, stuck, is_away, session,"
        " longest_gap_s)"
        " SELECT h.id, h.name, 'host', (SELECT coalesce(max(host_order), 0) FROM lab_agent)"
        "   + row_number() OVER (ORDER BY h.name), p.zone_id, h.cluster_id, h.id, NOT h.hypervisor = ANY(%s),"
        "   'Up', 'Enabled', '', '', 0, false, '', true, h.agent_session, 0"
        " FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id"
        " WHERE NOT EXISTS (SELECT 1 FROM lab_agent a WHERE a.host_id = h.id)",
        list(INDIRECT_HYPERVISORS),
    )
    system_vms = door.run(
        "INSERT INTO lab_agent (id, name, kind, host_order, zone_id, is_direct, state, resource_state,"
        " servers_listed, algorithm, check_interval_s, is_leaving, stuck, is_away, session, longest_gap_s)"
        " SELECT md5('agent:' || letter || n)::uuid, letter || '-' || n || '-VM', kind, last_order + place,"
        "   zone_id, false, 'Up', 'Enabled', '', '', 0, false, '', true, 0, 0"
        " FROM (SELECT z.id AS zone_id, k.kind, k.letter, row_number() OVER in_order AS place,"
        "   (SELECT coalesce(max(host_order), 0) FROM lab_agent) AS last_order,"
        "   (SELECT coalesce(max(split_part(name, '-', 2)::int), 0) FROM lab_agent WHERE kind <> 'host')"
        "     + row_number() OVER in_order AS n"
        "   FROM lab_zone z CROSS JOIN (VALUES ('secondarystoragevm', 's'), ('consoleproxy', 'v')) AS k(kind, letter)"
        "   WHERE NOT EXISTS (SELECT 1 FROM lab_agent a WHERE a.zone_id = z.id AND a.kind = k.kind)"
        "   WINDOW in_order AS (ORDER BY z.name, k.letter)) AS lacking",
    )
    return hosts + system_vms
