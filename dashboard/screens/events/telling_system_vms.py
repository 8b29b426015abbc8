"""What clouds list of system VMs and networks, what was probed in them, and what was published for them, in words."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.events.telling_words import HAPPENED, Told, data, named, sentence, system_vm_of
from dashboard.screens.marks import UNKNOWN, mark
from dashboard.screens.words import listing
from maintenance.models import FeedEvent

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

TOLD_OF_SYSTEM_VMS = frozenset({"system_vm", "network", "vpc", "payload"})

# What may differ of them.
_VALUES: "Mapping[str, StrPromise]" = {
    "name": gettext_lazy("name"),
    "state": gettext_lazy("state"),
    "zone_id": gettext_lazy("zone"),
    "host_id": gettext_lazy("host"),
    "network_id": gettext_lazy("network"),
    "vpc_id": gettext_lazy("VPC"),
    "account": gettext_lazy("account"),
    "domain": gettext_lazy("domain"),
    "redundant_state": gettext_lazy("side of its pair"),
    "is_redundant": gettext_lazy("whether it has a pair of routers"),
    "template_version": gettext_lazy("version of its image"),
    "base_image": gettext_lazy("image"),
    "public_ips": gettext_lazy("public IPs"),
    "rules": gettext_lazy("rules"),
    "software_version": gettext_lazy("version that it runs"),
    "scripts_checksum": gettext_lazy("scripts"),
    "services": gettext_lazy("services"),
}

type Values = Mapping[str, Any]


def tell_of_system_vms(event: FeedEvent) -> Told:
    about, before, after = event.object, event.before or {}, event.after or {}
    match event.kind.partition(".")[0]:
        case "system_vm":
            return _system_vm(event, about, before, after)
        case "payload":
            return _payload(event, about, after)
        case subject:
            name = named(about.get("name") or "")
            text = _("Network %(name)s") if subject == "network" else _("VPC %(name)s")
            return _listed(event, sentence(text, name=name), before, after)


def _system_vm(event: FeedEvent, about: Values, before: Values, after: Values) -> Told:
    vm = system_vm_of(about)
    if after.get("probe_error"):
        says = sentence(_("%(vm)s could not be probed"), vm=vm)
        return Told(event.at, UNKNOWN, says, str(after["probe_error"]), is_news=False)
    if version := after.get("software_version"):
        old = before.get("software_version")
        text = _("%(vm)s runs %(version)s now, as probed; before it was %(old)s")
        if not old:
            text = _("%(vm)s runs %(version)s, as probed")
        says = sentence(text, vm=vm, version=data(version), old=data(old or ""))
        return Told(event.at, HAPPENED, says, is_news=bool(old))
    if "services" in after and isinstance(after["services"], list):
        return _services(event, vm, after["services"])
    return _listed(event, vm, before, after)


def _services(event: FeedEvent, vm: Any, services: list[Any]) -> Told:
    """Which enabled ones do not run now."""
    told = [one for one in services if isinstance(one, dict) and one.get("is_enabled")]
    dead = [str(one.get("name", "")) for one in told if not one.get("is_active")]
    if dead:
        says = sentence(
            _("%(vm)s, as probed: %(services)s not running"), vm=vm, services=listing(dead, most=5)
        )
        return Told(event.at, mark("NeedsPerson"), says, is_news=False)
    says = sentence(_("%(vm)s: all of its services answer, as probed"), vm=vm)
    return Told(event.at, mark("Done"), says, is_news=False)


def _listed(event: FeedEvent, thing: Any, before: Values, after: Values) -> Told:
    """There now, gone, or different."""
    if after.get("new"):
        return Told(event.at, HAPPENED, sentence(_("%(thing)s is new"), thing=thing), is_news=False)
    if after.get("gone"):
        says = sentence(_("%(thing)s is no longer listed"), thing=thing)
        return Told(event.at, HAPPENED, says, is_news=False)
    what = listing([str(_VALUES[key]) for key in sorted(after) if key in _VALUES])
    if not what:
        return Told(event.at, HAPPENED, sentence(_("%(thing)s has changed"), thing=thing), is_news=False)
    says = sentence(_("The cloud says that %(thing)s has changed: %(what)s"), thing=thing, what=what)
    return Told(event.at, HAPPENED, says, is_news=False)


def _payload(event: FeedEvent, about: Values, after: Values) -> Told:
    parts = {
        "who": named(event.actor),
        "version": named(about.get("version") or after.get("version") or ""),
    }
    texts = {
        "payload.published": _("%(who)s published the payload %(version)s"),
        "payload.withdrawn": _("%(who)s withdrew the payload %(version)s"),
    }
    text = texts.get(event.kind, _("The payload %(version)s has changed"))
    return Told(event.at, HAPPENED, sentence(text, **parts))
