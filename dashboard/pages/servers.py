"""Management servers: the page of all, the page of one, and what may be asked of them."""

from collections.abc import Callable
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import visible_servers
from dashboard.pages.asked import number, role_of, typed, uuid_or_none
from dashboard.pages.buttons import back_to
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.jobs.cut_off import cut_off
from dashboard.screens.servers.fleet import fleet
from dashboard.screens.servers.head import server_head, tasks
from dashboard.screens.servers.list import SETTLE_S, restart_all, server_rows, shown_preparing
from dashboard.screens.servers.moves import KEPT, RESTART_WORD, WORDS, legal_words, moves
from dashboard.screens.servers.page import SECTIONS, of_section, on_its_way, tabs
from dashboard.screens.servers.verdict import verdict
from maintenance.actions import ActionError, NotFound
from maintenance.actions import servers as ask
from maintenance.actions.server_offers import read_back
from maintenance.domain.servers import ServerMove
from maintenance.models import Run

READ_BACK_S = 3.0  # so long a press waits to see what the cloud made of it; the page follows it anyway


@require_safe
def servers(request: HttpRequest) -> HttpResponse:
    seq, role = feed_head(), role_of(request)
    found = fleet()
    return render(
        request,
        "servers/list.html",
        {
            "seq": seq,
            "topic": "servers",
            "verdict": verdict(found),
            "rows": server_rows(found, role),
            "preparing": shown_preparing(found),
            "restart": restart_all(found, role),
            "is_asking": "restart" in request.GET,
        },
    )


@require_safe
def server(request: HttpRequest, server_id: UUID) -> HttpResponse:
    seq, role = feed_head(), role_of(request)
    found = fleet() if visible_servers(request.user).filter(id=server_id).exists() else None
    known = found.find(server_id) if found else None
    if found is None or known is None:
        raise Http404("no such management server")
    show = request.GET.get("show", "")
    section = show if show in SECTIONS else "jobs"
    page = number(request.GET.get("page", ""))
    base = reverse("server", args=[server_id])
    return render(
        request,
        "servers/server.html",
        {
            "seq": seq,
            "topic": f"server:{server_id}",
            "head": server_head(found, known),
            "preparing": on_its_way(found, known),
            "moves": moves(found, known, role, base, request.GET),
            "tasks": tasks(known),
            "tabs": tabs(known, section),
            "section": section,
            "cut": cut_off(role, server_id),
            "asks": request.GET.get("ask", "")[:40],
        }
        | of_section(section, found, known, page),
    )


# ---- what may be asked ----------------------------------------------------------------------------------------------


@require_POST
def server_prepare(request: HttpRequest, server_id: UUID) -> HttpResponse:
    move = ServerMove.PREPARE
    algorithm = typed(request, f"{move}-algorithm")
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.prepare_server(
            server_id,
            algorithm=algorithm or None,
            forced=bool(typed(request, f"{move}-forced")),
            actor=who,
            reason=typed(request, f"{move}-reason"),
            ticket=_ticket(request, move),
            request_id=ref,
        ),
        move=move,
    )


@require_POST
def server_cancel(request: HttpRequest, server_id: UUID) -> HttpResponse:
    rebalance = bool(typed(request, f"{ServerMove.CANCEL}-rebalance"))
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.cancel_server_maintenance(
            server_id, rebalance=rebalance, actor=who, request_id=ref
        ),
        move=ServerMove.CANCEL,
    )


@require_POST
def server_prepare_shutdown(request: HttpRequest, server_id: UUID) -> HttpResponse:
    move = ServerMove.PREPARE_SHUTDOWN
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.prepare_server_shutdown(
            server_id,
            actor=who,
            reason=typed(request, f"{move}-reason"),
            ticket=_ticket(request, move),
            request_id=ref,
        ),
        move=move,
    )


@require_POST
def server_trigger_shutdown(request: HttpRequest, server_id: UUID) -> HttpResponse:
    move = ServerMove.TRIGGER_SHUTDOWN
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.trigger_server_shutdown(
            server_id,
            actor=who,
            reason=typed(request, f"{move}-reason"),
            ticket=_ticket(request, move),
            request_id=ref,
        ),
        move=move,
    )


@require_POST
def server_cancel_shutdown(request: HttpRequest, server_id: UUID) -> HttpResponse:
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.cancel_server_shutdown(server_id, actor=who, request_id=ref),
        move=ServerMove.CANCEL_SHUTDOWN,
    )


@require_POST
def server_restart(request: HttpRequest, server_id: UUID) -> HttpResponse:
    return _ask(
        request,
        server_id,
        lambda who, ref: ask.restart_servers(
            [server_id],
            algorithm=typed(request, "restart-algorithm") or None,
            forced=bool(typed(request, "restart-forced")),
            settle_s=SETTLE_S,
            actor=who,
            reason=typed(request, "restart-reason"),
            ticket=_ticket(request, "restart"),
            request_id=ref,
        ),
        word=RESTART_WORD,
        field="restart",
    )


@require_POST
def servers_restart(request: HttpRequest) -> HttpResponse:
    """Several, one by one, in the order that was chosen."""
    otherwise = f"{reverse('servers')}?restart"
    if not _is_typed(request, RESTART_WORD, "all"):
        return back_to(request, otherwise)
    chosen = _in_order(request)
    settle_s = typed(request, "all-settle_s")
    if not (settle_s.isascii() and settle_s.isdigit() and len(settle_s) < 7):
        messages.error(request, _("Not done: the settle time is a whole number of seconds."))
        return back_to(request, otherwise)
    try:
        run = ask.restart_servers(
            chosen,
            algorithm=typed(request, "all-algorithm") or None,
            forced=bool(typed(request, "all-forced")),
            settle_s=int(settle_s),
            actor=request.user.get_username(),
            reason=typed(request, "all-reason"),
            ticket=_ticket(request, "all"),
            request_id=request_id(request),
        )
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except ActionError as reason:
        messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason).rstrip(".")})
        return back_to(request, otherwise)
    messages.info(request, _started(run))
    return back_to(request, reverse("run", args=[run.id]))


def _in_order(request: HttpRequest) -> list[UUID]:
    """The servers that were ticked, by the places chosen for them; equal ones as they were listed."""
    found = [key for text in request.POST.getlist("all-servers") if (key := uuid_or_none(text))]
    return sorted(found, key=lambda key: number(request.POST.get(f"all-place-{key}", "")))


def _ask(
    request: HttpRequest,
    server_id: UUID,
    act: Callable[[str, str], Run],
    *,
    move: ServerMove | None = None,
    word: str = "",
    field: str = "",
) -> HttpResponse:
    """Ask, wait a moment for what the cloud makes of it, and show the page again with that."""
    otherwise = reverse("server", args=[server_id])
    if not visible_servers(request.user).filter(id=server_id).exists():
        raise Http404("no such management server")
    form = field or str(move)
    if not _is_typed(request, word or (WORDS.get(move, "") if move else ""), form):
        return _ask_again(request, otherwise, form)
    try:
        run = act(request.user.get_username(), request_id(request))
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except ActionError as reason:
        _refused(request, server_id, str(reason))
        return _ask_again(request, otherwise, form)
    answer = read_back(run, server_id, timeout_s=READ_BACK_S)
    if answer.refused:
        _refused(request, server_id, answer.refused)
        return _ask_again(request, otherwise, form)
    messages.info(request, _started(run))
    return HttpResponseRedirect(otherwise, status=303)


def _ask_again(request: HttpRequest, page: str, form: str) -> HttpResponse:
    """The server's page with this form open, and in it what was chosen, without the word."""
    kept = {f"{form}-{name}": said for name in KEPT if (said := typed(request, f"{form}-{name}"))}
    return HttpResponseRedirect(f"{page}?{urlencode({'ask': form, 'kept': 1} | kept)}#ask-{form}", status=303)


def _refused(request: HttpRequest, server_id: UUID, words: str) -> None:
    """What the rule or the cloud said, and what is possible instead."""
    text = _("Not done: %(reason)s.") % {"reason": words.rstrip(".")}
    known = fleet().find(server_id)
    if known is not None and "legal now" not in words:
        text += " " + _("Possible for %(name)s now: %(legal)s.") % {
            "name": known.server.name,
            "legal": legal_words(known) or _("not known"),
        }
    messages.error(request, text)


def _is_typed(request: HttpRequest, word: str, field: str) -> bool:
    """The word, exactly: a click alone must not do this."""
    if not word or request.POST.get(f"{field}-word", "").strip() == word:
        return True
    messages.error(request, _("Not done: type %(word)s, in capitals, to have it done.") % {"word": word})
    return False


def _ticket(request: HttpRequest, field: str) -> str:
    return typed(request, f"{field}-ticket")[:120]


def _started(run: Run) -> str:
    return _("Asked for: run %(number)s does it.") % {"number": run.number}
