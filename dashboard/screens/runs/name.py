"""What a run is called, where its page is, and how its state is drawn."""

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark, moving
from maintenance.domain.states import TARGET_ENDED, RunKind, RunState, TargetState
from maintenance.models import Run


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
    if run.reason:
        return run.reason
    if run.kind == RunKind.ROLLING:
        return (
            _("Rolling maintenance, %(scope)s") % {"scope": run.scope_words}
            if run.scope_words
            else _("Rolling maintenance")
        )
    return (
        _("One host by hand, %(scope)s") % {"scope": run.scope_words}
        if run.scope_words
        else _("One host by hand")
    )


def run_url(run: Run) -> str:
    return reverse("run", args=[run.id])


def finished_of(counts: dict[str, int]) -> int:
    """One that needs a person is out, or in doubt: it is not finished."""
    return sum(counts.get(state, 0) for state in TARGET_ENDED - {TargetState.NEEDS_PERSON})
