"""How a part of a page is drawn: the same screens and the same partials that draw the page itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dashboard.screens.host.standing import Standing, standing
from maintenance.domain.states import OVER_SERVERS, OVER_SYSTEM_VMS
from maintenance.models import Run

AT_ONCE_S = 0.1  # a part's first change goes out at once, repeats within this time are one
CALM_S = 1.0  # counts over many rows: once a second is often enough

type Context = Mapping[str, Any] | None
type Key = tuple[str, str]  # topic without its thing, part


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a part is drawn. `build` is given the topic's thing, the part's thing and the role; None: it is gone."""

    template: str
    element: str  # the id of its root; {} is the part's thing
    build: Callable[[str, str, str], Context]
    by_role: bool = False
    every_s: float = AT_ONCE_S


def simple(name: str, build: Callable[[], Any]) -> Callable[[str, str, str], Context]:
    """The same for everybody, and nothing of the topic or part is needed."""
    return lambda _topic, _one, _role: {name: build()}


def of_run(name: str, build: Callable[[Run, str], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's run; one over other things than hosts has a page of its own."""

    def context(run_id: str, _one: str, role: str) -> Context:
        over_hosts = Run.objects.exclude(kind__in=OVER_SERVERS | OVER_SYSTEM_VMS)
        run = over_hosts.select_related("cloud").filter(id=run_id).first()
        return None if run is None else {name: build(run, role), "run_id": run.id}

    return context


def of_host(name: str, build: Callable[[Standing, str], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's host."""

    def context(host_id: str, _one: str, role: str) -> Context:
        at = standing(UUID(host_id))
        return None if at is None else {name: build(at, role)}

    return context


def found(name: str, build: Callable[[UUID, str], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the part's own thing; None: it is gone."""

    def context(_topic: str, one: str, role: str) -> Context:
        found = build(UUID(one), role) if one else None
        return None if found is None else {name: found}

    return context
