"""Bands of walls and cells of their second page: once for all walls that show the same."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key
from dashboard.screens.wall.clusters import clusters
from dashboard.screens.wall.hosts import cells_of, host_map
from dashboard.screens.wall.now import Now, now_of
from dashboard.screens.wall.problems import problems
from dashboard.screens.wall.profile import profile_of
from dashboard.screens.wall.servers import servers
from dashboard.screens.wall.verdict import verdict

FLEET_S = 2.0  # what is counted over all hosts


def _band(name: str, build: Callable[[Now], Any]) -> Callable[[str, str, str], Context]:
    """Drawn for the topic's profile."""

    def context(profile: str, _one: str, _role: str) -> Context:
        found = profile_of(UUID(profile))
        return None if found is None else {name: build(now_of(found))}

    return context


def _map(profile: str, _one: str, _role: str) -> Context:
    found = profile_of(UUID(profile))
    return None if found is None else {"map": host_map(found)}


def _cells(profile: str, cluster: str, _role: str) -> Context:
    found = profile_of(UUID(profile))
    cells = cells_of(found, UUID(cluster)) if found is not None else None
    return None if cells is None else {"cells": cells, "element": cells.key}


DRAWINGS: Mapping[Key, Drawing] = {
    ("wall", "verdict"): Drawing(
        "wall/wall.html#verdict", "wall-verdict", _band("verdict", verdict), every_s=CALM_S
    ),
    ("wall", "problems"): Drawing(
        "wall/wall.html#problems", "wall-problems", _band("problems", problems), every_s=CALM_S
    ),
    ("wall", "clusters"): Drawing(
        "wall/wall.html#clusters", "wall-clusters", _band("clusters", clusters), every_s=FLEET_S
    ),
    ("wall", "servers"): Drawing(
        "wall/wall.html#servers", "wall-servers", _band("servers", servers), every_s=CALM_S
    ),
    ("wallhosts", "map"): Drawing("wall/hosts.html#map", "wall-map", _map, every_s=FLEET_S),
    ("wallhosts", "cluster"): Drawing("wall/hosts.html#cluster", "cells-{}", _cells, every_s=0.5),
}
