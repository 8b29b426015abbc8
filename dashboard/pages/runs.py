"""Runs: the list, one run, its hosts, what its scripts printed."""

from uuid import UUID

from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import number, role_of, run_or_404, words
from dashboard.screens.feed_head import feed_head
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
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Step


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    state = words(request, "state", 40)
    shown = run_list(state, number(request.GET.get("page", "")), role_of(request))
    return render(
        request, "rolling/list.html", {"seq": seq, "topic": "runs", "list": shown, "verdict": runs_verdict()}
    )


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    seq = feed_head()
    found, role = run_or_404(request, run_id), role_of(request)
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
    found = run_or_404(request, run_id)
    shown = all_hosts(
        found,
        role_of(request),
        state=words(request, "state", 40),
        search=words(request, "search"),
        page=number(request.GET.get("page", "")),
    )
    return render(request, "rolling/hosts.html", {"seq": seq, "topic": f"run:{run_id}", "list": shown})


@require_safe
def run_output(request: HttpRequest, run_id: UUID, host_id: UUID, stage: str) -> HttpResponse:
    """All that is kept of what a stage's script printed; `?after=` is the rest, for a page that is open already."""
    seq = feed_head()
    found = run_or_404(request, run_id)
    steps = Step.objects.filter(run=found, target__host_id=host_id, stage=stage).select_related("target")
    if stage not in STAGES or not steps.exists():
        raise Http404("no such stage")
    attempt = number(request.GET.get("attempt", "")) if "attempt" in request.GET else None
    if attempt is None:
        attempt = steps.aggregate(newest=Max("attempt"))["newest"]
    step = steps.filter(attempt=attempt).order_by("-round").first()
    if step is None:
        raise Http404("no such attempt")
    if "after" in request.GET:
        text, position = after(step, number(request.GET["after"], least=0))
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
