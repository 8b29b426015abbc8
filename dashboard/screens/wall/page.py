"""What is the same for everybody who looks at a wall: the words of its script, its build, its clouds."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.build import build_id
from dashboard.screens.wall.profile import Profile
from maintenance.models import Cloud

PULSE_CELLS = 10


@dataclass(frozen=True, slots=True)
class WallPage:
    """`clouds`: their ids, whose ages the script follows. `known_for_s`: how old a reading may be at most."""

    now: datetime
    build: str
    words: str
    clouds: str
    has_sound: bool
    is_screen: bool
    pulse: range


def wall_page(profile: Profile, *, has_sound: bool, is_screen: bool) -> WallPage:
    clouds = Cloud.objects.filter(profile.of("id")).order_by("name").values_list("id", flat=True)
    words = json.dumps(_words(), ensure_ascii=False, separators=(",", ":"))
    return WallPage(
        now=timezone.now(),
        build=build_id(),
        words=words,
        clouds=" ".join(str(key) for key in clouds),
        has_sound=has_sound,
        is_screen=is_screen,
        pulse=range(PULSE_CELLS),
    )


def _words() -> dict[str, str]:
    """What static/js/wall says; it fills the %(places)s itself."""
    return {
        "live": _("Live"),
        "opening": _("Connecting"),
        "as_of": _("As of %(clock)s"),
        "not_live": _("NOT LIVE since %(clock)s"),
        "not_live_short": _("Not live"),
        "last_known": _("last known:"),
        "screen": _("screen %(age)s"),
        "screen_old": _("screen %(age)s old"),
        "read": _("read %(age)s ago"),
        "never_read": _("never read"),
        "listing": _("list %(age)s old"),
        "again": _("trying again (%(n)s)"),
        "logged_out": _("logged out"),
        "no_sound": _("no sound: this browser waits for a click"),
        "seconds": _("%(n)s s"),
        "minutes": _("%(n)s min"),
        "hours": _("%(n)s h"),
        "days": _("%(n)s d"),
    }
