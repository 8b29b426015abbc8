"""Why a system VM cannot be updated, or what is remarkable about one that can, in the reader's words."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from dashboard.screens.words import said
from maintenance.domain.system_vms import Update, Why

_WORDS: Mapping[Why, Callable[[], str]] = {
    Why.NONE: lambda: "",
    Why.NONE_PUBLISHED: lambda: _("No update has been published for its type."),
    Why.UNKNOWN_TYPE: lambda: _("Its type %(a)s is not known."),
    Why.NOT_RUNNING: lambda: _("It is %(a)s; only a running VM can be patched."),
    Why.NOT_PROBED: lambda: _("What it runs is not known: it could not be probed."),
    Why.CURRENT: lambda: _("It runs the newest version."),
    Why.NEWER: lambda: _("It runs something newer."),
    Why.UNKNOWN_IMAGE: lambda: _("Its image has a version nobody knows: %(a)s."),
    Why.OLD_IMAGE: lambda: _("Its image is 4.13 or older, with another Java: it has to be recreated."),
    Why.OTHER_IMAGE: lambda: _("The update needs the image %(a)s; it runs %(b)s."),
    Why.NO_TIERS: lambda: _("Its VPC has no tier yet: there is nothing that it serves."),
    Why.BEING_PATCHED: lambda: _("It is being worked on already."),
    Why.BEING_RESTARTED: lambda: _("The routers of its network are being restarted."),
    Why.HOST_AT_WORK: lambda: _("Operators work on the machine it runs on."),
    Why.OLD_VPN: lambda: _("Its image has an older strongSwan: remote access VPN may be interrupted."),
}


def reason_of(update: Update) -> str:
    """One sentence; empty where there is nothing to say."""
    facts = [said(fact) for fact in update.facts] + ["", ""]
    words = _WORDS[update.why]()
    return words % {"a": facts[0], "b": facts[1]} if update.facts else words
