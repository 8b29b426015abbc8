"""What we do: a run over many hosts, one target a host, one step a stage, and what the scripts printed."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import OnFailure, RunKind, RunState, Stage, StepState, TargetState
from maintenance.models.inventory import Cloud, Cluster, Host, ManagementServer, SystemVm


class Run(models.Model):
    """One operation over hosts or management servers. Steering (pause, resume, cancel) is columns the engine reads."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(unique=True, editable=False)  # what people call it: "Run 118"
    kind = models.CharField(max_length=30, choices=[(k, k) for k in RunKind])
    cloud = models.ForeignKey(Cloud, on_delete=models.PROTECT, related_name="runs")
    state = models.CharField(max_length=20, default=RunState.QUEUED, choices=[(s, s) for s in RunState])

    scope_kind = models.CharField(max_length=20)  # zones | pods | clusters | hosts
    scope_ids = ArrayField(models.UUIDField())
    scope_words = models.CharField(max_length=500)  # "zone1, zone2"
    plan_hash = models.CharField(max_length=64, blank=True)
    plan_version = models.PositiveSmallIntegerField(
        default=1
    )  # stages and their meaning, as this release knows them

    payload = models.TextField(null=True)  # noqa: DJ001 – no payload and an empty one are not the same argument
    timeout_s = models.PositiveIntegerField()
    drain_timeout_s = models.PositiveIntegerField()
    on_failure = models.CharField(max_length=10, default=OnFailure.PAUSE, choices=[(f, f) for f in OnFailure])
    max_unavailable = models.PositiveIntegerField(default=1)
    clusters_in_parallel = models.PositiveIntegerField(default=1)
    skip_unready = models.BooleanField(default=False)
    not_before = models.DateTimeField(null=True)

    # Runs over management servers; see maintenance/domain/servers.py
    algorithm = models.CharField(max_length=20, blank=True)  # how agents leave; empty: the cloud's setting
    forced = models.BooleanField(default=False)  # at the end of the window on to Maintenance, not back to Up
    rebalance = models.BooleanField(default=True)  # agents go home at once when a server is Up again
    # Runs over system VMs; see maintenance/domain/patch_run.py
    payload_id = models.UUIDField(null=True)  # the published payload
    soak_s = models.PositiveIntegerField(default=10)  # services must have run this long after their restart
    canary = models.PositiveIntegerField(default=0)  # so many first, alone
    # Restarts of routers; see maintenance/domain/router_restart.py
    way = models.CharField(max_length=20, blank=True, choices=[(w, w) for w in RestartWay])
    way_words = models.CharField(max_length=500, blank=True)  # why not the way that one would expect
    makes_redundant = models.BooleanField(default=False)
    settle_s = models.PositiveIntegerField(default=0)  # watched this long before the next server's turn

    started_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)
    ticket = models.CharField(max_length=120, blank=True)

    pausing = models.BooleanField(default=False)  # asked to pause; begun hosts still finish their way home
    paused_reason = models.JSONField(null=True)  # {code, message, host, since, by}
    ending = models.CharField(max_length=20, blank=True)  # while Stopping: the end it goes to
    details = models.TextField(blank=True)  # the sentence about how it ended

    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    engine_looked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["state"])]

    def __str__(self) -> str:
        return f"Run {self.number}"


class RunPlan(models.Model):
    """What was planned when the run was started, host by host, for its page and its report.

    A table of its own: lists of runs never load it. Runs from before it was kept, and hosts by hand, have none.
    `maintenance/kept_plan.py` reads it.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="plan")
    computed_at = models.DateTimeField()
    minutes_low = models.FloatField(null=True)  # null: too little was learned
    minutes_high = models.FloatField(null=True)
    lines = models.JSONField()  # in order, one per host

    def __str__(self) -> str:
        return f"Plan of run {self.run_id}"


class Target(models.Model):
    """One host, or one management server, in a run, and where it is on its way."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="targets")
    # It may leave the inventory while its history stays: no constraints, and its names are kept here.
    host = models.ForeignKey(
        Host, null=True, on_delete=models.DO_NOTHING, related_name="targets", db_constraint=False
    )
    cluster = models.ForeignKey(
        Cluster, null=True, on_delete=models.DO_NOTHING, related_name="targets", db_constraint=False
    )
    server = models.ForeignKey(
        ManagementServer, null=True, on_delete=models.DO_NOTHING, related_name="targets", db_constraint=False
    )
    system_vm = models.ForeignKey(
        SystemVm, null=True, on_delete=models.DO_NOTHING, related_name="targets", db_constraint=False
    )
    name = models.CharField(max_length=255)
    cluster_name = models.CharField(max_length=255, blank=True)
    zone_name = models.CharField(max_length=255, blank=True)
    order = models.PositiveIntegerField()

    state = models.CharField(
        max_length=20, default=TargetState.WAITING, choices=[(s, s) for s in TargetState]
    )
    is_open = models.BooleanField(
        default=True
    )  # belongs to a run that is not over: a host has at most one open target
    detail = models.TextField(blank=True)  # why it is where it is, in words
    next_stage = models.CharField(
        max_length=30, blank=True, choices=[(s, s) for s in Stage]
    )  # due, not yet started
    preflight = models.CharField(max_length=20, blank=True)  # "", ok, not_needed, failed
    preflight_at = models.DateTimeField(null=True)
    not_needed = models.TextField(
        blank=True
    )  # which stage said so (exit 70), or that there is no Maintenance script
    failing = models.TextField(blank=True)  # it will end Failed, for this reason, once it is back in service
    cancelling = models.BooleanField(default=False)  # it will end Cancelled once it is back in service
    attempt = models.PositiveSmallIntegerField(default=1)

    result = models.CharField(max_length=30, blank=True)  # of a live patch: domain/system_vms.py PatchOutcome
    zone_id = models.UUIDField(null=True)  # of a system VM: at most so many of a zone are at work at once
    group = models.UUIDField(null=True)  # of a router: its network or VPC; a pair is done one after the other
    instances_before = models.JSONField(null=True)  # census: ids of instances running on it before the drain
    out_at = models.DateTimeField(null=True)  # left service
    back_at = models.DateTimeField(null=True)  # seen back in service
    finished_at = models.DateTimeField(null=True)
    agent_before = models.CharField(max_length=200, blank=True)  # "kernel · agent version" before the run
    agent_after = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["run", "order"]
        indexes = [
            models.Index(fields=["run", "state", "cluster", "order"]),
            models.Index(fields=["host", "is_open"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "host"], name="one_target_a_host"),
            # Active runs never share a host.
            models.UniqueConstraint(
                fields=["host"], condition=models.Q(is_open=True), name="one_open_target_a_host"
            ),
            models.UniqueConstraint(fields=["run", "server"], name="one_target_a_server"),
            models.UniqueConstraint(
                fields=["server"], condition=models.Q(is_open=True), name="one_open_target_a_server"
            ),
            models.UniqueConstraint(fields=["run", "system_vm"], name="one_target_a_system_vm"),
            models.UniqueConstraint(
                fields=["system_vm"], condition=models.Q(is_open=True), name="one_open_target_a_system_vm"
            ),
            models.CheckConstraint(
                condition=models.Q(host__isnull=False, server=None, system_vm=None)
                | models.Q(host=None, server__isnull=False, system_vm=None)
                | models.Q(host=None, server=None, system_vm__isnull=False),
                name="target_is_one_thing",
            ),
            models.CheckConstraint(
                condition=models.Q(host=None) | models.Q(cluster__isnull=False),
                name="target_host_has_cluster",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def host_key(self) -> uuid.UUID:
        """The host's id. Only targets of runs over hosts have one."""
        assert self.host_id is not None
        return self.host_id

    @property
    def cluster_key(self) -> uuid.UUID:
        """The id of the host's cluster. Only targets of runs over hosts have one."""
        assert self.cluster_id is not None
        return self.cluster_id

    @property
    def system_vm_key(self) -> uuid.UUID:
        """The system VM's id. Only targets of runs over system VMs have one."""
        assert self.system_vm_id is not None
        return self.system_vm_id

    @property
    def server_key(self) -> uuid.UUID:
        """The management server's id. Only targets of runs over servers have one."""
        assert self.server_id is not None
        return self.server_id


class Step(models.Model):
    """One stage of one target, one attempt. Who does it is fenced: every write names the epoch it was claimed at."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="steps")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    stage = models.CharField(max_length=30, choices=[(s, s) for s in Stage])
    attempt = models.PositiveSmallIntegerField(default=1)
    round = models.PositiveSmallIntegerField(
        default=1
    )  # a PreFlight that got too old runs again in a new round
    state = models.CharField(max_length=20, default=StepState.PENDING, choices=[(s, s) for s in StepState])

    due_at = models.DateTimeField(db_default=Now())  # not before
    epoch = models.PositiveIntegerField(default=0)
    owner = models.UUIDField(null=True)  # the engine process
    lease_until = models.DateTimeField(null=True)
    takeovers = models.PositiveSmallIntegerField(default=0)

    ticket = models.UUIDField(default=uuid.uuid4, editable=False)  # the same ticket never runs a script twice
    script = models.CharField(max_length=1000, blank=True)  # path of the script; empty: none found (yet)
    note = models.TextField(blank=True)  # "no script", "waiting for the agent", …
    movement = models.JSONField(default=dict)  # drains: {moved, left, moving, stuck}; scripts: {bytes}
    deadline_at = models.DateTimeField(null=True)

    outcome = models.CharField(max_length=20, blank=True, choices=[(o, o) for o in Outcome])
    exit_status = models.IntegerField(null=True)
    detail = models.TextField(blank=True)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    output_bytes = models.PositiveBigIntegerField(default=0)  # printed so far, kept or not

    class Meta:
        ordering = ["target", "started"]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="Pending"), name="steps_due"),
            models.Index(fields=["lease_until"], condition=models.Q(state="Running"), name="steps_leased"),
            models.Index(fields=["run", "stage", "finished"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["target", "stage", "attempt", "round"], name="one_step_a_stage"),
            models.UniqueConstraint(
                fields=["target"], condition=~models.Q(state="Ended"), name="one_open_step_a_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} of {self.target_id}"


class OutputChunk(models.Model):
    """A piece of what a script printed, as bytes from `start`; head and tail are kept, the middle may be missing."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="chunks")
    start = models.PositiveBigIntegerField()
    content = models.BinaryField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["step", "start"]
        constraints = [models.UniqueConstraint(fields=["step", "start"], name="one_chunk_a_place")]

    def __str__(self) -> str:
        return f"{self.step_id} from {self.start}"
