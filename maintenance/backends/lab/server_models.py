"""The lab's management servers, what is asked of them, and other people's jobs on them: rows of their own."""

from django.db import models
from django.db.models.functions import Now


class LabRow(models.Model):
    """Shared by all: a row is called by its name, where it has one."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(getattr(self, "name", self.pk))


class ManagementServer(LabRow):
    """`state` is spelled as CloudStack does; what it is about to become is computed from the moments (servers/)."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField(unique=True)
    state = models.TextField(default="Up")
    version = models.TextField()
    address = models.TextField(default="")  # what the setting `host` calls it
    os_distribution = models.TextField(default="")
    kernel_version = models.TextField(default="")
    java_version = models.TextField(default="")
    booted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    process = models.IntegerField(default=1)  # counts its process's starts
    since = models.DateTimeField(db_default=Now())  # when it entered its state
    algorithm = models.TextField(default="")  # of the preparation; empty: the setting's
    is_forced = models.BooleanField(default=False)
    window_ends_at = models.DateTimeField(null=True)
    last_job_ended_at = models.DateTimeField(null=True)
    handed_over_at = models.DateTimeField(null=True)  # its agents were told to go
    tasks_stopped_at = models.DateTimeField(null=True)
    tasks_start_at = models.DateTimeField(null=True)  # Up again, its background tasks start then
    came_from_maintenance = models.BooleanField(default=False)
    starts_at = models.DateTimeField(null=True)  # while Down: its process starts then
    is_unreachable = models.BooleanField(default=False)  # the other servers cannot reach it
    refuses_with = models.TextField(default="")  # its own refusal of whatever it is asked

    class Meta:
        db_table = "lab_management_server"
        constraints = [
            models.UniqueConstraint(
                fields=["address"], condition=~models.Q(address=""), name="lab_server_by_address"
            )
        ]


class ServerMoment(LabRow):
    """A server entered a state, and why."""

    server = models.ForeignKey(ManagementServer, models.CASCADE)
    at = models.DateTimeField()
    state = models.TextField()
    why = models.TextField()

    class Meta:
        db_table = "lab_server_moment"


class ServerRequest(LabRow):
    """A request about a server that was accepted, or is on its slow way. Delivered twice it is carried out once."""

    id = models.UUIDField(primary_key=True)
    server = models.ForeignKey(ManagementServer, models.CASCADE)
    move = models.TextField()
    details = models.JSONField(default=dict)
    expires_at = models.DateTimeField()
    arrives_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    refusal = models.TextField(default="")  # of one that arrived late: nobody heard it

    class Meta:
        db_table = "lab_server_request"


class PendingJob(LabRow):
    """Work of other people on the cloud. One that recurs is replaced by its like, on a server that is Up."""

    id = models.UUIDField(primary_key=True)
    management_server = models.ForeignKey(ManagementServer, models.SET_NULL, null=True)
    command = models.TextField()
    resource_type = models.TextField()
    resource_name = models.TextField(default="")
    account = models.TextField()
    domain = models.TextField()
    created = models.DateTimeField()
    ends = models.DateTimeField(null=True)  # null: never
    recurs = models.BooleanField(default=False)
    waits = models.BooleanField(default=False)  # not begun: no server is Up

    class Meta:
        db_table = "lab_pending_job"


class CutOffJob(LabRow):
    """A job that ended because its server did."""

    id = models.UUIDField(primary_key=True)
    management_server = models.ForeignKey(ManagementServer, models.SET_NULL, null=True)
    server_name = models.TextField()
    command = models.TextField()
    resource_type = models.TextField()
    resource_name = models.TextField()
    account = models.TextField()
    domain = models.TextField()
    created = models.DateTimeField()
    ended_at = models.DateTimeField()
    why = models.TextField()

    class Meta:
        db_table = "lab_cut_off_job"
