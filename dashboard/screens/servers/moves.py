"""What may be asked of a management server now, what each button does, and why another one cannot be pressed.

By the same rules that refuse a request (domain/servers.py), asked of what the page shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.actions import too_low, too_low_to_administer
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.servers.leaving import HeldHosts, held_hosts, where_to
from dashboard.screens.servers.preparing import is_shown
from dashboard.screens.words import count, said
from maintenance.actions.server_offers import MAY_STEER
from maintenance.domain.servers import (
    Refusal,
    RefusalCode,
    ServerMove,
    ServerState,
    legal_moves,
    refusal_of,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

# What has to be typed, exactly, before something dangerous is done: CloudStack's own page asks for the same words.
WORDS: Mapping[ServerMove, str] = {
    ServerMove.PREPARE: "MAINTENANCE",
    ServerMove.PREPARE_SHUTDOWN: "SHUTDOWN",
    ServerMove.TRIGGER_SHUTDOWN: "SHUTDOWN",
}
RESTART_WORD = "MAINTENANCE"
ROUTES: Mapping[ServerMove, str] = {
    ServerMove.PREPARE: "server-prepare",
    ServerMove.CANCEL: "server-cancel",
    ServerMove.PREPARE_SHUTDOWN: "server-prepare-shutdown",
    ServerMove.TRIGGER_SHUTDOWN: "server-trigger-shutdown",
    ServerMove.CANCEL_SHUTDOWN: "server-cancel-shutdown",
}
LABELS: "Mapping[ServerMove, StrPromise]" = {
    ServerMove.PREPARE: gettext_lazy("Prepare for maintenance…"),
    ServerMove.CANCEL: gettext_lazy("Cancel maintenance…"),
    ServerMove.PREPARE_SHUTDOWN: gettext_lazy("Prepare for shutdown…"),
    ServerMove.TRIGGER_SHUTDOWN: gettext_lazy("Shut down…"),
    ServerMove.CANCEL_SHUTDOWN: gettext_lazy("Cancel shutdown…"),
}
DOES: "Mapping[ServerMove, StrPromise]" = {
    ServerMove.PREPARE: gettext_lazy("Prepare it for maintenance"),
    ServerMove.CANCEL: gettext_lazy("Have it Up again"),
    ServerMove.PREPARE_SHUTDOWN: gettext_lazy("Make it ready to shut down"),
    ServerMove.TRIGGER_SHUTDOWN: gettext_lazy("Shut it down"),
    ServerMove.CANCEL_SHUTDOWN: gettext_lazy("Have it Up again"),
}
ALGORITHM_TEXTS: "Sequence[tuple[str, StrPromise]]" = (
    ("", gettext_lazy("as the cloud's setting says")),
    ("static", gettext_lazy("static")),
    ("roundrobin", gettext_lazy("roundrobin")),
    ("shuffle", gettext_lazy("shuffle – not recommended")),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a form had when it was refused: it is shown again with that. The word that must be typed is not kept."""

    algorithm: str = ""
    forced: bool = False
    rebalance: bool = True
    reason: str = ""
    ticket: str = ""


NOTHING_CHOSEN = Chosen()
KEPT = ("algorithm", "forced", "rebalance", "reason", "ticket")


def chosen(given: Mapping[str, str], name: str) -> Chosen:
    """Of the form `name`, from a page's address; a box that is not named was not ticked."""
    if given.get("ask") != name or "kept" not in given:
        return NOTHING_CHOSEN
    return Chosen(
        algorithm=given.get(f"{name}-algorithm", ""),
        forced=bool(given.get(f"{name}-forced")),
        rebalance=bool(given.get(f"{name}-rebalance")),
        reason=given.get(f"{name}-reason", "")[:500],
        ticket=given.get(f"{name}-ticket", "")[:120],
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """A button. `why_not` is empty where it may be pressed; `name` is CloudStack's command, and the form's prefix."""

    name: str
    label: str
    does: str  # the second button, which does it
    url: str
    says: str
    why_not: str
    word: str = ""
    asks_algorithm: bool = False
    asks_rebalance: bool = False
    asks_reason: bool = False
    is_danger: bool = False
    held: HeldHosts | None = None
    chosen: Chosen = NOTHING_CHOSEN


@dataclass(frozen=True, slots=True)
class Moves:
    """All buttons of one server; `legal` names what the state allows, for people who look for it."""

    offers: Sequence[Offer]
    legal: str
    algorithms: Sequence[tuple[str, str]]
    setting: str


def moves(
    fleet: Fleet, known: KnownServer, role: str, base: str, given: Mapping[str, str] | None = None
) -> Moves:
    """`base`: the server's page; `given`: what its address says was chosen."""
    offers = [offer(fleet, known, move, role) for move in ServerMove]
    offers.append(_restart(fleet, known, role, base))
    if given is not None:
        offers = [replace(one, chosen=chosen(given, one.name)) for one in offers]
    legal = legal_words(known)
    setting = str((known.server.cloud.balance or {}).get("algorithm", ""))
    return Moves(offers, legal, [(value, str(text)) for value, text in ALGORITHM_TEXTS], setting)


def offer(fleet: Fleet, known: KnownServer, move: ServerMove, role: str) -> Offer:
    return Offer(
        name=move.value,
        label=_("Cancel preparing…") if _is_on_its_way(known, move) else str(LABELS[move]),
        does=str(DOES[move]),
        url=reverse(ROUTES[move], args=[known.server.id]),
        says=_says(fleet, known, move),
        why_not=_too_low(role, move) or why_not(fleet, known, move),
        word=WORDS.get(move, ""),
        asks_algorithm=move is ServerMove.PREPARE,
        asks_rebalance=move is ServerMove.CANCEL,
        asks_reason=move in WORDS,
        is_danger=move is ServerMove.TRIGGER_SHUTDOWN,
        held=held_hosts(known) if move is ServerMove.PREPARE and known.state is ServerState.UP else None,
    )


def _too_low(role: str, move: ServerMove) -> str:
    """A server that is prepared can be taken back; one whose process has ended is an administrator's matter."""
    return too_low_to_administer(role) if move is ServerMove.TRIGGER_SHUTDOWN else too_low(role)


def _restart(fleet: Fleet, known: KnownServer, role: str, base: str) -> Offer:
    says = _(
        "Maintenance, shutdown, back, Up again, agents home: as one run, which stops where anything is in doubt."
    )
    return Offer(
        name="restart",
        label=_("Restart…"),
        does=_("Restart it"),
        url=f"{base}restart/",
        says=says,
        why_not=too_low_to_administer(role) or why_not(fleet, known, ServerMove.PREPARE),
        word=RESTART_WORD,
        asks_algorithm=True,
        asks_reason=True,
    )


def legal_words(known: KnownServer) -> str:
    """The commands that its state allows, in CloudStack's words."""
    if known.state is None:
        return ""
    return ", ".join(sorted(legal_moves(known.state))) or _("nothing")


def why_not(fleet: Fleet, known: KnownServer, move: ServerMove) -> str:
    """Why this is refused now, in words; empty where it is not."""
    if known.state is None:
        if not known.server.is_known(fleet.now):
            return _("How it is now is not known: its cloud could not be read lately.")
        return _("%(state)s is a state that Pitstop does not know.") % {"state": known.server.state}
    refused = refusal_of(move, known.server.id, fleet.views[known.server.cloud_id])
    if refused:
        return _refusal_words(fleet, known, refused)
    if known.target is not None and known.target.run.kind not in MAY_STEER[move]:
        run = known.target.run
        words = _("Run %(number)s (started by %(by)s) has it: steer that run.")
        return words % {"number": run.number, "by": run.started_by}
    return ""


def _refusal_words(fleet: Fleet, known: KnownServer, refused: Refusal) -> str:
    """As a button's neighbour: short. Whoever asks all the same is told the rule's own words."""
    match refused.code:
        case RefusalCode.ANOTHER_PREPARES:
            first = next(k for k in [*fleet.beside(known), known] if k.is_preparing)
            return _("%(name)s is preparing; one at a time.") % {"name": said(first.server.name)}
        case RefusalCode.ONLY_ONE_UP | RefusalCode.NONE_UP:
            return _("Fewer than two servers are Up: nobody would carry its work.")
        case RefusalCode.LAST_UP:
            return _("No other server is Up: the cloud would be left without one.")
        case RefusalCode.NO_OTHER_IN_HOST_SETTING:
            return _(
                "The setting “host” names no other server that is Up: its agents would have nowhere to go."
            )
        case RefusalCode.WRONG_STATE:
            return _("Not from %(state)s. Possible now: %(legal)s.") % {
                "state": known.server.state,
                "legal": legal_words(known),
            }
        case _:
            return refused.words


def _is_on_its_way(known: KnownServer, move: ServerMove) -> bool:
    return move is ServerMove.CANCEL and known.state is ServerState.PREPARING_FOR_MAINTENANCE


def _says(fleet: Fleet, known: KnownServer, move: ServerMove) -> str:
    jobs = count(known.jobs, "job")
    match move:
        case ServerMove.PREPARE:
            return _(
                "New jobs are refused here, %(jobs)s may end; %(where_to)s. Then it is in Maintenance until somebody "
                "cancels."
            ) % {"jobs": jobs, "where_to": where_to(fleet, known)}
        case ServerMove.CANCEL if known.state is ServerState.PREPARING_FOR_MAINTENANCE:
            return _("It is Up at once and takes new jobs. Agents that have left come back.")
        case ServerMove.CANCEL:
            return _("It is Up at once, takes new jobs, and listens to agents again.")
        case ServerMove.PREPARE_SHUTDOWN:
            return _(
                "New jobs are refused here and %(jobs)s may end. Its agents stay until it goes down."
            ) % {"jobs": jobs}
        case ServerMove.TRIGGER_SHUTDOWN:
            return _(
                "Its process ends as soon as no job is left. It comes back when its machine starts it, in the state "
                "it went down from."
            )
        case ServerMove.CANCEL_SHUTDOWN:
            return _("It is Up at once and takes new jobs.")


@dataclass(frozen=True, slots=True)
class RowMove:
    """A button in the table: it leads to where the question is asked."""

    label: str
    url: str
    why_not: str


def row_move(fleet: Fleet, known: KnownServer, role: str) -> RowMove:
    """The one that is most likely wanted next."""
    url = reverse("server", args=[known.server.id])
    if is_shown(known):
        return RowMove(_("Shown below"), f"#server-{known.server.id}", "")
    match known.state:
        case ServerState.UP:
            why = too_low(role) or why_not(fleet, known, ServerMove.PREPARE)
            return RowMove(_("Prepare…"), f"{url}?ask={ServerMove.PREPARE}", why)
        case ServerState.MAINTENANCE:
            why = too_low(role) or why_not(fleet, known, ServerMove.CANCEL)
            return RowMove(_("Cancel…"), f"{url}?ask={ServerMove.CANCEL}", why)
        case ServerState.SHUTTING_DOWN:
            return RowMove(_("Prepare…"), "", _("Its process ends as soon as no job is left."))
        case ServerState.DOWN:
            return RowMove(_("Prepare…"), "", _("Its process does not run: start it on its machine."))
        case _:
            return RowMove(_("Prepare…"), "", why_not(fleet, known, ServerMove.PREPARE))
