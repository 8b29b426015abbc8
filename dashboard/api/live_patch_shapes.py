"""A live patch as REST tells it. A tenant is shown their own system VMs, and nothing of the run that others have."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.access import Person, principal, visible_system_vms
from dashboard.api.downtime_shape import DowntimeShape, downtime_by_vm, told
from dashboard.api.run_shapes import Progress, part_of_state
from dashboard.api.target_shapes import StageShape
from dashboard.models import Role
from maintenance.domain.states import RunState, TargetState, word
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Payload, Run, Step, Target

OTHERS = ""  # what a tenant is told of a person, a reason or a ticket that is not theirs
# Of a step: these may name hosts, operators, and what is typed as root in a router.
OF_OPERATORS: Mapping[str, Any] = {"note": OTHERS, "detail": OTHERS, "script": OTHERS, "movement": {}}


class ThrottleShape(serializers.Serializer):
    per_zone = serializers.IntegerField(source="max_unavailable")
    canary = serializers.IntegerField()
    soak_s = serializers.IntegerField()


class PatchOfVm(serializers.Serializer):
    id = serializers.UUIDField(source="system_vm_id")
    name = serializers.CharField()
    zonename = serializers.CharField(source="zone_name")
    order = serializers.IntegerField()
    state = serializers.CharField(help_text=", ".join(TargetState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    outcome = serializers.SerializerMethodField(
        help_text=f"{', '.join(PatchOutcome)}; null while it is not over, and where nothing was begun"
    )
    detail = serializers.SerializerMethodField(help_text="why it is where it is; to tenants: empty")
    attempt = serializers.IntegerField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of retry and skip")
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)
    steps = serializers.SerializerMethodField()
    downtime = serializers.SerializerMethodField()

    def get_word(self, target: Target) -> str:
        return word(target.state)

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_outcome(self, target: Target) -> str | None:
        return target.result or None

    def get_detail(self, target: Target) -> str:
        return OTHERS if self.context["is_tenant"] else target.detail

    def get_moves(self, target: Target) -> list[str]:
        run: Run = self.context["run"]
        if self.context["is_tenant"]:
            return []
        return sorted(legal_target_moves(RunState(run.state), TargetState(target.state), target.result))

    @extend_schema_field(StageShape(many=True))
    def get_steps(self, target: Target) -> Any:
        steps = StageShape(self.context["steps"].get(target.id, []), many=True, context={"tails": {}}).data
        return [{**step, **OF_OPERATORS} for step in steps] if self.context["is_tenant"] else steps

    @extend_schema_field(DowntimeShape(many=True))
    def get_downtime(self, target: Target) -> Any:
        return told(self.context["downtime"].get(target.system_vm_id, []))


class PatchShort(serializers.Serializer):
    """A live patch in a list, and as the answer to whoever starts one. Its context holds `counts`, `outcomes` by run,
    `payloads`, and whether it is told to a tenant."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="what people call it: Run 118")
    cloud = serializers.UUIDField(source="cloud_id")
    cloudname = serializers.CharField(source="cloud.name")
    state = serializers.CharField(help_text=", ".join(RunState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    pausing = serializers.BooleanField()
    moves = serializers.SerializerMethodField(help_text="what is legal now, of pause, resume and cancel")
    progress = serializers.SerializerMethodField()
    outcomes = serializers.SerializerMethodField(help_text="how many ended how")
    version = serializers.SerializerMethodField(help_text="of the payload")
    forced = serializers.BooleanField()
    throttle = ThrottleShape(source="*")
    on_failure = serializers.CharField()
    not_before = serializers.DateTimeField(allow_null=True)
    started_by = serializers.SerializerMethodField(help_text="to tenants: themselves, or empty")
    reason = serializers.SerializerMethodField()
    ticket = serializers.SerializerMethodField()
    created = serializers.DateTimeField(source="created_at")
    started = serializers.DateTimeField(source="started_at", allow_null=True)
    finished = serializers.DateTimeField(source="finished_at", allow_null=True)

    def get_word(self, run: Run) -> str:
        return word(run.state)

    def get_moves(self, run: Run) -> list[str]:
        if self.context["is_tenant"]:
            return []
        return sorted(legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind))

    @extend_schema_field(Progress)
    def get_progress(self, run: Run) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (state, _result), n in self.context["counts"].get(run.id, {}).items():
            found[part_of_state(TargetState(state))] += n
        return {"total": found.total()} | {
            part: found[part] for part in ("done", "skipped", "failed", "waiting", "active")
        }

    @extend_schema_field(serializers.DictField(child=serializers.IntegerField()))
    def get_outcomes(self, run: Run) -> dict[str, int]:
        found: Counter[str] = Counter()
        for (_state, result), n in self.context["counts"].get(run.id, {}).items():
            if result:
                found[result] += n
        return {str(outcome): found[outcome] for outcome in PatchOutcome}

    def get_version(self, run: Run) -> str:
        versions: Mapping[UUID, str] = self.context["versions"]
        return versions.get(run.payload_id, "") if run.payload_id else ""

    def get_started_by(self, run: Run) -> str:
        return self._own(run, run.started_by)

    def get_reason(self, run: Run) -> str:
        return self._own(run, run.reason)

    def get_ticket(self, run: Run) -> str:
        return self._own(run, run.ticket)

    def _own(self, run: Run, value: str) -> str:
        is_others = self.context["is_tenant"] and run.started_by != self.context["who"]
        return OTHERS if is_others else value


class PatchLong(PatchShort):
    """One live patch with its system VMs: of a tenant those that are theirs."""

    system_vms = serializers.SerializerMethodField()

    @extend_schema_field(PatchOfVm(many=True))
    def get_system_vms(self, run: Run) -> Any:
        return PatchOfVm(self.context["targets"], many=True, context={**self.context, "run": run}).data


def patch_short(run: Run, person: Person) -> dict[str, Any]:
    return patch_shorts([run], person)[0]


def patch_shorts(runs: Iterable[Run], person: Person) -> list[dict[str, Any]]:
    """A few queries, however many runs they are."""
    shown = list(runs)
    return [dict(one) for one in PatchShort(shown, many=True, context=_context(shown, person)).data]


def patch_long(run: Run, person: Person) -> dict[str, Any]:
    targets = list(_targets([run], person).order_by("order"))
    steps: dict[UUID, dict[str, Step]] = defaultdict(dict)
    for step in Step.objects.filter(target__in=targets).order_by("attempt", "round", "started"):
        steps[step.target_id].pop(step.stage, None)
        steps[step.target_id][step.stage] = step
    of_run = {
        "targets": targets,
        "steps": {target: list(by_stage.values()) for target, by_stage in steps.items()},
        "downtime": downtime_by_vm(run, (target.system_vm_key for target in targets)),
    }
    return dict(PatchLong(run, context=_context([run], person) | of_run).data)


def _targets(runs: list[Run], person: Person) -> Any:
    """Those of the runs that this person may know of."""
    found = Target.objects.filter(run__in=runs)
    return found.filter(system_vm__in=visible_system_vms(person)) if _is_tenant(person) else found


def _is_tenant(person: Person) -> bool:
    return principal(person) == Role.TENANT


def _context(runs: list[Run], person: Person) -> dict[str, Any]:
    counts: dict[UUID, dict[tuple[str, str], int]] = defaultdict(dict)
    rows = _targets(runs, person).order_by().values_list("run_id", "state", "result")
    for run_id, state, result, n in rows.annotate(n=Count("pk")):
        counts[run_id][state, result] = n
    payloads = Payload.objects.filter(id__in={run.payload_id for run in runs if run.payload_id})
    return {
        "counts": counts,
        "versions": dict(payloads.values_list("id", "version")),
        "is_tenant": _is_tenant(person),
        "who": person.get_username(),
    }
