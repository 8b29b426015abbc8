"""The page that starts a rolling maintenance: its plan follows every change, and one press starts one run."""

from dataclasses import replace
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import StartChoices, start_choices
from dashboard.once import StillBeingDone, run_once
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.start import (
    ON_FAILURE,
    StartScreen,
    differences,
    moved,
    nothing_chosen,
    plan_shown,
    scope_kinds,
    summary,
)
from dashboard.screens.words import count
from maintenance import actions
from maintenance.actions import ActionError, BadInput, Conflict, PlanChanged
from maintenance.domain.plan import Plan
from maintenance.models import Run

NATURAL = "natural"  # the move that takes all moves back


@require_http_methods(["GET", "HEAD", "POST"])
def plan_run(request: HttpRequest) -> HttpResponse:
    """GET: the form with the scope of the address. POST: what the form says, planned again. Nothing moves."""
    if request.method == "GET":
        return _page(request, start_choices(request.GET, is_first=True))
    choices = start_choices(request.POST, is_first=False)
    return _page(request, _after_move(choices, request.POST.get("move", "")))


@require_POST
def start_run(request: HttpRequest) -> HttpResponse:
    """To the run that was started; back to the form, with the reason, when it was not."""
    return _start(request, start_choices(request.POST, is_first=False))


def _after_move(choices: StartChoices, move: str) -> StartChoices:
    """The order after a host was moved. Moved once, the order is the operator's until the scope loses its hosts."""
    if not move:
        return choices
    if move == NATURAL:
        return replace(choices, order=())
    plan, choices, problem = _plan(choices)
    return choices if plan is None or problem else replace(choices, order=moved(plan, move))


def _plan(choices: StartChoices) -> tuple[Plan | None, StartChoices, BadInput | None]:
    """The plan, the choices it was made for (hosts that left the scope are forgotten), and why there is none."""
    if choices.errors or not choices.ids:
        return None, choices, None
    try:
        if choices.order or choices.leave_out:
            scope = {
                h.host_id
                for h in actions.compute_plan(replace(choices, leave_out=frozenset()).request(order=())).hosts
            }
            choices = replace(
                choices,
                order=tuple(key for key in choices.order if key in scope),
                leave_out=frozenset(choices.leave_out & scope),
            )
        return actions.compute_plan(choices.request()), choices, None
    except BadInput as reason:
        return None, choices, reason


def _start(request: HttpRequest, choices: StartChoices) -> HttpResponse:
    who, key = request.user.get_username(), request.POST.get("key", "")
    plan_hash, seen = request.POST.get("plan_hash", "")[:64], request.POST.get("seen", "")
    if choices.errors or not choices.ids or not key:
        return _page(request, choices, status=400)

    def start() -> Run:
        return actions.start_rolling_maintenance(
            choices.request(plan_hash=plan_hash), actor=who, request_id=request_id(request)
        )

    try:
        run = run_once(start, user=who, route="page run-new", key=key)
    except PlanChanged as changed:
        return _page(request, choices, status=409, changed=differences(seen, changed.plan))
    except ActionError as reason:
        status = 400 if isinstance(reason, BadInput) else 409
        return _page(request, choices, status=status, refusal=reason, key=key)
    except StillBeingDone:
        messages.info(request, "The start you asked for is still being done. It appears here in a moment.")
        return HttpResponseRedirect(reverse("runs"), status=303)
    return HttpResponseRedirect(reverse("run", args=[run]), status=303)


def _page(
    request: HttpRequest,
    choices: StartChoices,
    *,
    status: int = 200,
    changed: list[str] | None = None,
    refusal: ActionError | None = None,
    key: str = "",
) -> HttpResponse:
    seq = feed_head()
    plan, choices, unusable = _plan(choices)
    screen = _screen(choices, plan, refusal or unusable, changed or [], key or uuid4().hex)
    return render(request, "rolling/new.html", {"seq": seq, "topic": "runs", "start": screen}, status=status)


def _screen(
    choices: StartChoices, plan: Plan | None, problem: ActionError | None, changed: list[str], key: str
) -> StartScreen:
    errors = dict(choices.errors)
    if isinstance(problem, BadInput):
        errors.setdefault(problem.field, str(problem))
    why_not = "Mend what is marked first." if errors else ""
    owner = problem.owner if isinstance(problem, Conflict) else None
    return StartScreen(
        kinds=scope_kinds(choices),
        kind=choices.kind,
        scope_words=_scope_words(plan),
        plan=plan_shown(plan, choices) if plan else None,
        summary=summary(plan, choices) if plan else nothing_chosen(why_not),
        given=choices.given,
        errors=errors,
        on_failure=[
            (value, text, more, choices.given["on_failure"] == value) for value, text, more in ON_FAILURE
        ],
        is_ordered=bool(choices.order),
        order=choices.order,
        problem=str(problem) if problem else "",
        problem_url=reverse("run", args=[UUID(str(owner["run"]))]) if owner else "",
        problem_link=f"Open run {owner['number']}" if owner else "",
        items=[f"{item['hostname']}: {item['reason']}" for item in problem.items]
        if isinstance(problem, Conflict)
        else [],
        differences=changed,
        key=key,
    )


def _items(problem: ActionError | None) -> list[str]:
    found = problem.items if isinstance(problem, Conflict) else []
    return [f"{item['hostname']}: {item['reason']}" for item in found]


def _scope_words(plan: Plan | None) -> str:
    if plan is None:
        return ""
    return f"{count(len(plan.hosts), 'host')} in {count(len({h.cluster_id for h in plan.hosts}), 'cluster')}"
