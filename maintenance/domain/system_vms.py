"""System VMs and virtual routers: their types and services, whether a live patch can work, and whether one is due.

Names are CloudStack's. The support table is data: what is known of versions, with the remark a person reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class SystemVmType(StrEnum):
    """`systemvmtype` as CloudStack spells it."""

    SECONDARY_STORAGE = "secondarystoragevm"
    CONSOLE_PROXY = "consoleproxy"
    ROUTER = "domainrouter"
    INTERNAL_LB = "internalloadbalancervm"


ROUTERS = frozenset({SystemVmType.ROUTER, SystemVmType.INTERNAL_LB})  # patched through their network

# What a live patch restarts, in this order (CloudStack, live patching of system VMs).
SERVICES: Mapping[SystemVmType, tuple[str, ...]] = {
    SystemVmType.SECONDARY_STORAGE: ("cloud", "apache2", "portmap"),
    SystemVmType.CONSOLE_PROXY: ("cloud",),
    SystemVmType.ROUTER: ("haproxy", "apache2", "dnsmasq"),
    SystemVmType.INTERNAL_LB: ("haproxy",),
}


class PatchOutcome(StrEnum):
    """How a live patch of one VM ended; told apart everywhere."""

    PATCHED = "patched"
    ALREADY_CURRENT = "already_current"  # nothing was done
    FAILED_RESTORED = "failed_restored"  # the previous version is back
    FAILED_NOT_RESTORED = "failed_not_restored"
    UNCONFIRMED = "unconfirmed"  # nobody could look
    NOTHING_CHANGED = "nothing_changed"  # it failed before anything was changed


def version_of(text: str) -> tuple[int, ...]:
    """4.19.1.0 → (4, 19, 1, 0); empty for what is no version."""
    parts = text.strip().split(".")
    return tuple(int(part) for part in parts) if parts and all(p.isdigit() for p in parts) else ()


@dataclass(frozen=True, slots=True)
class VmFacts:
    """A system VM as far as the rules need it. Versions are those probed, never those intended.

    `software_version`: of what is installed in it; `scripts_checksum`: of its cloud-scripts, empty when not known.
    `base_image`: the name of the image it runs.
    """

    type: SystemVmType
    state: str
    template_version: str
    base_image: str
    software_version: str
    scripts_checksum: str
    is_probed: bool
    in_operator_work: "Why | None" = None  # what is being done with it or its host
    is_vpc_without_tiers: bool = False


@dataclass(frozen=True, slots=True)
class PayloadFacts:
    """A published payload as far as the rules need it."""

    version: str
    types: frozenset[SystemVmType]
    base_image: str
    scripts_checksum: str
    fixes_security: bool = False


class UpdateState(StrEnum):
    """What can be said about an update before anybody clicks."""

    CURRENT = "current"
    AVAILABLE = "available"
    NEEDS_UPGRADE = "needs-upgrade"  # a restart of the VM from a newer image instead
    NOT_POSSIBLE = "not-possible"
    WAITS = "waits"  # for operator work
    UNKNOWN = "unknown"


class Why(StrEnum):
    """Why an update is not possible, or what is remarkable about one that is; pages have their own words for each."""

    NONE = ""
    NONE_PUBLISHED = "none-published"
    UNKNOWN_TYPE = "unknown-type"
    NOT_RUNNING = "not-running"
    NOT_PROBED = "not-probed"
    CURRENT = "current"
    NEWER = "newer"
    UNKNOWN_IMAGE = "unknown-image"
    OLD_IMAGE = "old-image"
    OTHER_IMAGE = "other-image"
    NO_TIERS = "no-tiers"
    BEING_PATCHED = "being-patched"
    BEING_RESTARTED = "being-restarted"  # the routers of its network are replaced
    HOST_AT_WORK = "host-at-work"
    OLD_VPN = "old-vpn"  # possible, with this remark


WORDS: Mapping[Why, str] = {
    Why.NONE: "",
    Why.NONE_PUBLISHED: "no update has been published for its type",
    Why.UNKNOWN_TYPE: "its type {0} is not known",
    Why.NOT_RUNNING: "it is {0}; only a running VM can be patched",
    Why.NOT_PROBED: "what it runs is not known: it could not be probed",
    Why.CURRENT: "it runs the newest version",
    Why.NEWER: "it runs something newer",
    Why.UNKNOWN_IMAGE: "its image has a version nobody knows: {0}",
    Why.OLD_IMAGE: "its image is 4.13 or older, with another Java: it has to be recreated",
    Why.OTHER_IMAGE: "the update needs the image {0}; it runs {1}",
    Why.NO_TIERS: "its VPC has no tier yet: there is nothing that it serves",
    Why.BEING_PATCHED: "it is being worked on already",
    Why.BEING_RESTARTED: "the routers of its network are being restarted",
    Why.HOST_AT_WORK: "operators work on the machine it runs on",
    Why.OLD_VPN: "its image has an older strongSwan: remote access VPN may be interrupted",
}


@dataclass(frozen=True, slots=True)
class Support:
    """Whether VMs made from templates of these versions can be patched live. `below`: up to, not including."""

    since: tuple[int, ...]
    below: tuple[int, ...]
    is_possible: bool
    remark: Why = Why.NONE


SUPPORT: tuple[Support, ...] = (
    Support((0,), (4, 14), False, Why.OLD_IMAGE),
    Support((4, 14), (4, 15), True, Why.OLD_VPN),
    Support((4, 15), (1000,), True),
)


def support_of(template_version: str) -> Support | None:
    """The row for a template's version; None for a version nobody knows."""
    version = version_of(template_version)
    if not version:
        return None
    return next((row for row in SUPPORT if row.since <= version < row.below), None)


@dataclass(frozen=True, slots=True)
class Update:
    """`possible`: pressing would patch. `why`: why not, or a remark; `facts`: what its words name. `services`: what
    would restart."""

    state: UpdateState
    possible: bool
    why: Why
    services: tuple[str, ...]
    version: str = ""
    fixes_security: bool = False
    facts: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """`why` in words, for records and programs."""
        return WORDS[self.why].format(*self.facts)


def update_of(vm: VmFacts, payloads: Sequence[PayloadFacts]) -> Update:
    """What the newest payload for this type means for this VM."""
    services = SERVICES[vm.type]
    fitting = [payload for payload in payloads if vm.type in payload.types]
    newest = max(fitting, key=lambda payload: version_of(payload.version), default=None)
    if newest is None:
        return Update(UpdateState.CURRENT, False, Why.NONE_PUBLISHED, services)
    state, why, *facts = _judge(vm, newest)
    possible = state is UpdateState.AVAILABLE
    fixes = any(payload.fixes_security for payload in fitting if payload is newest or _is_ahead(payload, vm))
    return Update(state, possible, why, services, newest.version, fixes, tuple(facts))


def _is_ahead(payload: PayloadFacts, vm: VmFacts) -> bool:
    """The newest brings along what those before it fix that the VM never had."""
    return version_of(payload.version) > version_of(vm.software_version)


def _judge(vm: VmFacts, newest: PayloadFacts) -> "tuple[UpdateState, Why, *tuple[str, ...]]":
    """The first thing that is in the way, or that nothing is; then what its words name."""
    if vm.state != "Running":
        return UpdateState.NOT_POSSIBLE, Why.NOT_RUNNING, vm.state
    if not vm.is_probed:
        return UpdateState.UNKNOWN, Why.NOT_PROBED
    if vm.scripts_checksum == newest.scripts_checksum and vm.software_version == newest.version:
        return UpdateState.CURRENT, Why.CURRENT
    if version_of(vm.software_version) > version_of(newest.version):
        return UpdateState.CURRENT, Why.NEWER
    support = support_of(vm.template_version)
    if support is None:
        return UpdateState.NEEDS_UPGRADE, Why.UNKNOWN_IMAGE, vm.template_version or "?"
    if not support.is_possible:
        return UpdateState.NEEDS_UPGRADE, support.remark
    if newest.base_image and newest.base_image != vm.base_image:
        return UpdateState.NEEDS_UPGRADE, Why.OTHER_IMAGE, newest.base_image, vm.base_image
    if vm.is_vpc_without_tiers:
        return UpdateState.NOT_POSSIBLE, Why.NO_TIERS
    if vm.in_operator_work is not None:
        return UpdateState.WAITS, vm.in_operator_work
    return UpdateState.AVAILABLE, support.remark
