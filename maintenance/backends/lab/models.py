"""The lab cloud's own tables: what there is, what is due and when, and a record of what was done to it.

Nothing ticks: whatever takes time is a row of `Due` (when, what), applied in order by whoever looks next (settle.py).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from maintenance.backends.lab.server_models import CutOffJob as CutOffJob
from maintenance.backends.lab.server_models import LabRow as LabRow
from maintenance.backends.lab.server_models import ManagementServer as ManagementServer
from maintenance.backends.lab.server_models import PendingJob as PendingJob
from maintenance.backends.lab.server_models import ServerMoment as ServerMoment
from maintenance.backends.lab.server_models import ServerRequest as ServerRequest
from maintenance.backends.lab.system_vm_models import Network as Network
from maintenance.backends.lab.system_vm_models import RouterRestart as RouterRestart
from maintenance.backends.lab.system_vm_models import SystemVm as SystemVm
from maintenance.backends.lab.system_vm_models import Vpc as Vpc


def _words() -> "ArrayField[list[str], list[str]]":
    return ArrayField(models.TextField(), default=list)


class World(LabRow):
    """The one row of the whole lab. `generation` changes with every reset, so that nobody keeps an old listing."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    generation = models.UUIDField()
    settings = models.JSONField(default=dict)  # only what differs from the defaults (config.py)

    class Meta:
        db_table = "lab_world"


class Zone(LabRow):
    id = models.UUIDField(primary_key=True)
    name = models.TextField(unique=True)

    class Meta:
        db_table = "lab_zone"


class Pod(LabRow):
    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey(Zone, models.CASCADE)
    name = models.TextField()

    class Meta:
        db_table = "lab_pod"


class Cluster(LabRow):
    """The row whose lock orders everything that changes in the cluster."""

    id = models.UUIDField(primary_key=True)
    pod = models.ForeignKey(Pod, models.CASCADE)
    name = models.TextField(unique=True)
    hypervisor = models.TextField()
    allocation_state = models.TextField(default="Enabled")

    class Meta:
        db_table = "lab_cluster"


class Host(LabRow):
    """`state` is the agent's, `resource_state` the administrator's; both spelled as CloudStack does."""

    id = models.UUIDField(primary_key=True)
    cluster = models.ForeignKey(Cluster, models.CASCADE)
    name = models.TextField(unique=True)
    hypervisor = models.TextField()
    state = models.TextField(default="Up")
    resource_state = models.TextField(default="Enabled")
    cpu_cores = models.IntegerField()
    memory_mb = models.IntegerField()
    tags = _words()
    guests_max = models.IntegerField(null=True)
    agent_version = models.TextField(default="")
    kernel_version = models.TextField(default="")
    is_virtual = models.BooleanField(default=False)  # no folder: its scripts are simulated
    boot_id = models.UUIDField()
    agent_session = models.IntegerField(default=1)  # counts the agent's starts
    drain_job = models.UUIDField(null=True)  # the newest prepare, while it lasts and after
    drain_tries = models.IntegerField(default=0)  # rounds in which nothing could move

    class Meta:
        db_table = "lab_host"


class Agent(LabRow):
    """What connects to a management server: a host's agent (with the host's id), or a system VM's; made by itself for
    every host, and for each zone's two system VMs. `state` and `resource_state` are a system VM's own: a host's agent
    has its host's. Few indexes: thousands of rows change at once, and are always read together.
    """

    id = models.UUIDField(primary_key=True)
    name = models.TextField(unique=True)
    kind = models.TextField()  # host | consoleproxy | secondarystoragevm
    host_order = models.BigIntegerField(unique=True)  # the order of adding
    zone = models.ForeignKey(Zone, models.CASCADE, db_index=False)
    cluster = models.ForeignKey(Cluster, models.CASCADE, null=True, db_index=False)
    host = models.OneToOneField(Host, models.CASCADE, null=True)
    is_direct = models.BooleanField(default=False)  # the server connects to it; it knows no list
    state = models.TextField(default="Up")
    resource_state = models.TextField(default="Enabled")
    # what the agent keeps: `host=a,b,c@algorithm`; on disk too, where its host has a folder
    servers_listed = models.TextField(default="")
    algorithm = models.TextField(default="")
    check_interval_s = models.IntegerField(default=0)
    next_check_at = models.DateTimeField(null=True)  # when it looks for its preferred server
    # its connection
    server = models.ForeignKey(
        ManagementServer, models.SET_NULL, null=True, related_name="agents", db_index=False
    )
    last_server = models.ForeignKey(
        ManagementServer, models.SET_NULL, null=True, related_name="last_agents", db_index=False
    )
    moves_to = models.ForeignKey(
        ManagementServer, models.SET_NULL, null=True, related_name="arriving_agents", db_index=False
    )
    moves_at = models.DateTimeField(null=True)  # when it arrives there
    moved_at = models.DateTimeField(null=True)  # when it last arrived anywhere
    is_leaving = models.BooleanField(default=False)  # its server told it to go
    stuck = models.TextField(default="")  # why it does not go, or has no server
    is_away = models.BooleanField(default=False)  # as last seen: the agent itself is not Up
    session = models.IntegerField(default=0)  # of the host's agent, as last seen
    without_since = models.DateTimeField(null=True)  # Up, and connected to nothing
    longest_gap_s = models.FloatField(default=0)  # the longest it was so

    class Meta:
        db_table = "lab_agent"


class Instance(LabRow):
    """`host` is empty while it runs nowhere. While Migrating it counts on both hosts."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField(unique=True)
    state = models.TextField(default="Running")
    host = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="instances")
    goes_to = models.ForeignKey(Host, models.SET_NULL, null=True, related_name="arriving")
    account = models.TextField()
    domain = models.TextField()
    cpu_cores = models.IntegerField()
    memory_mb = models.IntegerField()
    tags = _words()
    affinity_groups = _words()
    uses_local_storage = models.BooleanField(default=False)
    drained_by = models.UUIDField(null=True, db_index=True)  # the job that last moved it away
    stuck_why = models.TextField(default="")

    class Meta:
        db_table = "lab_instance"


class Job(LabRow):
    """One accepted prepare or cancel. A request delivered twice by the network finds its own job again."""

    id = models.UUIDField(primary_key=True)
    request = models.UUIDField(unique=True)
    host = models.ForeignKey(Host, models.CASCADE)
    server = models.ForeignKey(ManagementServer, models.SET_NULL, null=True)  # that accepted it
    kind = models.TextField()  # prepare | cancel
    state = models.TextField(default="pending")  # pending | succeeded | failed
    error = models.TextField(default="")
    created = models.DateTimeField(db_default=Now())
    ended = models.DateTimeField(null=True)

    class Meta:
        db_table = "lab_job"
        indexes = [
            models.Index(fields=["server"], condition=models.Q(state="pending"), name="lab_job_pending")
        ]


class Due(LabRow):
    """What will happen at `at` (the database's clock), once somebody looks after that."""

    cluster = models.ForeignKey(Cluster, models.CASCADE)
    at = models.DateTimeField()
    kind = models.TextField()
    host = models.ForeignKey(Host, models.CASCADE)
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "lab_due"
        indexes = [models.Index(fields=["cluster", "at"], name="lab_due_in_order")]


class Ticket(LabRow):
    """A stage script that was started on a host, and which boot and which agent started it."""

    id = models.UUIDField(primary_key=True)  # the caller's ticket
    host = models.ForeignKey(Host, models.CASCADE)
    stage = models.TextField()
    executor = models.TextField(default="service")
    boot_id = models.UUIDField()
    agent_session = models.IntegerField()
    started = models.DateTimeField(db_default=Now())
    refusal = models.TextField(default="")  # why its script must not run
    ends = models.DateTimeField(null=True)  # simulated scripts only
    exit_status = models.IntegerField(null=True)  # simulated scripts only

    class Meta:
        db_table = "lab_ticket"


class Fault(LabRow):
    """How the lab answers wrongly; see faults.py. `call` "*" is every call."""

    call = models.TextField()
    kind = models.TextField()
    seconds = models.FloatField(default=0)
    text = models.TextField(default="")
    times_left = models.IntegerField(null=True)
    probability = models.FloatField(default=1)
    host = models.ForeignKey(Host, models.CASCADE, null=True)

    class Meta:
        db_table = "lab_fault"


class Effect(LabRow):
    """What was accepted and done, in order: a test counts here that nothing was done twice."""

    at = models.DateTimeField(db_default=Now())
    kind = models.TextField()
    host = models.ForeignKey(Host, models.CASCADE)
    note = models.TextField(default="")

    class Meta:
        db_table = "lab_effect"
        indexes = [models.Index(fields=["host", "kind"], name="lab_effect_by_host")]


class Harm(LabRow):
    """What a wrong engine did to customers; always empty after a right one."""

    at = models.DateTimeField(db_default=Now())
    what = models.TextField()
    host = models.ForeignKey(Host, models.CASCADE)
    instance = models.ForeignKey(Instance, models.CASCADE, null=True)
    note = models.TextField(default="")

    class Meta:
        db_table = "lab_harm"
