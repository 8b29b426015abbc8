"""Parts of the list of hosts and of one host."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Drawing, Key, found, of_host, simple
from dashboard.screens.fleet import in_service_words
from dashboard.screens.host.hand import by_hand
from dashboard.screens.host.head import host_head
from dashboard.screens.host.history import history
from dashboard.screens.host.instances import instances
from dashboard.screens.host.scripts import scripts
from dashboard.screens.host.way import on_its_way
from dashboard.screens.hosts.rows import host_row
from dashboard.screens.run.now import terminal_of

DRAWINGS: Mapping[Key, Drawing] = {
    ("hosts", "fleet"): Drawing(
        "hosts/list.html#fleet", "hosts-fleet", simple("fleet", in_service_words), every_s=CALM_S
    ),
    ("hosts", "news"): Drawing("places/news.html", "list-news", simple("news", lambda: True)),
    ("hosts", "row"): Drawing(
        "hosts/list.html#row", "host-row-{}", found("row", lambda key, _role: host_row(key))
    ),
    ("host", "head"): Drawing(
        "hosts/host.html#head", "host-head", of_host("head", lambda at, _role: host_head(at))
    ),
    ("host", "way"): Drawing(
        "hosts/host.html#way", "host-way", of_host("way", lambda at, _role: on_its_way(at))
    ),
    ("host", "hand"): Drawing("hosts/host.html#hand", "host-hand", of_host("hand", by_hand), by_role=True),
    ("host", "scripts"): Drawing(
        "hosts/host.html#scripts",
        "host-scripts",
        of_host("scripts", lambda at, _role: scripts(at)),
        every_s=0.5,
    ),
    ("host", "instances"): Drawing(
        "hosts/host.html#instances",
        "host-instances",
        of_host("instances", lambda at, _role: instances(at)),
        every_s=0.5,
    ),
    ("host", "history"): Drawing(
        "hosts/host.html#history", "host-history", of_host("history", lambda at, _role: history(at))
    ),
    ("host", "out"): Drawing(
        "hosts/host.html#terminal",
        "out-{}",
        found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
}
