"""Bands of walls and cells of their second page: once for all walls that show the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key
from dashboard.live.drawn_once import drawn_together, once
from dashboard.screens.wall.clusters import clusters
from dashboard.screens.wall.hosts import Cells, cells_of, host_map
from dashboard.screens.wall.now import Now, now_of
from dashboard.screens.wall.problems import problems
from dashboard.screens.wall.profile import profile_of
from dashboard.screens.wall.servers import servers
from dashboard.screens.wall.verdict import verdict

FLEET_S = 2.0  # what is counted over all hosts
CELLS_S = 0.5


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
    """The letters of one cluster; those of all that are pushed together are read at once."""
    together = drawn_together(f"wallhosts:{profile}", "cluster") | {cluster}
    cells = once(_Reading(profile, together)).get(UUID(cluster))
    return None if cells is None else {"letters": cells.letters, "element": cells.key}


@dataclass(frozen=True)
class _Reading:
    profile: str
    clusters: frozenset[str]

    def __call__(self) -> dict[UUID, Cells]:
        found = profile_of(UUID(self.profile))
        return {} if found is None else cells_of(found, {UUID(key) for key in self.clusters})


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
    ("wallhosts", "cluster"): Drawing("wall/hosts.html#letters", "cells-{}", _cells, every_s=CELLS_S),
}
