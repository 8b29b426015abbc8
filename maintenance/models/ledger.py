"""What is owed: hosts we took out and have not seen back, requests whose fate is open, and what needs a person."""

import uuid

from django.db import models
from django.db.models.functions import Now

from maintenance.models.inventory import Cluster, Host, ManagementServer, SystemVm
from maintenance.models.runs import Run, Step, Target


class HostOut(models.Model):
    """One host out of service because of us: opened with the intent, closed only by an observation or a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(Host, on_delete=models.DO_NOTHING, related_name="outs", db_constraint=False)
    cluster = models.ForeignKey(
        Cluster, on_delete=models.DO_NOTHING, related_name="outs", db_constraint=False
    )
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="outs")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="outs")
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)  # "observed Enabled and Up", or a person's name
    good_since = models.DateTimeField(null=True)  # first of the two observations, where two are needed

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host"], condition=models.Q(closed_at=None), name="one_open_out_a_host"
            )
        ]
        indexes = [models.Index(fields=["cluster"], condition=models.Q(closed_at=None), name="outs_open")]

    def __str__(self) -> str:
        return f"{self.host_id} out since {self.opened_at}"


class Intent(models.Model):
    """A request that changes something at a cloud, written before it is sent.

    Settled: its reply was read and the cloud's job has ended. Expired: the cloud refuses it from `expires_at` on.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.ForeignKey(
        Host, null=True, on_delete=models.DO_NOTHING, related_name="intents", db_constraint=False
    )
    server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.DO_NOTHING, related_name="intents", db_constraint=False
    )
    system_vm = models.ForeignKey(
        SystemVm, null=True, on_delete=models.DO_NOTHING, related_name="intents", db_constraint=False
    )
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="intents")
    action = models.CharField(max_length=30)  # of a host: prepare | cancel; of a server: ServerMove
    written_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    job_id = models.CharField(max_length=120, blank=True)  # empty: no reply was read
    refused = models.TextField(blank=True)  # the cloud's words, where it said no
    settled_at = models.DateTimeField(null=True)
    job_error = models.TextField(blank=True)

    class Meta:
        ordering = ["written_at"]
        indexes = [
            models.Index(fields=["host"], condition=models.Q(settled_at=None), name="intents_open"),
            models.Index(fields=["server"], condition=models.Q(settled_at=None), name="server_intents_open"),
            models.Index(fields=["job_id"], condition=~models.Q(job_id=""), name="intents_by_job"),
        ]

    def __str__(self) -> str:
        return f"{self.action} of {self.host_id or self.server_id}"


class Attention(models.Model):
    """Something that needs a person: open until it is resolved by what was seen, or by somebody.

    Of a run's target, or, without a run and a target, of a management server.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cause = models.CharField(
        max_length=60
    )  # stage-failed | host-not-back | no-room | foreign-maintenance | …
    title = models.CharField(max_length=300)
    message = models.TextField()
    run = models.ForeignKey(Run, null=True, on_delete=models.CASCADE, related_name="attentions")
    target = models.ForeignKey(Target, null=True, on_delete=models.CASCADE, related_name="attentions")
    host = models.ForeignKey(
        Host, null=True, on_delete=models.DO_NOTHING, related_name="attentions", db_constraint=False
    )
    server = models.ForeignKey(
        ManagementServer,
        null=True,
        on_delete=models.DO_NOTHING,
        related_name="attentions",
        db_constraint=False,
    )
    system_vm = models.ForeignKey(
        SystemVm, null=True, on_delete=models.DO_NOTHING, related_name="attentions", db_constraint=False
    )
    since = models.DateTimeField(db_default=Now())
    taken_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["since"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause", "run", "target", "server"],
                condition=models.Q(resolved_at=None),
                nulls_distinct=False,
                name="one_open_attention_a_cause",
            )
        ]

    def __str__(self) -> str:
        return self.title
