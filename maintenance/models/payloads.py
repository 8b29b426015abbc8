"""Updates for system VMs: what was published, where it is kept, and what probes measured while one was applied."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from maintenance.models.inventory import SystemVm
from maintenance.models.runs import Run


class Payload(models.Model):
    """A published update: its signed manifest was checked against our public keys before this row was made.

    The files lie under var/payloads/SHA256, once per checksum. Never changed, never deleted while a run names it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.CharField(max_length=40)
    types = ArrayField(models.CharField(max_length=40))  # domain/system_vms.py SystemVmType
    base_image = models.CharField(max_length=120, blank=True)
    agent_sha256 = models.CharField(max_length=64)  # of agent.zip
    scripts_sha256 = models.CharField(max_length=64)  # of cloud-scripts.tgz
    scripts_md5 = models.CharField(max_length=32)  # CloudStack's own signature of cloud-scripts.tgz
    advisories = models.JSONField(default=list)  # [{id, title, is_security}]
    manifest = models.TextField()  # the bytes that were signed, as text
    signed_by = models.CharField(max_length=120)  # the name of the key
    sources = models.JSONField(default=list)  # where its files came from
    published_at = models.DateTimeField(db_default=Now())
    published_by = models.CharField(max_length=150)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-published_at"]
        constraints = [
            models.UniqueConstraint(fields=["version", "scripts_sha256"], name="one_payload_a_version")
        ]

    def __str__(self) -> str:
        return f"payload {self.version}"

    @property
    def fixes_security(self) -> bool:
        return any(advisory.get("is_security") for advisory in self.advisories)


class Downtime(models.Model):
    """What probes measured from outside while a run touched one router: time without an answer, summed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="downtimes")
    system_vm = models.ForeignKey(
        SystemVm, on_delete=models.DO_NOTHING, related_name="downtimes", db_constraint=False
    )
    way = models.CharField(max_length=20)  # ingress | egress | load-balancer
    interval_ms = models.PositiveIntegerField()  # between two probes
    probes = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    down_ms = models.FloatField(default=0)  # last good → next good, summed; also what still lasts
    gaps = models.JSONField(default=list)  # [{from, to, ms}], the longest first, bounded
    # It did not answer before anything was changed: nothing is counted before it answers for the first time.
    was_down_before = models.BooleanField(default=False)
    interrupted = models.PositiveIntegerField(
        default=0
    )  # so often nobody probed for a while: an engine had ended
    # Where the next step of the same attempt, or another engine, goes on measuring.
    attempt = models.PositiveSmallIntegerField(default=1)
    open_ms = models.FloatField(default=0)  # of down_ms: the gap that was not over at the last probe
    last_good_at = models.DateTimeField(null=True)
    last_probe_at = models.DateTimeField(null=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["run", "system_vm", "way"]
        constraints = [models.UniqueConstraint(fields=["run", "system_vm", "way"], name="one_downtime_a_way")]

    def __str__(self) -> str:
        return f"{self.way} of {self.system_vm_id}: {self.down_ms} ms"
