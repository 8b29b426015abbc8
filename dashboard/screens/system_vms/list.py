"""The list of system VMs and routers: search, filters, order and pages in the address; and the sentence above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, too_low
from dashboard.screens.marks import NEEDS_PERSON, Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import PAGE_ROWS, Choice
from dashboard.screens.system_vms.asked import PATCH_CAUSES, SORTS, UPDATES, AskedVms
from dashboard.screens.system_vms.census import SECURITY, Census, census
from dashboard.screens.system_vms.rows import VmRow, vm_rows
from dashboard.screens.system_vms.words import TYPES
from dashboard.screens.words import count, figure, spelled
from maintenance.domain.system_vms import UpdateState, version_of
from maintenance.models import Attention, Payload, SystemVm, Zone

ACCOUNTS_MAX = 500


@dataclass(frozen=True, slots=True)
class VmPages:
    page: int
    pages: int
    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class VmList:
    asked: AskedVms
    says: str
    rows: Sequence[VmRow]
    filters: Sequence[tuple[str, str, Sequence[Choice]]]
    orders: Sequence[Choice]
    pages: VmPages
    patch_disabled: str


@dataclass(frozen=True, slots=True)
class VmsVerdict:
    """`payloads`: the newest published ones. `patch_all`: the button of the fleet patch."""

    says: str
    then: str
    title: str
    mark: Mark
    tallies: Sequence[tuple[str, str, str]]  # words, figure, address
    patch_all: Action | None
    restart: Action | None = None


@dataclass(frozen=True, slots=True)
class PublishedPayload:
    version: str
    at: datetime
    by: str
    signed_by: str
    fixes: Sequence[str]
    types: str


def vm_list(asked: AskedVms, role: str) -> VmList:
    """As many queries for ten VMs as for ten thousand."""
    counted = census()
    asked = asked.known()
    found = asked.found(counted)
    matching = found.count()
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(max(1, asked.page), pages)
    ordered = asked.ordered(found, counted).values_list("id", flat=True)
    says = count(counted.total, "system VM")
    if asked.is_filtered:
        says = _("%(n)s of %(all)s") % {"n": figure(matching), "all": says}
    return VmList(
        asked=asked,
        says=says,
        rows=vm_rows(list(ordered[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]), role),
        filters=_filters(asked, counted),
        orders=[Choice(key, str(text), key == asked.sort) for key, text in SORTS.items()],
        pages=VmPages(
            page,
            pages,
            asked.address(page=page - 1) if page > 1 else "",
            asked.address(page=page + 1) if page < pages else "",
        ),
        patch_disabled=too_low(role),
    )


def _filters(asked: AskedVms, counted: Census) -> list[tuple[str, str, Sequence[Choice]]]:
    zones = Zone.objects.filter(gone_at=None).order_by(natural_key("name"), "id")
    accounts = SystemVm.objects.filter(gone_at=None).exclude(account="").order_by("account")
    names = accounts.values_list("account", flat=True).distinct()[:ACCOUNTS_MAX]
    counts = counted.counts
    updates = [
        Choice(kind, f"{text} ({figure(counts[kind])})", kind == asked.update)
        for kind, text in UPDATES.items()
    ]
    return [
        ("update", _("Update"), updates),
        ("type", _("Type"), [Choice(kind, str(text), kind == asked.type) for kind, text in TYPES.items()]),
        ("zone", _("Zone"), [Choice(str(zone.id), zone.name, zone.id == asked.zone) for zone in zones]),
        ("account", _("Account"), [Choice(name, name, name == asked.account) for name in names]),
    ]


def vms_verdict(role: str) -> VmsVerdict:
    """What can be done now, and what needs a person."""
    counted = census()
    counts, total = counted.counts, counted.total
    troubled = Attention.objects.filter(
        system_vm__isnull=False, resolved_at=None, cause__in=PATCH_CAUSES
    ).count()
    title = _("System VMs and routers")
    if not total:
        return VmsVerdict(_("No system VM is listed."), "", title, Mark("Waiting", "", "waiting"), [], None)
    needs = ngettext("%(n)s needs a person.", "%(n)s need a person.", troubled) % {"n": spelled(troubled)}
    return VmsVerdict(
        says=_says(counted),
        then=needs if troubled else _then(counted),
        title=title,
        mark=_worst(counted, troubled),
        tallies=[
            (str(text), figure(counts[kind]), AskedVms(update=kind).address())
            for kind, text in UPDATES.items()
            if counts[kind]
        ],
        patch_all=_patch_all(counted, role),
        restart=_restart(role),
    )


def _says(counted: Census) -> str:
    if counted.possible:
        words = {"n": figure(counted.possible), "all": figure(counted.total)}
        return (
            ngettext(
                "%(n)s of %(all)s can be live-patched now.",
                "%(n)s of %(all)s can be live-patched now.",
                counted.possible,
            )
            % words
        )
    if counted.counts[UpdateState.CURRENT] == counted.total:
        return _("Every system VM is up to date.")
    return _("No system VM can be live-patched now.")


def _then(counted: Census) -> str:
    security = counted.counts[SECURITY]
    if security:
        return ngettext(
            "%(n)s of them fixes security.", "%(n)s of them fix security.", security
        ) % {"n": figure(security)}  # fmt: skip
    waits = counted.counts[UpdateState.WAITS]
    if waits:
        return ngettext(
            "%(n)s waits for operator work.", "%(n)s wait for operator work.", waits
        ) % {"n": figure(waits)}  # fmt: skip
    return ""


def _worst(counted: Census, troubled: int) -> Mark:
    if troubled:
        return NEEDS_PERSON
    if counted.possible:
        return Mark("Available", _("Updates"), "available")
    return Mark("Done", _("Current"), "done")


def _patch_all(counted: Census, role: str) -> Action | None:
    if not counted.possible:
        return None
    label = _("Live patch %(n)s, throttled…") % {"n": figure(counted.possible)}
    says = _(
        "One first, then at most 1 per zone. You see who is patched and who is skipped before it starts."
    )
    url = f"{reverse('system-vms-patch')}?scope=all"
    return Action(label, "right", url, says, kind="primary", is_link=True).unless(too_low(role))


def _restart(role: str) -> Action:
    says = _(
        "Of a network or VPC: replaced, or their rules applied again. You choose whose, and see how, first."
    )
    url = reverse("routers-restart")
    return Action(_("Restart routers…"), "refresh", url, says, is_link=True).unless(too_low(role))


def newest_payloads() -> list[PublishedPayload]:
    """The newest of each set of types, the newest first."""
    newest: dict[tuple[str, ...], Payload] = {}
    for payload in Payload.objects.filter(withdrawn_at=None):
        key = tuple(sorted(payload.types))
        if key not in newest or version_of(payload.version) > version_of(newest[key].version):
            newest[key] = payload
    return [
        PublishedPayload(
            version=payload.version,
            at=payload.published_at,
            by=payload.published_by,
            signed_by=payload.signed_by,
            fixes=[str(one.get("id", "")) for one in payload.advisories if one.get("is_security")],
            types=", ".join(str(TYPES.get(kind, kind)) for kind in payload.types),
        )
        for payload in sorted(newest.values(), key=lambda one: one.published_at, reverse=True)
    ]
