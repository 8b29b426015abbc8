"""Drift, findings and changes in words."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark, moving
from dashboard.screens.words import duration, listing
from maintenance.domain.agent_balance import Drift
from maintenance.domain.balance_lint import MILD, Finding, Flaw
from maintenance.domain.servers import ALGORITHMS
from maintenance.models import CloudChange


def interval(seconds: int | None) -> str:
    """How often an agent looks for its preferred server."""
    return duration(seconds) if seconds else _("off")


def drift_words(reason: Drift, kept_s: int | None, should_s: int) -> str:
    """The reason, with the interval that the agent keeps and the one that the settings say."""
    words = {
        Drift.OTHER_LIST: _("its list is another one"),
        Drift.OTHER_ALGORITHM: _("it keeps another algorithm"),
        Drift.NO_ALGORITHM: _("its list has no @algorithm: it never looks for its preferred server"),
        Drift.OTHER_INTERVAL: _("its check interval is %(kept)s, not %(should)s")
        % {"kept": interval(kept_s), "should": interval(should_s)},
        Drift.NOT_ON_PREFERRED: _("it is not on the server where it belongs"),
        Drift.NO_SERVER: _("it is connected to no server"),
    }
    return words[reason]


def finding_words(finding: Finding) -> str:
    names = listing(list(finding.names), most=5)
    says: Mapping[Flaw, Callable[[], str]] = {
        Flaw.EMPTY: lambda: _("The setting host names no management server: agents have nowhere to go."),
        Flaw.BAD_ALGORITHM: lambda: (
            _("There is no algorithm %(name)s; there are %(known)s.")
            % {"name": names, "known": ", ".join(ALGORITHMS)}
        ),
        Flaw.NONE_UP: lambda: _("No management server that the setting host names is Up."),
        Flaw.UNKNOWN_ADDRESS: lambda: _("No management server is known at %(names)s.") % {"names": names},
        Flaw.NOT_UP: lambda: _("%(names)s is in the setting host, and is not Up.") % {"names": names},
        Flaw.MISSING_SERVER: lambda: (
            _("Up, but not in the setting host, so that no agent is ever sent there: %(names)s.")
            % {"names": names}
        ),
        Flaw.DUPLICATE: lambda: _("More than once in the setting host: %(names)s.") % {"names": names},
        Flaw.ONE_ADDRESS: lambda: (
            _("%(names)s is the only address: all agents are on one server, which cannot be maintained.")
            % {"names": names}
        ),
        Flaw.FEWER_THAN_UP: lambda: (
            _("%(addresses)s addresses for %(servers)s servers that are Up.")
            % dict(zip(("addresses", "servers"), finding.names, strict=True))
        ),
        Flaw.STATIC_GATHERS: lambda: (
            _("With static and a check interval every agent goes to %(names)s.") % {"names": names}
        ),
        Flaw.SHUFFLE: lambda: _("shuffle is not recommended for production: nobody controls the balance."),
        Flaw.CHECK_IS_OFF: lambda: _(
            "The check interval is off: an agent that left its preferred server does not go back by itself."
        ),
    }
    return says[finding.flaw]()


def finding_mark(finding: Finding) -> Mark:
    if finding.is_fatal:
        return Mark("Failed", _("Wrong"), "failed")
    if finding.flaw in MILD:
        return Mark("Waiting", _("Worth knowing"), "waiting")
    return Mark("NeedsPerson", _("Unwise"), "paused")


def change_mark(change: CloudChange) -> Mark:
    match change.state:
        case CloudChange.State.PENDING:
            return moving(_("Asked, not answered yet"))
        case CloudChange.State.DONE:
            return mark("Done")
        case CloudChange.State.REFUSED:
            return Mark("Failed", _("Refused"), "failed")
        case _:
            return Mark("Unknown", _("Not answered in time"), "unknown")
