"""What the lab lists: everything, a few seconds old, as a cloud's listings are; or one cluster, read now."""

import random
import threading
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.backends.base import (
    ClusterLook,
    ClusterRead,
    InstanceRead,
    Never,
    PodRead,
    Snapshot,
    ZoneRead,
)
from maintenance.backends.lab.agents import agents_now, balance_settings, settle_agents
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.hosts import COLUMNS, host_read
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import forget_old
from maintenance.backends.lab.system_vms.rows import (
    end_due_boots,
    move_from_drained_hosts,
    networks,
    system_vms,
    vpcs,
)
from maintenance.backends.lab.world import World

FORGET_EVERY_S = 3600
INSTANCE_COLUMNS = (
    "i.id, i.name, i.state, i.host_id, i.account, i.domain, i.cpu_cores, i.memory_mb, i.tags,"
    " i.affinity_groups"
)


class KeptListing:
    """The newest listing of this process, shared by its threads; read again when its random age is reached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._generation: UUID | None = None
        self._read_at = 0.0
        self._good_for_s = 0.0
        self._forgot_at = time.monotonic()

    def get(self, world: World, age_max_s: float | None = None) -> Snapshot:
        """The kept listing, or a new one. `age_max_s` overrides how old it may be."""
        with self._lock:
            age_s = time.monotonic() - self._read_at
            good_for_s = self._good_for_s if age_max_s is None else age_max_s
            if self._snapshot is None or self._generation != world.generation or age_s >= good_for_s:
                world.settle_everywhere()
                settle_agents(world.door, world.config)
                move_from_drained_hosts(world.door)
                end_due_boots(world.door)
                self._snapshot = read_everything(world.door, world.config)
                self._generation = world.generation
                self._read_at = time.monotonic()
                config = world.config
                self._good_for_s = config.scaled(
                    random.uniform(config.listing_age_min_s, config.listing_age_max_s)
                )
                self._forget_old(world.door)
            return self._snapshot

    def _forget_old(self, door: Door) -> None:
        if time.monotonic() - self._forgot_at > FORGET_EVERY_S:
            self._forgot_at = time.monotonic()
            forget_old(door)


def read_everything(door: Door, config: LabConfig) -> Snapshot:
    """Everything there is, in one statement's view for each kind of thing."""
    return Snapshot(
        as_of=door.now(),
        zones=tuple(ZoneRead(*row) for row in door.rows("SELECT id, name FROM lab_zone ORDER BY name")),
        pods=tuple(PodRead(*row) for row in door.rows("SELECT id, zone_id, name FROM lab_pod ORDER BY name")),
        clusters=tuple(
            ClusterRead(*row)
            for row in door.rows(
                "SELECT id, pod_id, name, hypervisor, allocation_state FROM lab_cluster ORDER BY name"
            )
        ),
        hosts=tuple(host_read(row) for row in door.rows(f"SELECT {COLUMNS} FROM lab_host h ORDER BY h.name")),
        instances=tuple(
            instance_read(row)
            for row in door.rows(f"SELECT {INSTANCE_COLUMNS} FROM lab_instance i ORDER BY i.name")
        ),
        agents=agents_now(door),
        balance=balance_settings(door, config),
        vpcs=vpcs(door),
        networks=networks(door),
        system_vms=system_vms(door),
    )


def read_cluster(door: Door, cluster_id: UUID) -> ClusterLook:
    """The cluster's hosts and what runs on them, now. Raises: Never."""
    as_of: datetime = door.now()
    hosts = door.rows(f"SELECT {COLUMNS} FROM lab_host h WHERE h.cluster_id = %s ORDER BY h.name", cluster_id)
    if not hosts and not door.row("SELECT 1 FROM lab_cluster WHERE id = %s", cluster_id):
        raise Never(f"there is no cluster {cluster_id}")
    instances = door.rows(
        f"SELECT {INSTANCE_COLUMNS} FROM lab_instance i JOIN lab_host h ON h.id = i.host_id"
        " WHERE h.cluster_id = %s ORDER BY i.name",
        cluster_id,
    )
    return ClusterLook(
        as_of, tuple(host_read(row) for row in hosts), tuple(instance_read(row) for row in instances)
    )


def cluster_of_listing(listing: Snapshot, cluster_id: UUID) -> ClusterLook:
    """The same from a listing, for a lab that answers stale. Raises: Never."""
    if cluster_id not in {cluster.id for cluster in listing.clusters}:
        raise Never(f"there is no cluster {cluster_id}")
    hosts = tuple(host for host in listing.hosts if host.cluster_id == cluster_id)
    ids = {host.id for host in hosts}
    return ClusterLook(listing.as_of, hosts, tuple(i for i in listing.instances if i.host_id in ids))


def instance_read(row: tuple[Any, ...]) -> InstanceRead:
    """A row of INSTANCE_COLUMNS as the protocol's value."""
    return InstanceRead(*[*row[:8], tuple(row[8]), tuple(row[9])])
