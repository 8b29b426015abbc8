"""The order of a plan as people change it, and what a plan shows that another did not.

Only what differs from the natural order is carried from page to page: a fleet has thousands of hosts.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.forms import StartChoices
from dashboard.screens.start.words import verdict_word
from dashboard.screens.words import count, figure, said
from maintenance.domain.order import natural
from maintenance.domain.plan import Plan, Verdict
from maintenance.models import Host

NATURAL = "natural"  # the move that takes all moves back

type Blocks = list[tuple[UUID, list[UUID]]]  # clusters in order, each with its hosts in order


def arranged(choices: StartChoices, hosts: Sequence[Host]) -> StartChoices:
    """The choices with the moves made: hosts pass others of their cluster, clusters pass clusters. What has left the
    scope is forgotten."""
    by_nature = _naturally(hosts)
    clusters = [cluster for cluster, _hosts in by_nature]
    kept = replace(
        choices,
        cluster_order=tuple(key for key in choices.cluster_order if key in set(clusters)),
        order=tuple(key for key in choices.order if key in {host.id for host in hosts}),
        leave_out=choices.leave_out & {host.id for host in hosts},
    )
    if not kept.moves and not kept.is_ordered:
        return kept
    blocks = _as_chosen(by_nature, kept)
    for move in kept.moves:
        blocks = by_nature if move == NATURAL else _moved(blocks, move)
    nature_of = dict(by_nature)
    order = tuple(host for cluster, own in blocks if own != nature_of[cluster] for host in own)
    is_moved = bool(order) or [cluster for cluster, _own in blocks] != clusters
    return replace(
        kept, moves=(), order=order, cluster_order=tuple(c for c, _own in blocks) if is_moved else ()
    )


def _naturally(hosts: Sequence[Host]) -> Blocks:
    blocks: dict[UUID, list[UUID]] = {}
    for host in sorted(
        hosts,
        key=lambda h: (
            natural(h.cluster.pod.zone.name), natural(h.cluster.name), str(h.cluster_id), natural(h.name),
        ),
    ):  # fmt: skip
        blocks.setdefault(host.cluster_id, []).append(host.id)
    return list(blocks.items())


def _as_chosen(by_nature: Blocks, choices: StartChoices) -> Blocks:
    """Named clusters first, in their order; within each, named hosts first: as the plan has it."""
    cluster_place = {key: place for place, key in enumerate(choices.cluster_order)}
    host_place = {key: place for place, key in enumerate(choices.order)}
    last = len(host_place)
    return [
        (cluster, sorted(own, key=lambda host: host_place.get(host, last)))
        for cluster, own in sorted(by_nature, key=lambda block: cluster_place.get(block[0], len(by_nature)))
    ]


def _moved(blocks: Blocks, move: str) -> Blocks:
    """After `up:HOST`, `down:HOST`, `top:HOST`, `before:HOST:OTHER`, `after:HOST:OTHER`, or `cluster-up:CLUSTER` and so
    on. A move that cannot be made changes nothing."""
    way, _colon, rest = move.partition(":")
    key, _colon, other = rest.partition(":")
    if way.startswith("cluster-"):
        order = _passed([str(cluster) for cluster, _own in blocks], way.removeprefix("cluster-"), key, other)
        by_id = {str(cluster): (cluster, own) for cluster, own in blocks}
        return [by_id[cluster] for cluster in order]
    return [
        (cluster, [UUID(host) for host in _passed([str(host) for host in own], way, key, other)])
        for cluster, own in blocks
    ]


def _passed(order: list[str], way: str, key: str, other: str) -> list[str]:
    if key not in order or (way in {"before", "after"} and (other not in order or other == key)):
        return order
    at = order.index(key)
    rest = order[:at] + order[at + 1 :]
    match way:
        case "up":
            to = max(0, at - 1)
        case "down":
            to = at + 1
        case "top":
            to = 0
        case "before":
            to = rest.index(other)
        case "after":
            to = rest.index(other) + 1
        case _:
            return order
    return [*rest[:to], key, *rest[to:]]


def moved_words(plan: Plan, moves: Sequence[str]) -> str:
    """Where the last move has brought what, for who hears the page. Empty when nothing was moved."""
    if not moves:
        return ""
    if moves[-1] == NATURAL:
        return _("The natural order is back.")
    way, _colon, rest = moves[-1].partition(":")
    key = rest.partition(":")[0]
    if way.startswith("cluster-"):
        clusters = {str(host.cluster_id): said(host.cluster) for host in plan.hosts}
        words, names = _("Cluster %(name)s is now %(place)s of %(total)s."), clusters
    else:
        own = {host.cluster_id for host in plan.hosts if str(host.host_id) == key}
        names = {str(host.host_id): said(host.name) for host in plan.hosts if host.cluster_id in own}
        is_whole = len(names) == len(plan.hosts)
        words = (
            _("%(name)s is now %(place)s of %(total)s.")
            if is_whole
            else _("%(name)s is now %(place)s of %(total)s in its cluster.")
        )
    if key not in names:
        return ""
    place = list(names).index(key) + 1
    return words % {"name": names[key], "place": figure(place), "total": figure(len(names))}


# ---- what was seen ---------------------------------------------------------------------------------------------------

_LETTERS = {
    Verdict.READY: "r",
    Verdict.STAYS: "s",
    Verdict.SKIPPED: "k",
    Verdict.BLOCKED: "b",
    Verdict.HELD: "h",
    Verdict.LEFT_OUT: "l",
}
_VERDICTS = {letter: verdict for verdict, letter in _LETTERS.items()}
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Differences:
    """What is no longer as the page showed it: a sentence each, and which hosts they are about."""

    sentences: list[str]
    hosts: frozenset[UUID]


def seen(plan: Plan) -> str:
    """What this page shows, so short that thousands of hosts fit in a form: nine characters a host."""
    return "".join(_short(host.host_id) + _LETTERS[host.verdict] for host in plan.hosts)


def _short(key: UUID) -> str:
    return base64.urlsafe_b64encode(hashlib.blake2b(key.bytes, digest_size=6).digest()).decode()


def differences(before_text: str, plan: Plan) -> Differences:
    """The plan as it is now, against what the page showed."""
    size = _SHORT + 1
    before = {
        before_text[at : at + _SHORT]: _VERDICTS.get(before_text[at + _SHORT : at + size])
        for at in range(0, len(before_text) - _SHORT, size)
    }
    now = {_short(host.host_id): host for host in plan.hosts}
    found: list[str] = []
    about: set[UUID] = set()
    for key, host in now.items():
        was = before.get(key)
        if was is host.verdict:
            continue
        about.add(host.host_id)
        word, name = verdict_word(host.verdict), said(host.name)
        if was is None:
            sentence = _("%(host)s is new in this scope: %(now)s") % {"host": name, "now": word}
        else:
            sentence = _("%(host)s was “%(before)s”, now “%(now)s”") % {
                "host": name, "before": verdict_word(was), "now": word,
            }  # fmt: skip
        found.append(f"{sentence} ({host.why})." if host.why else f"{sentence}.")
    gone = [key for key in before if key not in now]
    if gone:
        found.append(_("%(hosts)s left this scope.") % {"hosts": count(len(gone), "host")})
    if not found and list(before) != list(now):
        found.append(_("The order of the hosts is another one."))
    return Differences(found or [_("The rules are not those the plan was made for.")], frozenset(about))
