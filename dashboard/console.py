"""The console's pages: a view reads where the feed stands and renders what is shown; a button makes one call."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import principal, visible_hosts, visible_runs
from dashboard.requests import request_id
from dashboard.screens import host as host_screen
from dashboard.screens import overview as overview_screen
from dashboard.screens.feed_head import feed_head
from dashboard.screens.fleet import in_service_words
from dashboard.screens.hosts import HostFilter, host_list
from dashboard.screens.output import after, whole
from dashboard.screens.run_actions import run_actions
from dashboard.screens.run_head import run_head
from dashboard.screens.run_hosts import all_hosts
from dashboard.screens.run_now import run_now
from dashboard.screens.run_output import output_page
from dashboard.screens.run_problems import run_problems
from dashboard.screens.run_progress import run_progress
from dashboard.screens.run_rows import finished_section, next_section
from dashboard.screens.runs import run_list, runs_verdict
from dashboard.screens.telling import latest_events
from maintenance import actions
from maintenance.actions import ActionError, NotFound
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Run, Step


class LoginView(DjangoLoginView):
    """The door. Whoever is inside already goes on."""

    template_name = "login.html"
    redirect_authenticated_user = True


def locked_out(request: HttpRequest, *_args: object, **_kwargs: object) -> HttpResponse:
    """Too many wrong passwords: what happened, how long it lasts."""
    return render(request, "locked_out.html", status=429)


# ---- pages -----------------------------------------------------------------------------------------------------------


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return render(
        request,
        "overview.html",
        {
            "seq": seq,
            "topic": "overview",
            "verdict": overview_screen.verdict(),
            "runs": overview_screen.run_cards(),
            "needs": overview_screen.needs(_role(request)),
            "clusters": overview_screen.clusters(),
            "clusters_summary": overview_screen.clusters_summary(),
            "servers": overview_screen.servers(),
            "jobs": overview_screen.jobs(),
            "events": latest_events(),
        },
    )


@require_safe
def hosts(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    asked = HostFilter(
        search=request.GET.get("search", "").replace("\0", "").strip()[:200],
        cluster=_uuid(request.GET.get("cluster", "")),
        state=request.GET.get("state", "")[:40],
        page=_number(request.GET.get("page", "")),
    )
    shown = host_list(asked, _role(request))
    return render(
        request, "hosts/list.html", {"seq": seq, "topic": "hosts", "list": shown, "fleet": in_service_words()}
    )


@require_safe
def host(request: HttpRequest, host_id: UUID) -> HttpResponse:
    seq = feed_head()
    at = host_screen.standing(host_id) if visible_hosts(request.user).filter(id=host_id).exists() else None
    if at is None:
        raise Http404("no such host")
    return render(
        request,
        "hosts/host.html",
        {
            "seq": seq,
            "topic": f"host:{host_id}",
            "head": host_screen.host_head(at),
            "hand": host_screen.by_hand(at, _role(request)),
            "way": host_screen.on_its_way(at),
            "scripts": host_screen.scripts(at),
            "instances": host_screen.instances(at),
            "history": host_screen.history(at),
        },
    )


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    state = request.GET.get("state", "")[:40]
    shown = run_list(state, _number(request.GET.get("page", "")), _role(request))
    return render(
        request, "rolling/list.html", {"seq": seq, "topic": "runs", "list": shown, "verdict": runs_verdict()}
    )


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    seq = feed_head()
    found, role = _run(request, run_id), _role(request)
    return render(
        request,
        "rolling/run.html",
        {
            "seq": seq,
            "topic": f"run:{run_id}",
            "run_id": run_id,
            "head": run_head(found),
            "progress": run_progress(found),
            "problems": run_problems(found, role),
            "now": run_now(found),
            "steering": run_actions(found, role),
            "next": next_section(found, role),
            "finished": finished_section(found, role),
        },
    )


@require_safe
def run_hosts(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Every host of a run, filtered and in pages."""
    seq = feed_head()
    found = _run(request, run_id)
    shown = all_hosts(
        found,
        _role(request),
        state=request.GET.get("state", "")[:40],
        search=request.GET.get("search", "").replace("\0", "").strip()[:200],
        page=_number(request.GET.get("page", "")),
    )
    return render(request, "rolling/hosts.html", {"seq": seq, "topic": f"run:{run_id}", "list": shown})


@require_safe
def run_output(request: HttpRequest, run_id: UUID, host_id: UUID, stage: str) -> HttpResponse:
    """All that is kept of what a stage's script printed; `?after=` is the rest, for a page that is open already."""
    seq = feed_head()
    found = _run(request, run_id)
    steps = Step.objects.filter(run=found, target__host_id=host_id, stage=stage).select_related("target")
    if stage not in STAGES or not steps.exists():
        raise Http404("no such stage")
    attempt = _number(request.GET.get("attempt", "")) if "attempt" in request.GET else None
    if attempt is None:
        attempt = steps.aggregate(newest=Max("attempt"))["newest"]
    step = steps.filter(attempt=attempt).order_by("-round").first()
    if step is None:
        raise Http404("no such attempt")
    if "after" in request.GET:
        text, position = after(step, _number(request.GET["after"], least=0))
        return render(
            request, "rolling/output_more.html", {"text": text, "more": output_page(found, step, position)}
        )
    if "text" in request.GET:
        return _as_text(step)
    page = output_page(found, step, step.output_bytes)
    return render(
        request,
        "rolling/output.html",
        {"seq": seq, "topic": f"run:{run_id}", "page": page, "pieces": whole(step), "more": page},
    )


def _as_text(step: Step) -> HttpResponse:
    lines = [f"[… {piece.missing} …]\n{piece.text}" if piece.missing else piece.text for piece in whole(step)]
    answer = HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="run-{step.run.number}-{step.stage}.txt"'
    return answer


# ---- buttons ---------------------------------------------------------------------------------------------------------


@require_POST
def run_pause(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return _press(
        request, lambda who, ref: actions.pause_run(run_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return _press(
        request, lambda who, ref: actions.resume_run(run_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return _press(
        request, lambda who, ref: actions.cancel_run(run_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_host_retry(request: HttpRequest, run_id: UUID, host_id: UUID) -> HttpResponse:
    return _press(
        request, lambda who, ref: actions.retry_host(run_id, host_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_host_skip(request: HttpRequest, run_id: UUID, host_id: UUID) -> HttpResponse:
    return _press(
        request, lambda who, ref: actions.skip_host(run_id, host_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def host_prepare(request: HttpRequest, host_id: UUID) -> HttpResponse:
    reason = _typed(request, f"reason-{host_id}")
    return _press(
        request,
        lambda who, ref: actions.prepare_host(host_id, actor=who, reason=reason, request_id=ref),
        reverse("host", args=[host_id]),
    )


@require_POST
def host_return(request: HttpRequest, host_id: UUID) -> HttpResponse:
    return _press(
        request,
        lambda who, ref: actions.return_host(host_id, actor=who, request_id=ref),
        reverse("host", args=[host_id]),
    )


@require_POST
def attention_take(request: HttpRequest, attention_id: UUID) -> HttpResponse:
    return _press(
        request,
        lambda who, ref: actions.take_attention(attention_id, actor=who, request_id=ref),
        reverse("overview"),
    )


@require_POST
def attention_resolve(request: HttpRequest, attention_id: UUID) -> HttpResponse:
    reason = _typed(request, f"reason-{attention_id}")
    if not reason:
        messages.error(request, "Say why it is settled: the reason is kept.")
        return _back(request, reverse("overview"))
    return _press(
        request,
        lambda who, ref: actions.resolve_attention(attention_id, actor=who, reason=reason, request_id=ref),
        reverse("overview"),
    )


def _press(request: HttpRequest, act: Callable[[str, str], object], otherwise: str) -> HttpResponse:
    """Do it and show the page again; when it cannot be done, the page says why, and nothing has changed."""
    try:
        act(request.user.get_username(), request_id(request))
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except ActionError as reason:
        messages.error(request, f"Not done: {str(reason).rstrip('.')}.")
    return _back(request, otherwise)


def _back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the page whose button was pressed (303: a reload presses nothing again)."""
    page = request.POST.get("back", "")
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return HttpResponseRedirect(page if is_ours else otherwise, status=303)


# ---- small ----------------------------------------------------------------------------------------------------------


def _role(request: HttpRequest) -> str:
    return principal(request.user)


def _typed(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\0", "").strip()[:500]


def _run(request: HttpRequest, run_id: UUID) -> Run:
    found = visible_runs(request.user).select_related("cloud").filter(id=run_id).first()
    if found is None:
        raise Http404("no such run")
    return found


def _url(run_id: UUID) -> str:
    return reverse("run", args=[run_id])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _number(text: str, *, least: int = 1) -> int:
    return max(least, int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else least
