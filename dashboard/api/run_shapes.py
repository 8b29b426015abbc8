"""A run as REST tells it: the short form of lists and answers, the long one of one run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.api.downtime_shape import downtime_by_vm
from dashboard.api.result_shapes import Result
from dashboard.api.target_shapes import HostOfRun, ServerOfRun, SystemVmOfRun
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    TARGET_WAITING,
    RunState,
    Stage,
    TargetState,
    word,
)
from maintenance.domain.steering import legal_run_moves
from maintenance.models import Run, Step, Target
from maintenance.output_tails import output_tails
from maintenance.report import run_result

# A server that comes back from its shutdown is taken out of maintenance last.
_LATE = (Stage.SERVER_CANCEL, Stage.SERVER_CANCEL_SHUTDOWN, Stage.SERVER_SETTLE)
WAY = {
    stage: place for place, stage in enumerate([*(stage for stage in Stage if stage not in _LATE), *_LATE])
}
FAILED = frozenset({TargetState.FAILED, TargetState.NEEDS_PERSON})
SKIPPED = frozenset({TargetState.SKIPPED, TargetState.CANCELLED})

type Counts = Mapping[str, int]


class Progress(serializers.Serializer):
    """How many hosts, or management servers, are where; `total` is the sum of the others."""

    total = serializers.IntegerField()
    done = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    waiting = serializers.IntegerField()
    active = serializers.IntegerField()


class PausedReason(serializers.Serializer):
    code = serializers.CharField()
    message = serializers.CharField()
    host = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField()
    by = serializers.CharField()


class RunScope(serializers.Serializer):
    kind = serializers.CharField(help_text="zones, pods, clusters, hosts or servers")
    ids = serializers.ListField(child=serializers.UUIDField())
    words = serializers.CharField()


class ServerRules(serializers.Serializer):
    """What was asked of a run over management servers."""

    algorithm = serializers.CharField(help_text="how agents leave; empty: by the cloud's setting")
    forced = serializers.BooleanField(help_text="at the end of the window on to Maintenance, not back to Up")
    rebalance = serializers.BooleanField(help_text="agents go home at once when a server is Up again")
    settle_s = serializers.IntegerField(help_text="how long a server is watched before the next one's turn")


class RunShort(serializers.Serializer):
    """A run in a list, and as the answer to whatever starts or steers one. Its context holds `counts` by run."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="what people call it: Run 118")
    kind = serializers.CharField(
        help_text="over hosts: rolling, host (one by hand); over management servers: server-maintenance, "
        "server-shutdown, server-restart; over system VMs: live-patch, router-restart"
    )
    cloud = serializers.UUIDField(source="cloud_id")
    cloudname = serializers.CharField(source="cloud.name")
    state = serializers.CharField(help_text=", ".join(RunState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    pausing = serializers.BooleanField(help_text="asked to pause; begun hosts still finish their way home")
    paused_reason = serializers.SerializerMethodField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of pause, resume and cancel")
    progress = serializers.SerializerMethodField()
    scope = serializers.SerializerMethodField()
    payload = serializers.CharField(allow_null=True)
    timeout_s = serializers.IntegerField()
    drain_timeout_s = serializers.IntegerField()
    on_failure = serializers.CharField()
    max_unavailable = serializers.IntegerField()
    clusters_in_parallel = serializers.IntegerField()
    skip_unready = serializers.BooleanField()
    not_before = serializers.DateTimeField(allow_null=True)
    server_rules = serializers.SerializerMethodField(help_text="null for a run over hosts")
    way = serializers.CharField(help_text=f"of a restart of routers: {', '.join(RestartWay)}; else empty")
    way_words = serializers.CharField(help_text="why it is not the way that one would expect")
    plan_hash = serializers.CharField()
    started_by = serializers.CharField()
    reason = serializers.CharField()
    ticket = serializers.CharField()
    created = serializers.DateTimeField(source="created_at")
    started = serializers.DateTimeField(source="started_at", allow_null=True)
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)
    details = serializers.CharField(help_text="the sentence about how it ended")

    def get_word(self, run: Run) -> str:
        return word(run.state)

    @extend_schema_field(ServerRules(allow_null=True))
    def get_server_rules(self, run: Run) -> Any:
        return ServerRules(run).data if run.kind in OVER_SERVERS else None

    @extend_schema_field(PausedReason(allow_null=True))
    def get_paused_reason(self, run: Run) -> Any:
        return run.paused_reason

    def get_moves(self, run: Run) -> list[str]:
        return sorted(legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind))

    @extend_schema_field(Progress)
    def get_progress(self, run: Run) -> dict[str, int]:
        counts: Counts = self.context["counts"].get(run.id, {})
        found: Counter[str] = Counter()
        for state, n in counts.items():
            found[part_of_state(TargetState(state))] += n
        return {"total": found.total()} | {
            p: found[p] for p in ("done", "skipped", "failed", "waiting", "active")
        }

    @extend_schema_field(RunScope)
    def get_scope(self, run: Run) -> dict[str, Any]:
        return {"kind": run.scope_kind, "ids": [str(i) for i in run.scope_ids], "words": run.scope_words}


class RunLong(RunShort):
    """One run with all its hosts, all its management servers, or all its system VMs; the other lists are empty."""

    hosts = serializers.SerializerMethodField()
    servers = serializers.SerializerMethodField()
    system_vms = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()

    @extend_schema_field(HostOfRun(many=True))
    def get_hosts(self, run: Run) -> Any:
        return self._targets(HostOfRun, run) if run.kind not in OVER_SERVERS | OVER_SYSTEM_VMS else []

    @extend_schema_field(ServerOfRun(many=True))
    def get_servers(self, run: Run) -> Any:
        return self._targets(ServerOfRun, run) if run.kind in OVER_SERVERS else []

    @extend_schema_field(SystemVmOfRun(many=True))
    def get_system_vms(self, run: Run) -> Any:
        return self._targets(SystemVmOfRun, run) if run.kind in OVER_SYSTEM_VMS else []

    def _targets(self, shape: type[serializers.Serializer], run: Run) -> Any:
        return shape(self.context["targets"], many=True, context={**self.context, "run": run}).data

    @extend_schema_field(Result)
    def get_result(self, run: Run) -> dict[str, Any]:
        return run_result(run)


def part_of_state(state: TargetState) -> str:
    if state is TargetState.DONE:
        return "done"
    if state in SKIPPED:
        return "skipped"
    if state in FAILED:
        return "failed"
    return "waiting" if state in TARGET_WAITING else "active"


def short(run: Run) -> dict[str, Any]:
    """The run as a list shows it."""
    return dict(RunShort(run, context=short_context([run])).data)


def short_context(runs: Iterable[Run]) -> dict[str, Any]:
    """What RunShort needs beside the rows: how many hosts of each run are in which state, in one query."""
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    rows = Target.objects.filter(run__in=[run.id for run in runs]).order_by()
    for run_id, state, n in rows.values_list("run_id", "state").annotate(n=Count("pk")):
        counts[run_id][state] = n
    return {"counts": counts}


def long(run: Run) -> dict[str, Any]:
    """The run with its hosts, their stages, and the result."""
    targets = list(Target.objects.filter(run=run).order_by("order"))
    stages = _last_attempts(run)
    context = {
        "counts": {run.id: Counter(target.state for target in targets)},
        "targets": targets,
        "stages": stages,
        "downtime": downtime_by_vm(run, (t.system_vm_key for t in targets if t.system_vm_id is not None)),
        "tails": output_tails(
            [step.id for steps in stages.values() for step in steps], settings.OUTPUT_TAIL_BYTES
        ),
    }
    return dict(RunLong(run, context=context).data)


def _last_attempts(run: Run) -> dict[UUID, list[Step]]:
    """Per target, in the order of the way, each stage that has begun: its last attempt."""
    last: dict[UUID, dict[str, Step]] = defaultdict(dict)
    for step in Step.objects.filter(run=run).order_by("attempt", "round"):
        last[step.target_id][step.stage] = step
    found: dict[UUID, list[Step]] = defaultdict(list)
    for target_id, steps in last.items():
        found[target_id] = sorted(steps.values(), key=lambda step: WAY[Stage(step.stage)])
    return found
