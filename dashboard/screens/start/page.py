"""The page that starts a rolling maintenance: scope, plan, rules, and what will happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.forms import StartChoices
from dashboard.screens.start.order import Differences, moved_words
from dashboard.screens.start.plan import PlanShown, plan_shown
from dashboard.screens.start.scope import ScopeKind, scope_kinds
from dashboard.screens.start.summary import Summary, nothing_chosen, summary
from dashboard.screens.start.words import ON_FAILURE
from dashboard.screens.words import count, said
from maintenance.actions import ActionError, BadInput, Conflict
from maintenance.domain.plan import LEAVING, Plan

# Where on the page each thing that can be wrong is, and what people call it.
FIELDS = {
    "on_failure": gettext_lazy("If a host fails"),
    "max_unavailable": gettext_lazy("Hosts out per cluster"),
    "clusters_in_parallel": gettext_lazy("Clusters at once"),
    "timeout_s": gettext_lazy("Time limit per script"),
    "drain_timeout_s": gettext_lazy("Time limit to drain a host"),
    "not_before": gettext_lazy("Not before"),
    "payload": gettext_lazy("Payload for the scripts"),
    "reason": gettext_lazy("Reason"),
    "ticket": gettext_lazy("Ticket"),
}
SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class FieldError:
    """A line of the summary of errors: a link to the field."""

    field: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why Start did not start: in the way is a run, named with who started it and since when, or hosts."""

    title: str
    text: str
    url: str = ""
    link: str = ""
    by: str = ""
    since: str = ""
    items: tuple[tuple[str, str, str], ...] = ()  # host, its page, reason


@dataclass(frozen=True, slots=True)
class StartScreen:
    kinds: list[ScopeKind]
    kind: str
    scope_words: str
    plan: PlanShown | None
    summary: Summary
    given: Mapping[str, str]
    errors: Mapping[str, str]
    error_list: list[FieldError]
    on_failure: list[tuple[str, str, str, bool]]
    is_ordered: bool
    cluster_order: str
    order: str
    refusal: Refusal | None
    differences: list[str]
    is_asked: bool  # Start was pressed and did not start: what says why gets the focus
    key: str
    moved: str  # where the last move has brought what


def start_screen(
    choices: StartChoices,
    plan: Plan | None,
    key: str,
    *,
    unusable: BadInput | None = None,
    refusal: Refusal | None = None,
    changed: Differences | None = None,
    is_asked: bool = False,
    moves: Sequence[str] = (),
) -> StartScreen:
    """`unusable`: why no plan can be made of the choices. `moves`: what was just moved in the order."""
    errors = dict(choices.errors)
    if unusable is not None:
        errors.setdefault(unusable.field if unusable.field in FIELDS else SCOPE, str(unusable))
    if is_asked and not choices.ids and not errors:
        errors[SCOPE] = _("Choose at least one zone, pod, cluster or host.")
    why_not = _("Mend what is marked first.") if errors else ""
    differences = changed or Differences([], frozenset())
    return StartScreen(
        kinds=scope_kinds(choices),
        kind=choices.kind,
        scope_words=_scope_words(plan),
        plan=plan_shown(plan, choices, differences.hosts) if plan else None,
        summary=summary(plan, choices) if plan else nothing_chosen(why_not),
        given=choices.given,
        errors={name if name in FIELDS else SCOPE: text for name, text in errors.items()},
        error_list=[
            FieldError(name if name in FIELDS else SCOPE, str(FIELDS.get(name, _("Scope"))), text)
            for name, text in errors.items()
        ],
        on_failure=[
            (value, str(text), str(more), choices.given["on_failure"] == value)
            for value, text, more in ON_FAILURE
        ],
        is_ordered=choices.is_ordered,
        cluster_order=",".join(map(str, choices.cluster_order)),
        order=",".join(map(str, choices.order)),
        refusal=refusal,
        differences=differences.sentences,
        is_asked=is_asked,
        key=key,
        moved=moved_words(plan, moves) if plan else "",
    )


def refusal_of(reason: ActionError) -> Refusal:
    """What an action's no looks like on the page."""
    if not isinstance(reason, Conflict):
        return Refusal(_("This cannot be started"), str(reason))
    items = tuple(
        (said(item["hostname"]), reverse("host", args=[item["hostid"]]), item["reason"])
        for item in reason.items
    )
    owner = reason.owner
    if owner is None:
        return Refusal(_("Not started: hosts are in the way"), str(reason), items=items)
    return Refusal(
        _("Not started: run %(number)s has some of these hosts") % {"number": owner["number"]},
        _("Wait for it, or leave its hosts out. Nothing of your run was begun."),
        url=reverse("run", args=[UUID(str(owner["run"]))]),
        link=_("Open run %(number)s") % {"number": owner["number"]},
        by=str(owner["by"]),
        since=str(owner["since"]),
        items=items,
    )


def already_started(run: str, number: int) -> Refusal:
    """This form has started a run before, with other choices."""
    return Refusal(
        _("Not started: this form has already started run %(number)s") % {"number": number},
        _(
            "The choices are not those it was started with. Press Start again to start another run with these."
        ),
        url=reverse("run", args=[UUID(run)]),
        link=_("Open run %(number)s") % {"number": number},
    )


def _scope_words(plan: Plan | None) -> str:
    if plan is None:
        return ""
    leaving = sum(1 for host in plan.hosts if host.verdict in LEAVING)
    return _("%(hosts)s in %(clusters)s; %(leaving)s would leave service") % {
        "hosts": count(len(plan.hosts), "host"),
        "clusters": count(len({host.cluster_id for host in plan.hosts}), "cluster"),
        "leaving": f"{leaving:,}",
    }
