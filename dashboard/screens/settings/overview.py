"""The settings at a glance: one line for each page of them."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.models import Role, TokenNote, WallLink
from dashboard.people.tokens import living
from dashboard.screens.frame import role_word
from dashboard.screens.settings.clouds import cloud_rows
from dashboard.screens.settings.people import people_verdict
from dashboard.screens.words import count, figure, listing
from dashboard.walls.links import living as living_links
from maintenance.limits import set_here
from maintenance.models import Notification, Payload
from maintenance.notifications.recipients import recipients


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    url: str
    says: str
    warning: str = ""


def summary() -> list[Line]:
    """A constant number of queries."""
    people = people_verdict()
    return [
        Line(_("People"), reverse("settings-people"), f"{people.says} {people.then}"),
        Line(
            _("Roles"), reverse("settings-roles"), listing([role_word(role.value) for role in Role], most=9)
        ),
        Line(_("API tokens"), reverse("settings-tokens"), _tokens()),
        _clouds(),
        Line(_("Limits"), reverse("settings-limits"), _limits()),
        Line(_("Payloads"), reverse("settings-payloads"), _payloads()),
        _notifications(),
        Line(_("Walls"), reverse("settings-walls"), _walls()),
    ]


def _tokens() -> str:
    found = TokenNote.objects.filter(living()).count()
    return _("%(tokens)s open something.") % {"tokens": count(found, "token")} if found else _("None.")


def _walls() -> str:
    found = WallLink.objects.filter(living_links()).count()
    return _("%(links)s open a wall.") % {"links": count(found, "link")} if found else _("No link.")


def _payloads() -> str:
    found = Payload.objects.filter(withdrawn_at=None).count()
    return _("%(n)s offered to system VMs.") % {"n": figure(found)} if found else _("None.")


def _limits() -> str:
    here = len(set_here())
    return (
        _("%(n)s set here.") % {"n": figure(here)} if here else _("As the environment and the defaults say.")
    )


def _clouds() -> Line:
    rows = cloud_rows()
    failing = [row.name for row in rows if row.error]
    says = _("%(clouds)s: %(names)s.") % {
        "clouds": count(len(rows), "cloud"),
        "names": listing([row.name for row in rows]),
    }
    warning = _("Cannot be read: %(names)s.") % {"names": listing(failing)} if failing else ""
    return Line(_("Clouds"), reverse("settings-clouds"), says if rows else _("None."), warning)


def _notifications() -> Line:
    to = recipients()
    ways = [*([_("mail")] if to.mail_to else []), *([_("webhook")] if to.webhook_url else [])]
    late = Notification.objects.filter(sent_at=None, given_up_at=None).exclude(error="").count()
    lost = Notification.objects.exclude(given_up_at=None).filter(is_test=False).count()
    warnings = []
    if not ways:
        warnings.append(_("Nobody is told when somebody is needed."))
    if late:
        failing = ngettext("%(n)s is tried again and again.", "%(n)s are tried again and again.", late)
        warnings.append(failing % {"n": figure(late)})
    if lost:
        warnings.append(_("%(n)s could not be delivered in the last days.") % {"n": figure(lost)})
    says = _("People are told by %(ways)s.") % {"ways": listing(ways)} if ways else ""
    return Line(_("Notifications"), reverse("settings-notifications"), says, " ".join(warnings))
