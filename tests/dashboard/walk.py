"""Every address there is, and what to put into those that name a thing: tests that walk all pages read it here.

It grows by itself: routes come from the URL patterns, who may use them from the access matrix. A new kind of thing in
an address needs a line in the scene's `things` (walk_scene.py); until it is there, the walks fail and name it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from uuid import uuid4

from asgiref.sync import async_to_sync
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from dashboard.access import MATRIX

# For addresses that need no thing of their kind: ids that nothing has, words that exist.
WORDS: Mapping[str, str] = {"stage": "PreFlight", "form": "json", "channel": "mail"}
# Without a session, or not drawn for people: no page.
NO_PAGES = frozenset({"healthz", "readyz", "api-unknown"})


@dataclass(frozen=True, slots=True)
class Route:
    """An address with a name. `takes`: what it must be given, such as `host_id`."""

    name: str  # with its namespaces
    takes: tuple[str, ...]

    def address(self, given: Mapping[str, object]) -> str:
        return reverse(self.name, kwargs={name: given[name] for name in self.takes})

    def made_up(self) -> str:
        """An address of it, with ids that nothing has."""
        return self.address({name: WORDS.get(name, uuid4()) for name in self.takes})


@dataclass
class Things:
    """What there is to open. `of` goes by the name in the address, or by `route name`; `together` says which values
    belong together where an address takes more than one."""

    of: dict[str, Sequence[object]] = field(default_factory=dict)
    together: dict[tuple[str, ...], Sequence[tuple[object, ...]]] = field(default_factory=dict)

    def fillings(self, route: Route) -> list[dict[str, object]]:
        """Everything that may stand in the route's address. Raises: KeyError for a kind that nobody has listed."""
        if route.takes in self.together:
            return [dict(zip(route.takes, values, strict=True)) for values in self.together[route.takes]]
        choices = [self.of.get(f"{route.name} {name}") or self.of[name] for name in route.takes]
        return [dict(zip(route.takes, values, strict=True)) for values in product(*choices)]


def all_routes() -> list[Route]:
    """Each named address once, in the order of the URL patterns."""
    found: dict[str, Route] = {}

    def walk(patterns: list[URLPattern | URLResolver], namespace: str, takes: tuple[str, ...]) -> None:
        for pattern in patterns:
            taken = (*takes, *getattr(pattern.pattern, "converters", {}))
            if isinstance(pattern, URLResolver):
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                walk(pattern.url_patterns, inner, taken)
            else:
                assert pattern.name, f"{pattern.pattern} has no name: no rule can be written for it"
                found.setdefault(f"{namespace}{pattern.name}", Route(f"{namespace}{pattern.name}", taken))

    walk(get_resolver().url_patterns, "", ())
    return list(found.values())


def read_routes() -> list[Route]:
    """Those that are read with GET, by people or by programs."""
    return [route for route in all_routes() if "GET" in MATRIX.get(route.name, {})]


def page_routes() -> list[Route]:
    """Those that are read by people: pages, and what pages let them download."""
    return [r for r in read_routes() if not r.name.startswith("api:") and r.name not in NO_PAGES]


def addresses(things: Things, routes: Sequence[Route] | None = None) -> Iterator[tuple[str, str]]:
    """(route, address) of everything that can be read, one for each thing there is."""
    for route in read_routes() if routes is None else routes:
        for given in things.fillings(route):
            yield route.name, route.address(given)


def route_of(path: str) -> str:
    """The name of the route that an address without its query belongs to. Raises: Resolver404."""
    return get_resolver().resolve(path).view_name


def text_of(answer: Any) -> str:
    """What was answered, whole, also where it is written piece by piece."""
    if not answer.streaming:
        return str(answer.text)

    async def read() -> bytes:
        return b"".join([piece async for piece in answer])

    return async_to_sync(read)().decode() if answer.is_async else b"".join(answer).decode()
