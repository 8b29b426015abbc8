"""Payloads as administrators see them: what is offered, whom it reaches, what it fixes, and whose signatures count."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark
from dashboard.screens.words import count, figure
from maintenance.models import Payload
from maintenance.payloads import here
from maintenance.payloads.behind import Behind, behind
from maintenance.payloads.manifest import SIZE_MAX

SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class Fix:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class PayloadLine:
    """`withdraw_url` is empty when it is withdrawn already."""

    id: UUID
    version: str
    mark: Mark
    types: list[str]
    base_image: str
    security: list[Fix]
    others: list[Fix]
    reach: str
    consequence: str
    signed_by: str
    published_by: str
    published_at: datetime
    withdrawn_at: datetime | None
    withdraw_url: str


@dataclass(frozen=True, slots=True)
class Payloads:
    rows: list[PayloadLine]
    summary: str
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    fingerprint: str  # in groups of four, for people who compare it by reading


@dataclass(frozen=True, slots=True)
class Keys:
    rows: list[Key]
    unusable: list[str]


def payloads() -> Payloads:
    """The newest first. A constant number of queries."""
    found = list(Payload.objects.order_by("-published_at", "id")[: SHOWN_MAX + 1])
    counted = behind(found)
    offered = Payload.objects.filter(withdrawn_at=None).count()
    return Payloads(
        [_line(one, counted[one.id]) for one in found[:SHOWN_MAX]],
        _("%(n)s offered") % {"n": figure(offered)},
        len(found) > SHOWN_MAX,
    )


def keys() -> Keys:
    """Read from their folder now."""
    ring = here.keyring()
    rows = [Key(key.name, _in_groups(key.fingerprint)) for key in ring.by_fingerprint.values()]
    return Keys(rows, list(ring.unusable))


def size_max_mb() -> dict[str, int]:
    """How large each file may be."""
    return {name: most >> 20 for name, most in SIZE_MAX.items()}


def type_word(kind: str) -> str:
    words = {
        "secondarystoragevm": _("secondary storage VMs"),
        "consoleproxy": _("console proxies"),
        "domainrouter": _("routers"),
        "internalloadbalancervm": _("internal load balancers"),
    }
    return words.get(kind, kind)


def _line(payload: Payload, counted: Behind) -> PayloadLine:
    fixes = [one for one in payload.advisories if isinstance(one, dict)]
    is_over = payload.withdrawn_at is not None
    return PayloadLine(
        id=payload.id,
        version=payload.version,
        mark=_mark(payload),
        types=[type_word(kind) for kind in payload.types],
        base_image=payload.base_image,
        security=[_fix(one) for one in fixes if one.get("is_security")],
        others=[_fix(one) for one in fixes if not one.get("is_security")],
        reach=_reach(counted),
        consequence=_consequence(counted),
        signed_by=payload.signed_by,
        published_by=payload.published_by,
        published_at=payload.published_at,
        withdrawn_at=payload.withdrawn_at,
        withdraw_url="" if is_over else reverse("settings-payload-withdraw", args=[payload.id]),
    )


def _fix(advisory: dict[str, object]) -> Fix:
    return Fix(str(advisory.get("id", "")), str(advisory.get("title", "")))


def _mark(payload: Payload) -> Mark:
    if payload.withdrawn_at is not None:
        return Mark("Cancelled", _("Withdrawn"), "skipped")
    if payload.fixes_security:
        return Mark("NeedsPerson", _("Security"), "paused")
    return Mark("Done", _("Offered"), "done")


def _reach(counted: Behind) -> str:
    if not counted.total:
        return _("No system VM of its types is known.")
    says = {"behind": count(counted.older, "system VM"), "all": figure(counted.total)}
    words = [_("%(behind)s of %(all)s behind.") % says]
    if counted.unknown:
        words.append(
            _("Of %(vms)s it is not known: not probed.") % {"vms": count(counted.unknown, "system VM")}
        )
    return " ".join(words)


def _consequence(counted: Behind) -> str:
    says = _(
        "%(behind)s that would get it are offered it no more; what is patched with it just now goes on, and VMs"
        " that run it keep it. An older payload may then be published again."
    )
    return says % {"behind": count(counted.older, "system VM")}


def _in_groups(fingerprint: str) -> str:
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))
