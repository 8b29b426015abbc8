"""The pages of what every page sees by itself: that no engine answers, that a cloud cannot be read."""

from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.actions import Action
from dashboard.screens.marks import UNKNOWN, Mark, mark
from dashboard.screens.needs.causes import cause_words_of
from dashboard.screens.needs.engine import EngineState, engine_state
from dashboard.screens.needs.parts import NeedHead, Standing, Story
from dashboard.screens.needs.seen import Seen, engine_silence, unread
from dashboard.screens.needs.settled import SettledBy
from maintenance.models import Cloud


@dataclass(frozen=True)
class SeenPage:
    """What every page sees by itself: nothing can be pressed about it."""

    head: NeedHead
    story: Story
    standing: Standing
    actions: list[Action] = field(default_factory=list)
    engine: EngineState | None = None
    servers: None = None
    room: None = None


def engine_page(role: str) -> SeenPage:
    silent = engine_silence()
    words = cause_words_of(silent.cause) if silent else None
    head = _seen_head(silent, says=_("An engine answers."), then=_("Work goes on."))
    state = engine_state(role, is_silent=silent is not None)
    story = Story(
        silent.message if silent else _("An engine answers: whatever stood still goes on where it stood."),
        str(words.means) if words else "",
        str(words.help) if words else "",
        "",
        "",
        [],
        "",
    )
    meanwhile = [str(words.meanwhile)] if words else []
    return SeenPage(head, story, Standing([], None, "", None, meanwhile, []), [], state)


def cloud_page(cloud: Cloud) -> SeenPage:
    known = cloud.is_known(timezone.now())
    seen = None if known else unread(cloud)
    words = cause_words_of(seen.cause) if seen else None
    says = _("%(cloud)s can be read.") % {"cloud": cloud.name}
    head = _seen_head(seen, says=says, then=_("What pages show of it is the present."))
    message = seen.message if seen else _("The last reading went well.")
    story = Story(
        message, str(words.means) if words else "", str(words.help) if words else "", "", "", [], ""
    )
    meanwhile = [str(words.meanwhile)] if words else []
    return SeenPage(head, story, Standing([], None, "", None, meanwhile, []))


def _seen_head(seen: Seen | None, *, says: str, then: str) -> NeedHead:
    drawn = Mark(UNKNOWN.state, UNKNOWN.said, UNKNOWN.glyph) if seen else mark("Done")
    return NeedHead(
        says=f"{seen.title}." if seen else says,
        then=_("What pages show is the last that was known.") if seen else then,
        title=seen.title if seen else says.rstrip("."),
        mark=drawn,
        cause=str(cause_words_of(seen.cause).name) if seen else "",
        since=seen.since if seen else None,
        since_words=_("last sign"),
        run_number=None,
        run_name="",
        run_url="",
        resolved_at=None,
        settled_by=SettledBy("", ""),
    )
