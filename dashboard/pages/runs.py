"""Runs: the list, one run, its hosts, what its scripts printed."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import number, role_of, run_or_404, uuid_or_none, words
from dashboard.pages.patch_run import patch_run
from dashboard.pages.server_run import server_run
from dashboard.screens.feed_head import feed_head
from dashboard.screens.run.actions import run_actions
from dashboard.screens.run.head import run_head
from dashboard.screens.run.hosts import all_hosts
from dashboard.screens.run.map import SHOWS, run_map
from dashboard.screens.run.now import run_now
from dashboard.screens.run.opened import find_in_run, run_opened
from dashboard.screens.run.output import output_head
from dashboard.screens.run.output_lines import LinesAsked, fresh_lines, lines_from, output_lines
from dashboard.screens.run.printed import as_text
from dashboard.screens.run.problems import run_problems
from dashboard.screens.run.progress import run_progress
from dashboard.screens.run.record import run_record
from dashboard.screens.run.sections import finished_section, next_section
from dashboard.screens.run.view import RunView
from dashboard.screens.runs.asked import RunsAsked
from dashboard.screens.runs.list import run_list, runs_latest, runs_verdict
from dashboard.screens.runs.name import run_url
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import OVER_SERVERS, OVER_SYSTEM_VMS
from maintenance.models import Run, Step


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    asked = RunsAsked.of(request.GET)
    shown = run_list(asked, role_of(request))
    return render(
        request,
        "rolling/list.html",
        {
            "seq": seq,
            "topic": "runs",
            "list": shown,
            "verdict": runs_verdict(),
            "latest": runs_latest(),
        },
    )


@require_safe
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Over a few hosts each of them; over many their clusters on a map. `?find=` leads to a host or cluster."""
    seq = feed_head()
    found, role = run_or_404(request, run_id), role_of(request)
    if found.kind in OVER_SERVERS:
        return server_run(request, seq, found, role)
    if found.kind in OVER_SYSTEM_VMS:
        return patch_run(request, seq, found, role)
    view = _view(request, found)
    if view.find and (there := find_in_run(found, view)):
        return HttpResponseRedirect(there)
    progress = run_progress(found)
    return render(
        request,
        "rolling/run.html",
        {
            "seq": seq,
            "topic": f"run:{run_id}",
            "run_id": run_id,
            "view": view,
            "head": run_head(found),
            "progress": progress,
            "map": run_map(found, view) if progress.is_fleet else None,
            "opened": run_opened(found, view, role) if progress.is_fleet else None,
            "problems": run_problems(found, role),
            "work": run_now(found),
            "steering": run_actions(found, role),
            "next": next_section(found, role),
            "finished": finished_section(found, role),
            "record": run_record(found),
        },
    )


def _view(request: HttpRequest, run: Run) -> RunView:
    show = words(request, "show", 20)
    return RunView(
        run_url=run_url(run),
        show=show if show in SHOWS else "",
        cluster=uuid_or_none(words(request, "open", 40)),
        host=uuid_or_none(words(request, "host", 40)),
        find=words(request, "find"),
    )


@require_safe
def run_hosts(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Every host of a run, filtered and in pages. Of other things the run's page shows all."""
    seq = feed_head()
    found = run_or_404(request, run_id)
    if found.kind in OVER_SERVERS | OVER_SYSTEM_VMS:
        return HttpResponseRedirect(run_url(found))
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
    """All that is kept of what a stage's script printed. `?find=` looks through it, `?text` is a file to keep,
    `?after=` the lines that an open page lacks."""
    seq = feed_head()
    found = run_or_404(request, run_id)
    step = _step_or_404(request, found, host_id, stage)
    if "text" in request.GET:
        return _as_file(step)
    head = output_head(found, step)
    if "after" in request.GET:
        lines = lines_from(step, number(request.GET["after"], least=0))
        return render(request, "rolling/output_more.html", {"fresh": lines})
    asked = LinesAsked(
        find=words(request, "find"),
        hit=number(request.GET.get("hit", "")),
        start=number(request.GET["start"], least=0) if "start" in request.GET else None,
    )
    return render(
        request,
        "rolling/output.html",
        {
            "seq": seq,
            "topic": f"output:{step.id}",
            "page": head,
            "lines": output_lines(step, head.here, asked),
            "fresh": fresh_lines(step) if head.is_open else [],
        },
    )


def _step_or_404(request: HttpRequest, run: Run, host_id: UUID, stage: str) -> Step:
    """The newest attempt, or the one asked for. Raises: Http404."""
    steps = Step.objects.filter(run=run, target__host_id=host_id, stage=stage).select_related("target", "run")
    if stage not in STAGES:
        raise Http404("no such stage")
    if "attempt" in request.GET:
        steps = steps.filter(attempt=number(request.GET["attempt"]))
    step = steps.order_by("-attempt", "-round").first()
    if step is None:
        raise Http404("no such stage, or no such attempt of it")
    return step


def _as_file(step: Step) -> HttpResponse:
    answer = HttpResponse("".join(as_text(step)), content_type="text/plain; charset=utf-8")
    # A header holds no name that a cloud or a person wrote.
    name = f"run-{step.run.number}-{step.stage}-{step.attempt}.txt"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
