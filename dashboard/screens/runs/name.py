"""What a run is called, where its page is, and how its state is drawn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import Mark, mark, moving
from dashboard.screens.system_vms.words import outcome_mark
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    TARGET_ENDED,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.models import Run, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# What a run is, without and with what it is over.
KINDS: "Mapping[str, StrPromise]" = {
    RunKind.ROLLING: gettext_lazy("Rolling maintenance"),
    RunKind.HOST: gettext_lazy("One host by hand"),
    RunKind.SERVER_MAINTENANCE: gettext_lazy("Maintenance of a management server"),
    RunKind.SERVER_SHUTDOWN: gettext_lazy("Shutdown of a management server"),
    RunKind.SERVER_RESTART: gettext_lazy("Restart of management servers"),
    RunKind.LIVE_PATCH: gettext_lazy("Live patch of system VMs"),
    RunKind.ROUTER_RESTART: gettext_lazy("Restart of routers"),
}
_NAMES: "Mapping[str, StrPromise]" = {
    RunKind.ROLLING: gettext_lazy("Rolling maintenance, %(scope)s"),
    RunKind.HOST: gettext_lazy("One host by hand, %(scope)s"),
    RunKind.SERVER_MAINTENANCE: gettext_lazy("Maintenance of management server %(scope)s"),
    RunKind.SERVER_SHUTDOWN: gettext_lazy("Shutdown of management server %(scope)s"),
    RunKind.SERVER_RESTART: gettext_lazy("Restart of management servers: %(scope)s"),
    RunKind.LIVE_PATCH: gettext_lazy("Live patch of %(scope)s"),
    RunKind.ROUTER_RESTART: gettext_lazy("Restart routers of %(scope)s"),
}
# The same, within a line.
_KIND_WORDS: "Mapping[str, StrPromise]" = {
    RunKind.ROLLING: gettext_lazy("rolling maintenance"),
    RunKind.HOST: gettext_lazy("one host by hand"),
    RunKind.SERVER_MAINTENANCE: gettext_lazy("maintenance of a management server"),
    RunKind.SERVER_SHUTDOWN: gettext_lazy("shutdown of a management server"),
    RunKind.SERVER_RESTART: gettext_lazy("restart of management servers"),
    RunKind.LIVE_PATCH: gettext_lazy("live patch"),
    RunKind.ROUTER_RESTART: gettext_lazy("restart of routers"),
}
SCOPE_MAX = 120  # of many servers' names; the page lists them all


def run_mark(run: Run, *, is_held: bool = False) -> Mark:
    """A run that was asked to pause is still Running; the word says what it is about to be. `is_held`: each of its
    hosts in turn waits, so that nothing moves."""
    if run.state == RunState.RUNNING and run.pausing:
        return moving(_("Pausing"))
    if run.state == RunState.RUNNING and is_held:
        return Mark("Waiting", _("Held"), "waiting")
    return mark(run.state)


def run_name(run: Run) -> str:
    """What people call this run: the reason they gave, else what it is over."""
    return run.reason or run_called(run)


def run_called(run: Run) -> str:
    """By what it is over."""
    if not run.scope_words:
        return str(KINDS[run.kind])
    words = run.scope_words
    scope = words if len(words) <= SCOPE_MAX else f"{words[:SCOPE_MAX].rstrip(', ')}…"
    return str(_NAMES[run.kind]) % {"scope": scope}


def kind_words(run: Run) -> str:
    """What kind of run it is, within a line."""
    return str(_KIND_WORDS[run.kind])


def run_url(run: Run) -> str:
    return reverse("run", args=[run.id])


def thing_of(run: Run) -> str:
    """What a run is over, as words.count knows it."""
    if run.kind == RunKind.ROUTER_RESTART:
        return "router"
    if run.kind in OVER_SYSTEM_VMS:
        return "system VM"
    return "management server" if run.kind in OVER_SERVERS else "host"


def target_mark(target: Target) -> Mark:
    """Where the host, management server or system VM is in its run, or how its patch ended. A server out of service is
    held: nobody works on it."""
    if target.system_vm_id is not None:
        return outcome_mark(target)
    if target.server_id is not None and target.state == TargetState.IN_MAINTENANCE:
        return Mark("Working", _("Held"), "waiting")
    return mark(target.state)


def target_url(target: Target) -> str:
    """The page of the host, of the management server, or of the system VM."""
    if target.server_id is not None:
        return reverse("server", args=[target.server_id])
    if target.system_vm_id is not None:
        return reverse("system-vm", args=[target.system_vm_id])
    return reverse("host", args=[target.host_key])


def finished_of(counts: dict[str, int]) -> int:
    """One that needs a person is out, or in doubt: it is not finished."""
    return sum(counts.get(state, 0) for state in TARGET_ENDED - {TargetState.NEEDS_PERSON})
