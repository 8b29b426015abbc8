"""What runs in a router, in words that a tenant knows."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from dashboard.screens.portal.places import Place
from dashboard.screens.words import listing
from maintenance.domain.system_vms import SERVICES, SystemVmType

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

_WORDS: "Mapping[str, StrPromise]" = {
    "haproxy": gettext_lazy("load balancing (haproxy)"),
    "apache2": gettext_lazy("passwords and user data (apache2)"),
    "dnsmasq": gettext_lazy("DNS and DHCP (dnsmasq)"),
}
_SHORT: "Mapping[str, StrPromise]" = {
    "haproxy": gettext_lazy("load balancing"),
    "apache2": gettext_lazy("passwords and user data"),
    "dnsmasq": gettext_lazy("DNS and DHCP"),
}


def restarts(place: Place) -> str:
    """What an update restarts: of what its routers have, what is enabled in them."""
    found: dict[str, None] = {}
    for vm in place.routers:
        probed = {str(one["name"]): bool(one["is_enabled"]) for one in vm.services}
        kinds = SERVICES[SystemVmType(vm.type)] if vm.type in set(SystemVmType) else ()
        found |= dict.fromkeys(name for name in kinds if probed.get(name, not probed))
    return _said(found, _WORDS)


def silent(place: Place) -> str:
    """What is enabled and did not run when it was last looked at; empty when all of it did."""
    dead = {
        str(one["name"]): None
        for vm in place.routers
        for one in vm.services
        if one["is_enabled"] and not one["is_active"]
    }
    return _said(dead, _SHORT)


def named_in(text: str) -> str:
    """Which of them an engine's text speaks of. Nothing else of the text is told: it may name what is not theirs."""
    return _said([name for name in _SHORT if name in text], _SHORT)


def _said(names: Iterable[str], words: "Mapping[str, StrPromise]") -> str:
    return listing([str(words[name]) for name in names if name in words], most=len(words))
