"""The wall's second band: at most three problems – which one, since when, who has it – and how many more."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Count, IntegerField, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark, mark
from dashboard.screens.needs.causes import CAUSES, ENGINE_SILENT
from dashboard.screens.needs.seen import Seen
from dashboard.screens.wall.causes import FAILED, cause_said, rank_of
from dashboard.screens.wall.names import Named
from dashboard.screens.wall.now import Now, needs_of
from dashboard.screens.wall.profile import Profile
from dashboard.screens.words import figure
from maintenance.engine.attention import Cause
from maintenance.models import Attention

SHOWN_MAX = 3
KINDS_OF_REST_MAX = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """`who`: None while nobody has it."""

    id: UUID
    mark: Mark
    name: Named
    what: str
    since: datetime | None
    who: Named | None


@dataclass(frozen=True, slots=True)
class Problems:
    """`rest`: how many more there are, and of what kind; empty where all are shown."""

    shown: list[Problem]
    rest: str


def problems(now: Now) -> Problems:
    """The worst cause first; of one cause those that nobody has, and then the oldest."""
    seen = [_of_seen(one, now.profile) for one in now.seen][:SHOWN_MAX]
    rank = Case(
        *(When(cause=cause, then=Value(rank_of(cause))) for cause in CAUSES),
        default=Value(rank_of("")),
        output_field=IntegerField(),
    )
    is_taken = Case(When(taken_by="", then=Value(0)), default=Value(1), output_field=IntegerField())
    found = needs_of(now.profile).select_related("host", "server", "target", "run")
    worst = found.annotate(rank=rank, is_taken=is_taken).order_by("rank", "is_taken", "since", "id")
    shown = [*seen, *(_of_attention(one, now.profile) for one in worst[: SHOWN_MAX - len(seen)])]
    return Problems(shown, _rest(now, shown))


def _of_attention(one: Attention, profile: Profile) -> Problem:
    return Problem(
        one.id,
        mark("Failed") if one.cause in FAILED else NEEDS_PERSON,
        _name(one, profile),
        cause_said(one.cause),
        one.since,
        profile.person(one.taken_by) if one.taken_by else None,
    )


def _name(one: Attention, profile: Profile) -> Named:
    """Of the host or the management server it is about; both may have left the inventory."""
    if one.cause == Cause.RUN_PAUSED and one.run is not None:
        return Named(_("Run %(number)s") % {"number": one.run.number})
    if one.host_id is not None:
        host = one.host_id, one.host.name if one.host else one.target.name if one.target else ""
        return profile.host(*host)
    if one.server_id is not None:
        return profile.server(one.server_id, one.server.name if one.server else "")
    return Named(_("Run %(number)s") % {"number": one.run.number} if one.run is not None else "–")


def _of_seen(seen: Seen, profile: Profile) -> Problem:
    is_engine = seen.cause == ENGINE_SILENT
    name = Named(_("Engine")) if is_engine else profile.cloud(seen.id, seen.about)
    return Problem(seen.id, UNKNOWN, name, cause_said(seen.cause), seen.since, None)


def _rest(now: Now, shown: list[Problem]) -> str:
    """+ 37 more: stage failed 30, no room for its VMs 7."""
    left = now.problems - len(shown)
    if left <= 0:
        return ""
    counts = dict(needs_of(now.profile).order_by().values_list("cause").annotate(n=Count("id")))
    in_order = sorted(counts.items(), key=lambda one: rank_of(one[0]))
    said = [
        _("%(what)s %(n)s") % {"what": cause_said(cause), "n": figure(n)}
        for cause, n in _without_shown(in_order, max(0, len(shown) - len(now.seen)))
    ]
    kinds = pgettext("between names", ", ").join(said[:KINDS_OF_REST_MAX])
    if len(said) > KINDS_OF_REST_MAX or not said:
        kinds = f"{kinds} …" if kinds else ""
    if not kinds:
        return _("+ %(n)s more") % {"n": figure(left)}
    return _("+ %(n)s more: %(kinds)s") % {"n": figure(left), "kinds": kinds}


def _without_shown(in_order: list[tuple[str, int]], shown: int) -> list[tuple[str, int]]:
    """The worst ones are shown already."""
    left = []
    for cause, n in in_order:
        hidden = max(0, n - shown)
        shown = max(0, shown - n)
        left += [(cause, hidden)] if hidden else []
    return left
