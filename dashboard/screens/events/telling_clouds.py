"""What clouds did and what they list, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.events.telling_words import (
    HAPPENED,
    Told,
    data,
    host_of,
    named,
    sentence,
    whole_number,
)
from dashboard.screens.marks import UNKNOWN, mark
from dashboard.screens.words import count, listing
from maintenance.models import FeedEvent

# What may differ of a thing that a cloud lists.
VALUE_NAMES = {
    "name": gettext_lazy("name"),
    "zone_id": gettext_lazy("zone"),
    "pod_id": gettext_lazy("pod"),
    "cluster_id": gettext_lazy("cluster"),
    "host_id": gettext_lazy("host"),
    "management_server_id": gettext_lazy("management server"),
    "hypervisor": gettext_lazy("hypervisor"),
    "allocation_state": gettext_lazy("whether it takes instances"),
    "state": gettext_lazy("state"),
    "resource_state": gettext_lazy("resource state"),
    "version": gettext_lazy("version"),
    "agents": gettext_lazy("number of agents"),
    "cpu_cores": gettext_lazy("cores"),
    "memory_mb": gettext_lazy("memory"),
    "tags": gettext_lazy("tags"),
    "guests_max": gettext_lazy("most instances it takes"),
    "agent_version": gettext_lazy("agent version"),
    "kernel_version": gettext_lazy("kernel version"),
    "boot_id": gettext_lazy("boot"),
    "account": gettext_lazy("account"),
    "domain": gettext_lazy("domain"),
    "affinity_groups": gettext_lazy("affinity groups"),
    "resource_type": gettext_lazy("resource type"),
    "created": gettext_lazy("time of creation"),
}

type Values = Mapping[str, Any]


def tell_of_cloud(event: FeedEvent) -> Told:
    about, before, after = event.object, event.before or {}, event.after or {}
    match event.kind:
        case "host.out":
            moved = count(whole_number(after, "instances"), "instance")
            text = _("%(host)s leaves service, %(instances)s to move")
            return Told(event.at, mark("Draining"), sentence(text, host=host_of(about), instances=moved))
        case "host.back":
            says = sentence(_("%(host)s is in service again"), host=host_of(about))
            return Told(event.at, mark("Done"), says)
        case "host.changed" if "hooks" in after:
            words = _("%(host)s: its scripts were read")
            if after["hooks"] is None:
                words = _("%(host)s: its scripts are not known, it could not be asked")
            says = sentence(words, host=host_of(about))
            return Told(event.at, HAPPENED, says, is_news=False)
        case "host.changed":
            return _listed(event, host_of(about), before, after)
        case "cloud.read" if after.get("error"):
            says = sentence(_("%(cloud)s cannot be read"), cloud=_named(event))
            return Told(event.at, UNKNOWN, says, str(after["error"]))
        case "cloud.read":
            says = sentence(_("%(cloud)s can be read again"), cloud=_named(event))
            return Told(event.at, mark("Done"), says)
        case "instance.changed" if "host_id" in after and "host_id" in before:
            says = sentence(_("%(instance)s is on another host"), instance=_named(event))
            return Told(event.at, HAPPENED, says, is_news=False)
        case _:
            return _listed(event, _named(event), before, after)


def _named(event: FeedEvent) -> SafeString:
    """The thing's name, and what it is where the name alone does not say it."""
    subject, name = event.kind.partition(".")[0], str(event.object.get("name") or "")
    texts = {
        "zone": _("Zone %(name)s"),
        "pod": _("Pod %(name)s"),
        "cluster": _("Cluster %(name)s"),
        "instance": _("Instance %(name)s"),
        "cloud": "%(name)s",
    }
    nameless = {
        "zone": _("A zone"),
        "pod": _("A pod"),
        "cluster": _("A cluster"),
        "instance": _("An instance"),
        "cloud": _("A cloud"),
    }
    if not name:
        return named(nameless.get(subject, _("Something that a cloud lists")))
    return sentence(texts.get(subject, "%(name)s"), name=named(name))


def _listed(event: FeedEvent, thing: SafeString, before: Values, after: Values) -> Told:
    """A thing that a cloud lists: there now, gone, or different."""
    if after.get("new"):
        return Told(event.at, HAPPENED, sentence(_("%(thing)s is new"), thing=thing), is_news=False)
    if after.get("gone"):
        says = sentence(_("%(thing)s is no longer listed"), thing=thing)
        return Told(event.at, HAPPENED, says, is_news=False)
    if after.keys() & {"state", "resource_state"}:
        states = ", ".join(str(after[key]) for key in ("state", "resource_state") if key in after)
        says = sentence(_("The cloud says that %(thing)s is %(state)s"), thing=thing, state=data(states))
        return Told(event.at, HAPPENED, says, is_news=False)
    what = listing([str(VALUE_NAMES[key]) for key in sorted(after) if key in VALUE_NAMES])
    if not what:
        return Told(event.at, HAPPENED, sentence(_("%(thing)s has changed"), thing=thing), is_news=False)
    says = sentence(_("The cloud says that %(thing)s has changed: %(what)s"), thing=thing, what=what)
    return Told(event.at, HAPPENED, says, is_news=False)
