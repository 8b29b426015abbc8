"""The ways of restarting routers, in plain words: what happens, what it costs, and what follows when it fails."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from maintenance.domain.router_restart import RestartWay

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

NAMES: "Mapping[str, StrPromise]" = {
    RestartWay.PARALLEL: gettext_lazy("In parallel"),
    RestartWay.REDUNDANT: gettext_lazy("One side of the pair at a time"),
    RestartWay.SERIAL: gettext_lazy("Serially"),
    RestartWay.REAPPLY: gettext_lazy("Rules applied again, nothing replaced"),
}
HAPPENS: "Mapping[str, StrPromise]" = {
    RestartWay.PARALLEL: gettext_lazy(
        "A new router starts beside the old one, which serves all the while. When the new one has checked in and "
        "answers, traffic is switched to it, the old one is stopped, and its neighbours learn where to send."
    ),
    RestartWay.REDUNDANT: gettext_lazy(
        "The backup side is replaced first, while the primary serves. Then the sides change roles by themselves, and "
        "the other one is replaced."
    ),
    RestartWay.SERIAL: gettext_lazy(
        "The old router is stopped first, then the new one boots. Nothing serves in between: no traffic in or out for "
        "as long as a router takes to start. It exists to compare."
    ),
    RestartWay.REAPPLY: gettext_lazy(
        "Firewall, forwarding and load balancing rules and public IPs are applied again, and probed. No router is "
        "stopped, none is replaced, and none gets a newer version."
    ),
}
IF_IT_FAILS: "Mapping[str, StrPromise]" = {
    RestartWay.PARALLEL: gettext_lazy(
        "If the new one does not come up, it is removed and the old one stays: it has served all the time. If it fails "
        "after the switch, the old one is started and serves again."
    ),
    RestartWay.REDUNDANT: gettext_lazy(
        "If a new side does not come up, it is removed, and the old pair stays as it is."
    ),
    RestartWay.SERIAL: gettext_lazy(
        "If the new one does not come up, the old one is started again with all its rules. Until it answers, nothing "
        "serves."
    ),
    RestartWay.REAPPLY: gettext_lazy("If it fails, the routers run on as they are, and a person is asked."),
}
# What the button brings about, beside it.
CONSEQUENCE: "Mapping[str, StrPromise]" = {
    RestartWay.PARALLEL: gettext_lazy(
        "Begins at once. The old router serves until the new one answers; then traffic is switched."
    ),
    RestartWay.REDUNDANT: gettext_lazy(
        "Begins at once, with the backup side; the other side serves meanwhile."
    ),
    RestartWay.SERIAL: gettext_lazy(
        "Begins at once. From the stop until the new router answers, nothing gets in or out."
    ),
    RestartWay.REAPPLY: gettext_lazy("Begins at once. Nothing is stopped, nothing is replaced."),
}


def way_name(way: str) -> str:
    """One that nobody knows by its own name."""
    return str(NAMES.get(way, way))
