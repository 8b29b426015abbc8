"""Makes the lab big: thousands of hosts and their instances, inserted by the database itself."""

from uuid import uuid4

from django.db import transaction

from maintenance.backends.lab import folders, topology
from maintenance.backends.lab.agents.adding import add_agents
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.seed import SCRIPTS
from maintenance.backends.lab.system_vms.grow import add_those_of_zones
from maintenance.domain.hook_stages import HookStage

HOSTS_PER_CLUSTER = 20
CLUSTERS_PER_POD = 10
INSTANCES_PER_HOST = 5
ZONE = "fleet"
REAL_HOSTS_MAX = 200  # each has a folder and real scripts


class TooMany(Exception):
    """More hosts with real folders than one machine should carry: use --virtual."""


def grow(
    door: Door,
    *,
    hosts: int,
    is_virtual: bool,
    clusters: int | None = None,
    instances_each: int = INSTANCES_PER_HOST,
) -> int:
    """So many hosts more, in clusters of their own in zone `fleet`. Returns how many clusters. Raises: TooMany."""
    if not is_virtual and hosts > REAL_HOSTS_MAX:
        raise TooMany(f"{hosts} hosts with folders of their own; at most {REAL_HOSTS_MAX}, or --virtual")
    clusters = clusters or -(-hosts // HOSTS_PER_CLUSTER)
    with transaction.atomic(using=ALIAS):
        found = door.row("SELECT count(*) FROM lab_cluster WHERE name LIKE %s", f"{ZONE}-c%")
        first = (found[0] if found else 0) + 1
        _insert_clusters(door, first, clusters)
        _insert_hosts(door, first, clusters, hosts, is_virtual)
        _insert_instances(door, first, clusters, instances_each)
        with agents_locked(door):
            add_agents(door)
        add_those_of_zones(door)
        door.run("UPDATE lab_world SET generation = %s", uuid4())
    door.run(
        "ANALYZE lab_cluster, lab_host, lab_agent, lab_instance"
    )  # else every look reads the whole fleet
    if not is_virtual:
        _make_folders(door, first, clusters)
    return clusters


def _insert_clusters(door: Door, first: int, clusters: int) -> None:
    """Ids are made of the names, so that the same growth gives the same fleet."""
    door.run(
        "INSERT INTO lab_zone (id, name) VALUES (md5('zone:' || %s)::uuid, %s) ON CONFLICT DO NOTHING",
        ZONE,
        ZONE,
    )
    door.run(
        "INSERT INTO lab_pod (id, zone_id, name) SELECT DISTINCT md5('pod:' || name)::uuid, md5('zone:' || %s)::uuid,"
        " name FROM (SELECT %s || '-p' || lpad(((n - 1) / %s + 1)::text, 3, '0') AS name"
        "   FROM generate_series(%s::int, %s::int) n) AS pods ON CONFLICT DO NOTHING",
        ZONE,
        ZONE,
        CLUSTERS_PER_POD,
        first,
        first + clusters - 1,
    )
    door.run(
        "INSERT INTO lab_cluster (id, pod_id, name, hypervisor, allocation_state) SELECT md5('cluster:' || name)::uuid,"
        " md5('pod:' || pod)::uuid, name, 'KVM', 'Enabled' FROM (SELECT %s || '-c' || lpad(n::text, 4, '0') AS name,"
        "   %s || '-p' || lpad(((n - 1) / %s + 1)::text, 3, '0') AS pod FROM generate_series(%s::int, %s::int) n) AS c",
        ZONE,
        ZONE,
        CLUSTERS_PER_POD,
        first,
        first + clusters - 1,
    )


def _insert_hosts(door: Door, first: int, clusters: int, hosts: int, is_virtual: bool) -> None:
    """Dealt round the clusters. Their agents connect when somebody looks."""
    door.run(
        "INSERT INTO lab_host (id, cluster_id, name, hypervisor, state, resource_state,"
        " cpu_cores, memory_mb, tags, agent_version, kernel_version, is_virtual, boot_id, agent_session, drain_tries)"
        " SELECT md5('host:' || name)::uuid, md5('cluster:' || cluster)::uuid, name, 'KVM', 'Up', 'Enabled',"
        " 64, 131072, '{}', %s, '6.1.0-27-amd64', %s, gen_random_uuid(), 1, 0"
        " FROM (SELECT n, %s || '-c' || lpad((%s::int + n %% %s::int)::text, 4, '0') AS cluster,"
        "   %s || '-c' || lpad((%s::int + n %% %s::int)::text, 4, '0') || '-h' || lpad((n / %s::int + 1)::text, 3, '0')"
        "   AS name FROM generate_series(0, %s::int - 1) n) AS fleet",
        topology.MANAGEMENT_VERSION,
        is_virtual,
        *(ZONE, first, clusters),
        *(ZONE, first, clusters, clusters),
        hosts,
    )


def _insert_instances(door: Door, first: int, clusters: int, instances_each: int) -> None:
    door.run(
        "INSERT INTO lab_instance (id, name, state, host_id, account, domain, cpu_cores, memory_mb, tags,"
        " affinity_groups, uses_local_storage, stuck_why)"
        " SELECT md5('instance:' || h.name || '-' || n)::uuid, h.name || '-i' || n, 'Running', h.id,"
        " 'account-' || (abs(hashtext(h.name)) %% 40 + 1), 'ROOT/fleet', 2, 4096 * (1 + n %% 3), '{}', '{}', false, ''"
        " FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id CROSS JOIN generate_series(1, %s::int) n"
        " WHERE c.name LIKE %s AND substr(c.name, %s::int)::int >= %s",
        instances_each,
        f"{ZONE}-c%",
        len(ZONE) + 3,
        first,
    )


def _make_folders(door: Door, first: int, clusters: int) -> None:
    names = [f"{ZONE}-c{number:04}" for number in range(first, first + clusters)]
    for (name,) in door.rows(
        "SELECT h.name FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id WHERE c.name = ANY(%s)",
        names,
    ):
        folders.make_host_folder(name)
        for stage, file in topology.PLAIN:
            folders.install_script(name, HookStage(stage), "", (SCRIPTS / file).read_bytes())
