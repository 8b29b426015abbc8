"""What people did about system VMs, routers and payloads, as sentences of the audit."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.events.telling_words import named, run_of, sentence
from dashboard.screens.words import count
from dashboard.templatetags.pitstop import clock
from maintenance.models import AuditEntry

type Sentence = Callable[[SafeString, Mapping[str, Any], AuditEntry], SafeString]


def _patched(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    says = _("%(who)s started %(run)s, a live patch of %(vms)s: %(scope)s")
    return sentence(says, who=who, run=run_of(about), scope=_scope(entry), vms=_vms(entry, "system_vms"))


def _restarted(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    says = _("%(who)s started %(run)s, a restart of %(vms)s: %(scope)s")
    return sentence(says, who=who, run=run_of(about), scope=_scope(entry), vms=_vms(entry, "routers"))


def _another_time(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    at = parse_datetime(str((entry.after or {}).get("not_before") or ""))
    if at is None:
        return sentence(_("%(who)s has %(run)s begin at once"), who=who, run=run_of(about))
    return sentence(
        _("%(who)s chose another time for %(run)s: %(at)s"), who=who, run=run_of(about), at=clock(at, "day")
    )


def _given_up(who: SafeString, about: Mapping[str, Any], _entry: AuditEntry) -> SafeString:
    return sentence(_("%(who)s gave up the time of %(run)s before it began"), who=who, run=run_of(about))


def _published(who: SafeString, about: Mapping[str, Any], entry: AuditEntry) -> SafeString:
    after = entry.after or {}
    says = _("%(who)s published the payload %(version)s, signed by %(signer)s")
    if after.get("security"):
        says = _(
            "%(who)s published the payload %(version)s, which closes security holes, signed by %(signer)s"
        )
    parts = {"version": named(about.get("version", "")), "signer": named(after.get("signed_by", ""))}
    return sentence(says, who=who, **parts)


def _withdrawn(who: SafeString, about: Mapping[str, Any], _entry: AuditEntry) -> SafeString:
    return sentence(
        _("%(who)s withdrew the payload %(version)s"), who=who, version=named(about.get("version", ""))
    )


def _scope(entry: AuditEntry) -> SafeString:
    return named((entry.after or {}).get("scope", ""))


def _vms(entry: AuditEntry, key: str) -> str:
    number = (entry.after or {}).get(key, 0)
    return count(number if isinstance(number, int) else 0, "system VM" if key == "system_vms" else "router")


VM_SENTENCES: Mapping[str, Sentence] = {
    "live patch started": _patched,
    "live patch: another time": _another_time,
    "live patch: given up": _given_up,
    "router restart started": _restarted,
    "payload published": _published,
    "payload withdrawn": _withdrawn,
}
