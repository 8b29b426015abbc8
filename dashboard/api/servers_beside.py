"""What we know of management servers beside their rows: moves that are legal now, our run, what is left while one
prepares. Asked for a whole page of servers at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from maintenance.actions.server_offers import ServerOffer, offers_of
from maintenance.domain.server_waits import WaitCode
from maintenance.domain.servers import PREPARING, ServerState, server_state
from maintenance.domain.states import UNKNOWN_WORD, StepState, word
from maintenance.models import ManagementServer, Step, Target

SERVER_WORDS: Mapping[ServerState, str] = {
    ServerState.UP: "Up",
    ServerState.PREPARING_FOR_MAINTENANCE: "Preparing for maintenance",
    ServerState.MAINTENANCE: "In maintenance",
    ServerState.PREPARING_FOR_SHUTDOWN: "Preparing to shut down",
    ServerState.READY_TO_SHUTDOWN: "Ready to shut down",
    ServerState.SHUTTING_DOWN: "Shutting down",
    ServerState.DOWN: "Down",
}


class RunOfServer(serializers.Serializer):
    """The run that has a server, or a job, in short; all of it under rolling-maintenances/ID/."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    word = serializers.CharField()


class LeavingJob(serializers.Serializer):
    id = serializers.UUIDField()
    command = serializers.CharField()
    resource_type = serializers.CharField()
    resource_name = serializers.CharField()
    account = serializers.CharField()
    domain = serializers.CharField()
    created = serializers.DateTimeField()


class LeavingAgentShape(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="host, consoleproxy or secondarystoragevm")
    goes_to = serializers.CharField(help_text="the server it will connect to, where that is known")
    stuck = serializers.CharField(help_text="why it does not go; empty while it only waits for its turn")


class WhyItHangs(serializers.Serializer):
    code = serializers.CharField(help_text=", ".join(WaitCode))
    words = serializers.CharField()
    what_to_do = serializers.CharField()


class LeavingShape(serializers.Serializer):
    """What a server that prepares still has. Lists are bounded, counts are not."""

    jobs_left = serializers.IntegerField()
    jobs = LeavingJob(many=True)
    agents_left = serializers.IntegerField()
    agents = LeavingAgentShape(many=True)
    agents_stuck = serializers.IntegerField()
    window_ends_at = serializers.DateTimeField(allow_null=True)
    why = WhyItHangs(many=True)


@dataclass(frozen=True, slots=True)
class Beside:
    """`why_not`: by move that is not possible now, the reason."""

    word: str
    legal: tuple[str, ...]
    why_not: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Any] | None = None
    preparing: Mapping[str, Any] | None = None


def beside(rows: Sequence[ManagementServer], now: datetime) -> dict[UUID, Beside]:
    """By server. A few queries, however many servers are asked for."""
    offers: dict[UUID, list[ServerOffer]] = {}
    for cloud in {row.cloud_id: row.cloud for row in rows}.values():
        offers |= offers_of(cloud, [row for row in rows if row.cloud_id == cloud.id], now)
    open_targets = {
        target.server_key: target
        for target in Target.objects.filter(server__in=rows, is_open=True).select_related("run")
    }
    steps = {
        step.target_id: step
        for step in Step.objects.filter(target__in=open_targets.values()).exclude(state=StepState.ENDED)
    }
    found = {}
    for row in rows:
        target = open_targets.get(row.id)
        step = steps.get(target.id) if target else None
        found[row.id] = _beside(row, offers[row.id], target, step, now)
    return found


def _beside(
    row: ManagementServer,
    offers: Sequence[ServerOffer],
    target: Target | None,
    step: Step | None,
    now: datetime,
) -> Beside:
    state = server_state(row.state) if row.is_known(now) else None
    return Beside(
        word=SERVER_WORDS[state] if state else UNKNOWN_WORD,
        legal=tuple(str(offer.move) for offer in offers if offer.is_possible),
        why_not={str(offer.move): offer.why_not for offer in offers if not offer.is_possible},
        run=run_in_short(target) if target else None,
        preparing=_preparing(row, step) if state in PREPARING else None,
    )


def run_in_short(target: Target) -> dict[str, Any]:
    run = target.run
    return {
        "id": str(run.id),
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "word": word(run.state),
    }


def _preparing(row: ManagementServer, step: Step | None) -> dict[str, Any]:
    """As our step last saw it; of a server that others prepare, what its row tells."""
    seen: Mapping[str, Any] = step.movement if step is not None else {}
    return {
        "jobs_left": seen.get("jobs_left", row.jobs_there),  # type: ignore[attr-defined]
        "jobs": seen.get("jobs", []),
        "agents_left": seen.get("agents_left", row.agents),
        "agents": seen.get("agents", []),
        "agents_stuck": seen.get("agents_stuck", 0),
        "window_ends_at": seen.get("window_ends_at") or row.window_ends_at,
        "why": seen.get("why", []),
    }
