"""The page that starts a rolling maintenance: its plan follows every change, and one press starts one run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.forms import StartChoices, start_choices
from dashboard.once import Answer, Asked, OtherBody, StillBeingDone, digest_of, once
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.start.order import Differences, arranged, differences
from dashboard.screens.start.page import Refusal, already_started, refusal_of, start_screen
from maintenance import actions
from maintenance.actions import ActionError, BadInput, PlanChanged, StartRequest
from maintenance.actions.planning import plan_of, scope_of
from maintenance.domain.plan import Plan
from maintenance.models import Run

STARTED = "rolling maintenance started"  # how the action signs the audit
WAIT_S = 10.0  # so long a second press waits for the first one's run
SEEN_MAX = 200_000


@require_http_methods(["GET", "HEAD", "POST"])
def plan_run(request: HttpRequest) -> HttpResponse:
    """GET: the form with the choices of the address. POST: what the form says, planned again. Nothing moves."""
    if request.method != "POST":
        return _page(request, _planned(start_choices(request.GET, is_first=True)))
    choices = start_choices(request.POST, is_first=False)
    planned = _planned(choices)
    changed = _changed_by_itself(request, planned.plan)
    answer = _page(request, planned, moves=choices.moves, changed=changed)
    # A reload, and the way back to this page, find the choices again.
    answer["HX-Replace-Url"] = f"{reverse('run-new')}?{planned.choices.query()}"
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def start_run(request: HttpRequest) -> HttpResponse:
    """POST: to the run that was started; back to the form, with the reason, when it was not. GET: to the form."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("run-new"), status=303)
    planned = _planned(start_choices(request.POST, is_first=False), with_plan=False)
    key, choices = request.POST.get("key", "")[:200], planned.choices
    if choices.errors or not choices.ids or planned.unusable or not key:
        return _page(request, _planned(choices), status=400, is_asked=True)
    asked = choices.request(plan_hash=request.POST.get("plan_hash", "")[:64])
    try:
        run = _started(request, asked, key)
    except PlanChanged as reason:
        changed = differences(_seen(request), reason.plan)
        return _page(request, _planned(choices), status=409, changed=changed, is_asked=True)
    except OtherBody as spent:
        return _page(request, _planned(choices), status=409, refusal=_spent(spent), is_asked=True)
    except ActionError as reason:
        status = 400 if isinstance(reason, BadInput) else 409
        return _page(request, _planned(choices), status=status, refusal=refusal_of(reason), is_asked=True)
    except StillBeingDone:
        messages.info(request, _("The start you asked for is still being done. It appears here in a moment."))
        return HttpResponseRedirect(reverse("runs"), status=303)
    return HttpResponseRedirect(reverse("run", args=[run]), status=303)


def _seen(request: HttpRequest) -> str:
    return request.POST.get("seen", "")[:SEEN_MAX]


def _changed_by_itself(request: HttpRequest, plan: Plan | None) -> Differences | None:
    """Of an open form that asks again though nobody has changed anything: what is not as it was."""
    if plan is None or not request.POST.get("by_itself") or request.POST.get("plan_hash") == plan.hash:
        return None
    return differences(_seen(request), plan)


def _started(request: HttpRequest, asked: StartRequest, key: str) -> UUID:
    """The run of this form's key. Raises: what the action raises, StillBeingDone, OtherBody."""
    who, ref = request.user.get_username(), request_id(request)

    def start() -> Answer:
        return _to(actions.start_rolling_maintenance(asked, actor=who, request_id=ref).id)

    press = Asked(
        user_id=str(request.user.pk),
        actor=who,
        route=request.path,
        key=key,
        digest=digest_of(asdict(asked)),
        request_id=ref,
        audited_as=STARTED,
    )
    return UUID(once(press, start, _to, wait_s=WAIT_S).body["run"])


def _to(run: UUID | str) -> Answer:
    return Answer(303, {"run": str(run)})


def _spent(spent: OtherBody) -> Refusal | None:
    run = Run.objects.filter(id=spent.answer["run"]).first() if spent.answer else None
    return already_started(str(run.id), run.number) if run else None


@dataclass(frozen=True, slots=True)
class _Planned:
    """The choices as far as they hold (what left the scope is forgotten), their plan, or why there is none."""

    choices: StartChoices
    seq: int  # of the feed, read before anything else was
    plan: Plan | None = None
    unusable: BadInput | None = None


def _planned(choices: StartChoices, *, with_plan: bool = True) -> _Planned:
    seq = feed_head()
    if choices.errors or not choices.ids:
        return _Planned(choices, seq)
    try:
        request = choices.request()
        request.check()
        scope = scope_of(StartRequest(scope_kind=request.scope_kind, scope_ids=request.scope_ids))
        choices = arranged(choices, scope.hosts)
        return _Planned(choices, seq, plan_of(choices.request(), scope) if with_plan else None)
    except BadInput as reason:
        return _Planned(choices, seq, unusable=reason)


def _page(
    request: HttpRequest,
    planned: _Planned,
    *,
    status: int = 200,
    changed: Differences | None = None,
    refusal: Refusal | None = None,
    is_asked: bool = False,
    moves: Sequence[str] = (),
) -> HttpResponse:
    screen = start_screen(
        planned.choices, planned.plan, uuid4().hex,
        unusable=planned.unusable, refusal=refusal, changed=changed, is_asked=is_asked,
        moves=moves,
    )  # fmt: skip
    return render(
        request,
        "rolling/new.html",
        {"seq": planned.seq, "topic": "runs", "start": screen},
        status=status,
    )
