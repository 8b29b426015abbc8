"""Parts of the list of hosts and of one host."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Drawing, Key, found, of_host, simple
from dashboard.screens import host as host_screen
from dashboard.screens.fleet import in_service_words
from dashboard.screens.hosts import host_row
from dashboard.screens.run_now import terminal_of

DRAWINGS: Mapping[Key, Drawing] = {
    ("hosts", "fleet"): Drawing(
        "hosts/list.html#fleet", "hosts-fleet", simple("fleet", in_service_words), every_s=CALM_S
    ),
    ("hosts", "row"): Drawing(
        "hosts/list.html#row", "host-row-{}", found("row", lambda key, _role: host_row(key))
    ),
    ("host", "head"): Drawing(
        "hosts/host.html#head", "host-head", of_host("head", lambda at, _role: host_screen.host_head(at))
    ),
    ("host", "way"): Drawing(
        "hosts/host.html#way", "host-way", of_host("way", lambda at, _role: host_screen.on_its_way(at))
    ),
    ("host", "hand"): Drawing(
        "hosts/host.html#hand", "host-hand", of_host("hand", host_screen.by_hand), by_role=True
    ),
    ("host", "scripts"): Drawing(
        "hosts/host.html#scripts",
        "host-scripts",
        of_host("scripts", lambda at, _role: host_screen.scripts(at)),
    ),
    ("host", "instances"): Drawing(
        "hosts/host.html#instances",
        "host-instances",
        of_host("instances", lambda at, _role: host_screen.instances(at)),
        every_s=0.5,
    ),
    ("host", "history"): Drawing(
        "hosts/host.html#history",
        "host-history",
        of_host("history", lambda at, _role: host_screen.history(at)),
    ),
    ("host", "out"): Drawing(
        "hosts/host.html#terminal",
        "out-{}",
        found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
}
