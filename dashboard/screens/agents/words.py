"""Drift, findings and changes in words."""

from collections.abc import Callable, Mapping

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.events.telling_words import data, sentence
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


def finding_words(finding: Finding) -> SafeString:
    names = data(listing(list(finding.names), most=5))
    says: Mapping[Flaw, Callable[[], str]] = {
        Flaw.EMPTY: lambda: _("The setting host names no management server: agents have nowhere to go."),
        Flaw.BAD_ALGORITHM: lambda: _("There is no algorithm %(names)s; there are %(known)s."),
        Flaw.NONE_UP: lambda: _("No management server that the setting host names is Up."),
        Flaw.UNKNOWN_ADDRESS: lambda: _("No management server is known at %(names)s."),
        Flaw.NOT_UP: lambda: _("%(names)s is in the setting host, and is not Up."),
        Flaw.MISSING_SERVER: lambda: _(
            "Up, but not in the setting host, so that no agent is ever sent there: %(names)s."
        ),
        Flaw.DUPLICATE: lambda: _("More than once in the setting host: %(names)s."),
        Flaw.ONE_ADDRESS: lambda: _(
            "%(names)s is the only address: all agents are on one server, which cannot be maintained."
        ),
        Flaw.FEWER_THAN_UP: lambda: _("%(addresses)s addresses for %(servers)s servers that are Up."),
        Flaw.STATIC_GATHERS: lambda: _("With static and a check interval every agent goes to %(names)s."),
        Flaw.SHUFFLE: lambda: _("shuffle is not recommended for production: nobody controls the balance."),
        Flaw.CHECK_IS_OFF: lambda: _(
            "The check interval is off: an agent that left its preferred server does not go back by itself."
        ),
    }
    counted: dict[str, str] = {}
    if finding.flaw is Flaw.FEWER_THAN_UP:
        counted = dict(zip(("addresses", "servers"), finding.names, strict=True))
    return sentence(says[finding.flaw](), names=names, known=", ".join(ALGORITHMS), **counted)


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
