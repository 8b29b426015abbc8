"""Which parts of the pages of zones, pods, clusters, and of their lists, an event touches.

An event about a host touches the pages of its own cluster, pod and zone, and their rows. Where it stands is known from
memory (`whereabouts.py`); of a host that nobody knows yet, every open page of a place is touched.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.live.whereabouts import Where, has_moved, is_cut, places_have_changed, where_is

# Parts of a place's page, and of a list: what a snapshot holds.
PAGE = ("head", "lines", "room", "runs", "instances", "below")
LIST = ("fleet",)
LISTS = ("zones", "pods", "clusters")
KINDS = ("zone", "pod", "cluster")

type Touched = tuple[str, str, str]  # topic, part, the part's own thing


def touched_places(
    subject: str, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Touched]:
    host, cluster = _id(about, "host"), _id(about, "cluster")
    match subject:
        case "run":
            for kind in KINDS:
                yield from _page(f"{kind}:*", "head", "runs")
        case "target":
            yield from _of_host(host, cluster, "head", "runs")
        case "host" if "cluster_id" in before or {"new", "gone"} & after.keys():
            has_moved(host)
            yield from _of_host(host, cluster, "head", "room", "lines", "below")
            yield from _of_host("", str(before.get("cluster_id") or ""), "head", "room", "lines", "below")
            yield from ((plural, part, "") for plural in LISTS for part in LIST)
            yield "hosts", "news", ""
        case "host" if "hooks" in after:
            # What one host has may make the others of its cluster differ.
            yield from _of_host(host, cluster, "head", "below")
            yield "host:*", "scripts", ""
        case "host":
            yield from _of_host(host, cluster, "head", "room")
            yield from ((plural, part, "") for plural in LISTS for part in LIST)
        case "instance":
            for key in {host, _id(before, "host_id")} - {""}:
                yield from _of_host(key, "", "head", "room", "instances")
        case "attention":
            yield from _of_host(host, "", "head")
        case "zone" | "pod" | "cluster":
            yield from _of_place(subject, about, before, after)


def _of_host(host: str, cluster: str, *parts: str) -> Iterator[Touched]:
    """Of the places a host stands in: these parts of their pages, its line and row there, and their rows in lists."""
    if not host and not cluster:
        return
    where = where_is(host, cluster)
    if where is None:
        yield from _everywhere(host, cluster, *parts)
        return
    for kind, key in (("zone", where.zone), ("pod", where.pod), ("cluster", where.cluster)):
        yield from _page(f"{kind}:{key}", *parts)
        yield f"{kind}:{key}", "line", where.cluster
        if is_cut(kind, key):  # which clusters are drawn depends on how their hosts are
            yield f"{kind}:{key}", "lines", ""
        yield f"{kind}s", "row", key
    yield from _rows(where, host)


def _rows(where: Where, host: str) -> Iterator[Touched]:
    """The row of a place on the page of what it lies in."""
    yield f"zone:{where.zone}", "row", where.pod
    yield f"pod:{where.pod}", "row", where.cluster
    if host:
        yield f"cluster:{where.cluster}", "row", host


def _everywhere(host: str, cluster: str, *parts: str) -> Iterator[Touched]:
    for kind in KINDS:
        yield from _page(f"{kind}:*", *parts, "lines", "below")
    if cluster:
        yield "clusters", "row", cluster


def _of_place(
    kind: str, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Touched]:
    key = _id(about, kind)
    yield from _page(f"{kind}:{key}", "head")
    yield f"{kind}s", "row", key
    if {"pod_id", "zone_id"} & before.keys() or {"new", "gone"} & after.keys():
        places_have_changed()
        yield f"{kind}s", "news", ""
        for above in KINDS:
            yield from _page(f"{above}:*", "head", "lines", "below", "room")


def _page(topic: str, *parts: str) -> Iterator[Touched]:
    for part in parts:
        yield topic, part, ""


def _id(values: Mapping[str, Any], name: str) -> str:
    """An id, or nothing: some events say None in words."""
    found = str(values.get(name) or "")
    return "" if found == "None" else found
