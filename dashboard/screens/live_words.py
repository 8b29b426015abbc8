"""What static/js/live says, in the installation's language; it fills the %(places)s itself."""

import json

from django.utils.translation import gettext as _


def live_words() -> str:
    """The texts by the name that the script knows them by, as JSON."""
    return json.dumps(_texts(), ensure_ascii=False, separators=(",", ":"))


def _texts() -> dict[str, str]:
    return {
        # how long: the same texts as in words.py
        "seconds": _("%(s)s s"),
        "minutes": _("%(m)s m %(s)s s"),
        "hours": _("%(h)s h %(m)s m"),
        "days": _("%(d)s d %(h)s h"),
        "ago": _("%(duration)s ago"),
        # the corner
        "opening": _("Connecting"),
        "live": _("Live"),
        "live_old_cloud": _("Live, %(cloud)s not read for %(age)s"),
        "live_unread_cloud": _("Live, %(cloud)s never read"),
        "late": _("Not live, %(age)s old"),
        "stale": _("As of %(clock)s"),
        "dead": _("NOT LIVE since %(clock)s"),
        "old": _("%(age)s old"),
        "read": _("read %(age)s ago"),
        "never_read": _("never read"),
        "listing": _("its list %(age)s old"),
        "nothing_changed": _("Caught up, nothing had changed."),
        # told to readers of the screen
        "told_opening": _("Connecting"),
        "told_live": _("This page is live again."),
        "told_old_cloud": _("%(cloud)s has not been read lately: what is shown of it is unknown."),
        "told_late": _("This page is not live."),
        "told_stale": _("This page is as of %(clock)s."),
        "told_dead": _("This page is not live since %(clock)s."),
        # above the page
        "banner_late": _(
            "Not live since %(clock)s. What this page shows may have changed; its buttons wait until it is live again."
        ),
        "banner_dead": _(
            "This page is NOT LIVE since %(clock)s. What it shows may have changed; its buttons wait. Connecting again…"
        ),
        "no_engine": no_engine(),
        "engine_silent": _("No engine answers since %(clock)s: no run moves until one does."),
        "logged_out": _("You are logged out. This page is as it was then."),
        "deactivated": _("Your account has been deactivated. This page is as it was then."),
        "another_role": _("Your role has been changed. This page is as it was before."),
        "another_password": _("Your password has been changed. This page is as it was before."),
        "not_followed": _(
            "Nothing tells this page what changes, or it is not yours to follow: it is as it was opened."
        ),
        "open_again": _("Open this page again"),
        "no_answer": _(
            "Pitstop did not answer. Whether your click arrived is not known: "
            "look at what the page shows before you click again."
        ),
        "refused": _(
            "That did not work (error %(status)s, request %(request)s). Reload the page to see how things are."
        ),
        # on what waits
        "locked": _("waits: not live"),
        "title_dead": _("? not live – Pitstop"),
    }


def no_engine() -> str:
    return _("No engine runs: no run moves until one does.")
