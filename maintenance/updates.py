"""Whether there is an update for each system VM, and whether it can be patched now: the newest published payload
against what was probed, and against what operators are doing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind
from maintenance.domain.system_vms import (
    ROUTERS,
    PayloadFacts,
    SystemVmType,
    Update,
    UpdateState,
    VmFacts,
    Why,
    update_of,
    version_of,
)
from maintenance.models import Network, Payload, Run, SystemVm, Target


def update_of_vm(vm: SystemVm) -> Update:
    """`updates_of` for one."""
    return updates_of([vm])[vm.id]


def updates_of(vms: Iterable[SystemVm]) -> Mapping[UUID, Update]:
    """By VM. Load them with `select_related("cloud")`. The number of queries does not depend on how many they are."""
    asked = list(vms)
    payloads = published()
    work = _operator_work(asked)
    without_tiers = _vpcs_without_tiers(asked)
    now = timezone.now()
    found: dict[UUID, Update] = {}
    for vm in asked:
        if vm.type not in set(SystemVmType):
            found[vm.id] = Update(UpdateState.UNKNOWN, False, Why.UNKNOWN_TYPE, (), facts=(vm.type,))
            continue
        found[vm.id] = update_of(
            VmFacts(
                type=SystemVmType(vm.type),
                state=vm.state if vm.is_known(now) else "of unknown state",
                template_version=vm.template_version,
                base_image=vm.base_image,
                software_version=vm.software_version,
                scripts_checksum=vm.scripts_checksum,
                is_probed=vm.probed_at is not None and not vm.probe_error,
                in_operator_work=work.get(vm.id),
                is_vpc_without_tiers=vm.vpc_id in without_tiers,
            ),
            payloads,
        )
    return found


def published() -> list[PayloadFacts]:
    """Every payload that was not withdrawn."""
    return [
        PayloadFacts(
            version=payload.version,
            types=frozenset(SystemVmType(kind) for kind in payload.types if kind in set(SystemVmType)),
            base_image=payload.base_image,
            scripts_checksum=payload.scripts_md5,
            fixes_security=payload.fixes_security,
        )
        for payload in Payload.objects.filter(withdrawn_at=None)
    ]


def newest_payload(kind: str) -> Payload | None:
    """The newest published payload for VMs of this type."""
    fitting = Payload.objects.filter(withdrawn_at=None, types__contains=[kind])
    return max(fitting, key=lambda payload: version_of(payload.version), default=None)


def _operator_work(vms: Sequence[SystemVm]) -> Mapping[UUID, Why]:
    """What is being done with a VM or with its host now."""
    places = {key for vm in vms if vm.type in ROUTERS and (key := vm.vpc_id or vm.network_id) is not None}
    active = Target.objects.filter(is_open=True, run__state__in=RUN_ACTIVE)
    # The router that takes a place is none of the run's targets: a restart has all of its network.
    restarts = Q(group__in=places, run__kind=RunKind.ROUTER_RESTART)
    taken = active.filter(restarts | Q(system_vm__in=[vm.id for vm in vms]))
    restarted: set[UUID | None] = set()
    patched: set[UUID | None] = set()
    for kind, vm_id, group in taken.values_list("run__kind", "system_vm_id", "group"):
        if kind == RunKind.ROUTER_RESTART:
            restarted |= {vm_id, group}
        else:
            patched.add(vm_id)
    busy = hosts_at_work({vm.host_id for vm in vms if vm.host_id is not None})
    words: dict[UUID, Why] = {}
    for vm in vms:
        if vm.id in restarted or (vm.type in ROUTERS and (vm.vpc_id or vm.network_id) in restarted):
            words[vm.id] = Why.BEING_RESTARTED
        elif vm.id in patched:
            words[vm.id] = Why.BEING_PATCHED
        elif vm.host_id in busy:
            words[vm.id] = Why.HOST_AT_WORK
    return words


def hosts_at_work(hosts: Collection[UUID]) -> Mapping[UUID, Run]:
    """Of these hosts, those that a run is at work on, with that run."""
    at_work = Target.objects.filter(
        host__in=hosts,
        is_open=True,
        run__state__in=RUN_ACTIVE,
        run__kind__in=[RunKind.ROLLING, RunKind.HOST],
        state__in=TARGET_BEGUN,
    )
    return {target.host_key: target.run for target in at_work.select_related("run")}


def _vpcs_without_tiers(vms: Sequence[SystemVm]) -> set[UUID]:
    vpcs = {vm.vpc_id for vm in vms if vm.vpc_id is not None and vm.type in ROUTERS}
    if not vpcs:
        return set()
    with_tiers = Network.objects.filter(vpc__in=vpcs, gone_at=None).values_list("vpc_id", flat=True)
    return vpcs - set(with_tiers)
