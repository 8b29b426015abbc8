"""A run as REST tells it: the short form of lists and answers, the long one of one run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.api.downtime_shape import DowntimeShape, downtime_by_vm, told
from dashboard.api.result_shapes import Result
from dashboard.screens.patch_run.stops import replacement
from maintenance.domain.router_restart import RestartWay, RouterOutcome
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    TargetState,
    word,
)
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Step, Target
from maintenance.output_tails import output_tails
from maintenance.report import run_result, server_time_out

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


class StageShape(serializers.Serializer):
    """One stage of one host or management server: its last attempt."""

    stage = serializers.CharField(help_text=", ".join(Stage))
    state = serializers.CharField(help_text="Pending, Running or Ended")
    outcome = serializers.SerializerMethodField(
        help_text="ok, not_needed, failed, timed_out, stopped, refused, unknown; null while it is not over"
    )
    exit_status = serializers.IntegerField(allow_null=True)
    started = serializers.DateTimeField(allow_null=True)
    finished = serializers.DateTimeField(allow_null=True)
    output = serializers.SerializerMethodField(
        help_text="the last 2 kB it printed, with nothing in it that acts"
    )
    output_tail = serializers.SerializerMethodField(
        help_text="the same; all of it under …/stages/STAGE/output"
    )
    output_bytes = serializers.IntegerField(help_text="how much it printed in all")
    script = serializers.CharField(help_text="its path on the host; empty when there is none")
    note = serializers.CharField()
    detail = serializers.CharField()
    movement = serializers.JSONField(
        help_text="of a drain: {moved, left, moving, stuck}; of a server that prepares: {jobs_left, jobs, agents_left, "
        "agents, agents_stuck, window_ends_at, tasks, why}"
    )
    attempt = serializers.IntegerField()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_outcome(self, step: Step) -> str | None:
        return step.outcome or None

    def get_output(self, step: Step) -> str:
        tails: Mapping[UUID, str] = self.context["tails"]
        return tails.get(step.id, "")

    def get_output_tail(self, step: Step) -> str:
        return self.get_output(step)


class HostOfRun(serializers.Serializer):
    id = serializers.UUIDField(source="host_id")
    name = serializers.CharField()
    clusterid = serializers.UUIDField(source="cluster_id")
    clustername = serializers.CharField(source="cluster_name")
    zonename = serializers.CharField(source="zone_name")
    order = serializers.IntegerField()
    state = serializers.CharField(help_text=", ".join(TargetState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    detail = serializers.CharField(help_text="why it is where it is")
    attempt = serializers.IntegerField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of retry and skip")
    out = serializers.DateTimeField(source="out_at", allow_null=True, help_text="left service")
    back = serializers.DateTimeField(source="back_at", allow_null=True, help_text="seen back in service")
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)
    stages = serializers.SerializerMethodField()

    def get_word(self, target: Target) -> str:
        return word(target.state)

    def get_moves(self, target: Target) -> list[str]:
        return _target_moves(self.context["run"], target)

    @extend_schema_field(StageShape(many=True))
    def get_stages(self, target: Target) -> Any:
        return StageShape(self.context["stages"][target.id], many=True, context=self.context).data


class ServerOfRun(serializers.Serializer):
    """One management server of a run. Its stages are called as CloudStack calls the request."""

    id = serializers.UUIDField(source="server_id")
    name = serializers.CharField()
    order = serializers.IntegerField()
    state = serializers.CharField(help_text=", ".join(TargetState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    detail = serializers.CharField(help_text="why it is where it is")
    attempt = serializers.IntegerField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of retry and skip")
    out = serializers.SerializerMethodField(
        help_text="when it was asked to leave; null: its turn has not come"
    )
    back = serializers.SerializerMethodField(
        help_text="when it was seen Up again; null: it is away, or to stay down"
    )
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)
    stages = serializers.SerializerMethodField()

    def get_word(self, target: Target) -> str:
        return word(target.state)

    def get_moves(self, target: Target) -> list[str]:
        return _target_moves(self.context["run"], target)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_out(self, target: Target) -> datetime | None:
        out = server_time_out(self.context["stages"][target.id])
        return out.since if out else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_back(self, target: Target) -> datetime | None:
        out = server_time_out(self.context["stages"][target.id])
        return out.until if out else None

    @extend_schema_field(StageShape(many=True))
    def get_stages(self, target: Target) -> Any:
        return StageShape(self.context["stages"][target.id], many=True, context=self.context).data


_OUTCOMES = tuple(dict.fromkeys([*PatchOutcome, *RouterOutcome]))


class NewRouterShape(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    version = serializers.CharField()


class SystemVmOfRun(serializers.Serializer):
    """One system VM of a run; of a live patch live-patches/ tells more."""

    id = serializers.UUIDField(source="system_vm_id")
    name = serializers.CharField()
    zonename = serializers.CharField(source="zone_name")
    order = serializers.IntegerField()
    state = serializers.CharField(help_text=", ".join(TargetState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    outcome = serializers.CharField(
        source="result", help_text=f"{', '.join(_OUTCOMES)}; empty while it is not over"
    )
    replacement = serializers.SerializerMethodField(
        help_text="of a router that is restarted: the new one, once it runs"
    )
    downtime = serializers.SerializerMethodField()
    detail = serializers.CharField(help_text="why it is where it is")
    attempt = serializers.IntegerField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of retry and skip")
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)
    stages = serializers.SerializerMethodField()

    def get_word(self, target: Target) -> str:
        return word(target.state)

    def get_moves(self, target: Target) -> list[str]:
        return _target_moves(self.context["run"], target)

    @extend_schema_field(NewRouterShape(allow_null=True))
    def get_replacement(self, target: Target) -> Any:
        named = [new for step in self.context["stages"][target.id] if (new := replacement(step))]
        return NewRouterShape(named[0]).data if named else None

    @extend_schema_field(DowntimeShape(many=True))
    def get_downtime(self, target: Target) -> Any:
        return told(self.context["downtime"].get(target.system_vm_id, []))

    @extend_schema_field(StageShape(many=True))
    def get_stages(self, target: Target) -> Any:
        return StageShape(self.context["stages"][target.id], many=True, context=self.context).data


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


def _target_moves(run: Run, target: Target) -> list[str]:
    legal = legal_target_moves(RunState(run.state), TargetState(target.state))
    return sorted(legal - {"skip"} if run.kind == RunKind.HOST else legal)


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
