"""What was read from the clouds, and when. Nothing here is ours to decide: rows follow the last good reading.

A reading is taken whole or not at all, so the cloud's `read_at` is when each of its listed rows was last seen: that
costs nothing per row. A row that could no longer be read is unknown (`is_known`), never green; one that the cloud no
longer lists keeps `gone_at`.
"""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce


class Cloud(models.Model):
    """One cloud we talk to, and how the last reading of it went."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20)  # lab | cloudstack | openstack
    read_at = models.DateTimeField(null=True)  # our time of the last good reading
    as_of = models.DateTimeField(null=True)  # the cloud's own time of that listing
    read_error = models.TextField(blank=True)  # why the last reading failed; empty when it went well
    sync_due_at = models.DateTimeField(null=True)  # the next reading; one engine takes it at a time
    # Management servers and their jobs have readings of their own, about twice a second.
    servers_read_at = models.DateTimeField(null=True)
    servers_as_of = models.DateTimeField(null=True)
    servers_error = models.TextField(blank=True)
    servers_due_at = models.DateTimeField(null=True)
    balance = models.JSONField(null=True)  # its settings of agent balance (backends/base.py); null: not read
    poll_s = models.PositiveIntegerField(null=True)  # how often its lists are read; null: the environment's
    unknown_s = models.PositiveIntegerField(
        null=True
    )  # a reading older than this is no knowledge of the present; null: the environment's

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def is_known(self, now: datetime) -> bool:
        """Whether the last good reading is fresh enough to be shown as the present."""
        return self.read_at is not None and now - self.read_at <= timedelta(seconds=self.known_for_s())

    def known_for(self) -> timedelta:
        """`known_for_s` as a duration."""
        return timedelta(seconds=self.known_for_s())

    def known_for_s(self) -> int:
        """How old the last good reading may be to be shown as the present."""
        return self.unknown_s or settings.INVENTORY_UNKNOWN_S

    def read_every_s(self) -> int:
        """How often its lists are read."""
        return self.poll_s or settings.INVENTORY_POLL_S


def known_cloud(now: datetime) -> models.Q:
    """`Cloud.is_known` of a row's cloud, for queries."""
    known_for_s = Coalesce(models.F("cloud__unknown_s"), models.Value(settings.INVENTORY_UNKNOWN_S))
    known_for = models.ExpressionWrapper(
        known_for_s * models.Value(timedelta(seconds=1)), output_field=models.DurationField()
    )
    return models.Q(cloud__read_at__gte=models.Value(now) - known_for)


class Listed(models.Model):
    """Shared by everything a cloud lists. The id is the cloud's own. Load with `select_related("cloud")`."""

    id = models.UUIDField(primary_key=True, editable=False)
    cloud = models.ForeignKey(Cloud, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)
    changed_at = models.DateTimeField()  # the reading that showed this row as it is
    gone_at = models.DateTimeField(null=True)  # the reading that no longer listed it

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    def is_known(self, now: datetime) -> bool:
        """Whether this row was read recently enough to be shown as the present."""
        return self.gone_at is None and self.cloud.is_known(now)

    @property
    def seen_at(self) -> datetime:
        """When a reading of the cloud last listed this row."""
        return self.changed_at if self.gone_at or self.cloud.read_at is None else self.cloud.read_at


class Zone(Listed):
    class Meta:
        ordering = ["name"]


class Pod(Listed):
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="pods")

    class Meta:
        ordering = ["name"]


class Cluster(Listed):
    """Its row is also the lock under which the budget of hosts out is counted."""

    pod = models.ForeignKey(Pod, on_delete=models.CASCADE, related_name="clusters")
    hypervisor = models.CharField(max_length=40)
    allocation_state = models.CharField(max_length=40)

    class Meta:
        ordering = ["name"]


class ManagementServer(Listed):
    """`state` in CloudStack's spelling (domain/servers.py). Read more often than the rest: `Cloud.servers_read_at`."""

    state = models.CharField(max_length=40)
    version = models.CharField(max_length=40)
    agents = models.PositiveIntegerField()  # connected now
    pending_jobs = models.PositiveIntegerField(default=0)  # as the server counts them
    address = models.CharField(max_length=255, blank=True)  # what the cloud's `host` setting calls it
    last_agents = models.JSONField(default=list)  # names of agents whose last server was this one
    peers = models.JSONField(default=list)  # [{name, address, state}]: how it sees the others
    tasks = models.JSONField(default=dict)  # {task: running}: listener, monitors, executors; {}: not told
    os_distribution = models.CharField(max_length=120, blank=True)
    kernel_version = models.CharField(max_length=120, blank=True)
    java_version = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField(null=True)  # its process
    stopped_at = models.DateTimeField(null=True)
    booted_at = models.DateTimeField(null=True)  # its machine
    window_ends_at = models.DateTimeField(
        null=True
    )  # while PreparingForMaintenance, where the cloud tells it
    is_forced = models.BooleanField(default=False)  # at the end of the window on to Maintenance

    class Meta:
        ordering = ["name"]

    def is_known(self, now: datetime) -> bool:
        """Whether it was read recently enough: servers have readings of their own."""
        read_at = self.cloud.servers_read_at
        return self.gone_at is None and read_at is not None and now - read_at <= self.cloud.known_for()

    @property
    def seen_at(self) -> datetime:
        """When a reading of the servers last listed this row."""
        return self.changed_at if self.gone_at else self.cloud.servers_read_at or self.changed_at


class Host(Listed):
    """`state` is the agent's, `resource_state` the administrator's; both in CloudStack's spelling."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="hosts")
    state = models.CharField(max_length=40)
    resource_state = models.CharField(max_length=40)
    hypervisor = models.CharField(max_length=40)
    management_server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.SET_NULL, related_name="hosts", db_constraint=False
    )
    cpu_cores = models.PositiveIntegerField()
    memory_mb = models.PositiveBigIntegerField()
    tags = models.JSONField(default=list)
    guests_max = models.PositiveIntegerField(null=True)
    agent_version = models.CharField(max_length=80, blank=True)
    kernel_version = models.CharField(max_length=120, blank=True)
    boot_id = models.CharField(max_length=80, blank=True)
    # {stage: {present, path, digest, problem}} or null: not known.
    hooks = models.JSONField(null=True)
    hooks_dir = models.CharField(max_length=1000, blank=True)
    hooks_executor = models.CharField(max_length=20, blank=True)
    hooks_limits = models.CharField(max_length=200, blank=True)
    hooks_warnings = models.JSONField(default=list)
    hooks_seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["cluster", "gone_at"])]

    def is_in_service(self) -> bool:
        """As last read: agent Up, administratively Enabled."""
        return self.state == "Up" and self.resource_state == "Enabled" and self.gone_at is None


class Instance(Listed):
    host = models.ForeignKey(
        Host, null=True, on_delete=models.SET_NULL, related_name="instances", db_constraint=False
    )
    state = models.CharField(max_length=40)
    account = models.CharField(max_length=255)
    domain = models.CharField(max_length=255)
    cpu_cores = models.PositiveIntegerField()
    memory_mb = models.PositiveBigIntegerField()
    tags = models.JSONField(default=list)
    affinity_groups = models.JSONField(default=list)

    class Meta:
        ordering = ["name"]


class Vpc(Listed):
    """Several networks (tiers) behind one router."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="vpcs", db_constraint=False)
    account = models.CharField(max_length=255)
    domain = models.CharField(max_length=255)
    new_router_version = models.CharField(max_length=40, blank=True)  # of the image that a new router gets

    class Meta:
        ordering = ["name"]


class Network(Listed):
    """A customer's network. In a VPC it is a tier, and the VPC's router serves it."""

    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="networks", db_constraint=False)
    vpc = models.ForeignKey(
        Vpc, null=True, on_delete=models.SET_NULL, related_name="tiers", db_constraint=False
    )
    account = models.CharField(max_length=255)
    domain = models.CharField(max_length=255)
    state = models.CharField(max_length=40)
    is_redundant = models.BooleanField(default=False)
    new_router_version = models.CharField(max_length=40, blank=True)  # of the image that a new router gets

    class Meta:
        ordering = ["name"]


class SystemVm(Listed):
    """A system VM or virtual router. What runs in it is what was probed in it, never what was intended."""

    type = models.CharField(max_length=40)  # domain/system_vms.py SystemVmType
    state = models.CharField(max_length=40)
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="system_vms", db_constraint=False)
    host = models.ForeignKey(
        Host, null=True, on_delete=models.SET_NULL, related_name="system_vms", db_constraint=False
    )
    network = models.ForeignKey(
        Network, null=True, on_delete=models.SET_NULL, related_name="routers", db_constraint=False
    )
    vpc = models.ForeignKey(
        Vpc, null=True, on_delete=models.SET_NULL, related_name="routers", db_constraint=False
    )
    account = models.CharField(max_length=255, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    redundant_state = models.CharField(max_length=20, blank=True)  # PRIMARY | BACKUP; empty: no pair
    template_version = models.CharField(max_length=40, blank=True)
    base_image = models.CharField(max_length=120, blank=True)
    public_ips = models.JSONField(default=list)
    rules = models.JSONField(default=dict)  # {firewall: n, port_forwarding: n, load_balancing: n}
    # As probed in it
    software_version = models.CharField(max_length=40, blank=True)
    scripts_checksum = models.CharField(max_length=64, blank=True)
    services = models.JSONField(default=list)  # [{name, is_enabled, is_active, version}]
    probed_at = models.DateTimeField(null=True)  # the last time that it answered
    looked_at = models.DateTimeField(null=True)  # the last time that it was asked
    probe_error = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]


class Agent(Listed):
    """What holds a connection to a management server: a host's agent (same id as the host) or a system VM's."""

    kind = models.CharField(max_length=40)  # host | consoleproxy | secondarystoragevm
    host_order = models.BigIntegerField()  # the cloud's internal number: round robin counts by it
    zone = models.ForeignKey(Zone, on_delete=models.CASCADE, related_name="agents", db_constraint=False)
    cluster = models.ForeignKey(
        Cluster, null=True, on_delete=models.CASCADE, related_name="agents", db_constraint=False
    )
    is_direct = models.BooleanField(default=False)  # the server connects to it; it knows no list
    state = models.CharField(max_length=40)
    resource_state = models.CharField(max_length=40)
    management_server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.SET_NULL, related_name="agent_rows", db_constraint=False
    )
    servers_listed = models.JSONField(null=True)  # addresses it was given, in its order; null: not known
    algorithm = models.CharField(max_length=20, blank=True)  # what it keeps behind the @; empty: none
    check_interval_s = models.PositiveIntegerField(null=True)  # null: it does not look

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["management_server", "gone_at"])]


class PendingJob(Listed):
    """An asynchronous job a management server still works on; `name` is its command, without the Java package."""

    management_server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.CASCADE, related_name="jobs", db_constraint=False
    )
    resource_type = models.CharField(max_length=80, blank=True)
    resource_name = models.CharField(max_length=255, blank=True)
    account = models.CharField(max_length=255, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    created = models.DateTimeField()
    progress = models.PositiveSmallIntegerField(null=True)  # percent, where the cloud tells it

    class Meta:
        ordering = ["created"]

    def is_known(self, now: datetime) -> bool:
        """Whether it was read recently enough: jobs are read together with the servers."""
        read_at = self.cloud.servers_read_at
        return self.gone_at is None and read_at is not None and now - read_at <= self.cloud.known_for()


class CutOffJob(Listed):
    """A job that ended because its server did: forced into maintenance, shut down, or died. Nobody knows how far its
    resource got, so a person reconciles it. Kept when the cloud no longer lists it, until then."""

    management_server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.SET_NULL, related_name="cut_off", db_constraint=False
    )
    server_name = models.CharField(max_length=255)
    resource_type = models.CharField(max_length=80, blank=True)
    resource_name = models.CharField(max_length=255, blank=True)
    account = models.CharField(max_length=255, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    created = models.DateTimeField()
    ended_at = models.DateTimeField()
    why = models.CharField(max_length=500)
    reconciled_at = models.DateTimeField(null=True)
    reconciled_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-ended_at"]
