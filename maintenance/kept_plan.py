"""What was planned for a run, kept with it: what was seen before the start can be compared with what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.domain.plan import Plan, PlannedHost, Verdict
from maintenance.models import Run, RunPlan


@dataclass(frozen=True, slots=True)
class KeptLine:
    """One host as it was planned. `expected_s`: its usual range then, or None. `stuck`: names and reasons."""

    host_id: UUID
    name: str
    cluster: str
    order: int
    verdict: Verdict
    why: str
    instances: int
    goes_to: list[tuple[str, int]]
    stuck: list[tuple[str, str]]
    expected_s: tuple[float, float] | None
    spare_ratio: float | None


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """The lines in their order, and how long all of it was expected to take."""

    computed_at: datetime
    minutes: tuple[float, float] | None
    lines: list[KeptLine]


def keep_plan(run: Run, plan: Plan) -> None:
    """Written once, in the transaction that starts the run."""
    RunPlan.objects.create(
        run=run,
        computed_at=plan.computed_at,
        minutes_low=plan.minutes_low,
        minutes_high=plan.minutes_high,
        lines=[_line(host) for host in plan.hosts],
    )


def kept_plan(run: Run) -> KeptPlan | None:
    """None for hosts by hand, and for runs that were started before plans were kept."""
    kept = RunPlan.objects.filter(run=run).first()
    if kept is None:
        return None
    has_length = kept.minutes_low is not None and kept.minutes_high is not None
    return KeptPlan(
        computed_at=kept.computed_at,
        minutes=(kept.minutes_low or 0.0, kept.minutes_high or 0.0) if has_length else None,
        lines=[_read(line) for line in kept.lines],
    )


def _line(host: PlannedHost) -> dict[str, Any]:
    is_known = host.expected_low_s is not None and host.expected_high_s is not None
    return {
        "host": str(host.host_id),
        "name": host.name,
        "cluster": host.cluster,
        "order": host.order,
        "verdict": host.verdict,
        "why": host.why,
        "instances": host.instances,
        "goes_to": [[name, number] for name, number in host.goes_to],
        "stuck": [[stuck.name, stuck.why] for stuck in host.stuck],
        "expected_s": [host.expected_low_s, host.expected_high_s] if is_known else None,
        "spare_ratio": host.spare_ratio,
    }


def _read(line: dict[str, Any]) -> KeptLine:
    expected = line["expected_s"]
    return KeptLine(
        host_id=UUID(line["host"]),
        name=line["name"],
        cluster=line["cluster"],
        order=line["order"],
        verdict=Verdict(line["verdict"]),
        why=line["why"],
        instances=line["instances"],
        goes_to=[(name, number) for name, number in line["goes_to"]],
        stuck=[(name, why) for name, why in line["stuck"]],
        expected_s=(expected[0], expected[1]) if expected else None,
        spare_ratio=line["spare_ratio"],
    )
