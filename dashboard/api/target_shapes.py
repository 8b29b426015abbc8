"""One host, management server or system VM of a run as REST tells it, and its stages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.api.downtime_shape import DowntimeShape, told
from dashboard.screens.patch_run.stops import replacement
from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import RunKind, RunState, Stage, TargetState, word
from maintenance.domain.steering import legal_target_moves
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Step, Target
from maintenance.report import server_time_out


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


def _target_moves(run: Run, target: Target) -> list[str]:
    legal = legal_target_moves(RunState(run.state), TargetState(target.state), target.result)
    return sorted(legal - {"skip"} if run.kind == RunKind.HOST else legal)
