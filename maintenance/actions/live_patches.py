"""Starting a live patch: of one system VM or router, of many, or of whatever is outdated. On the same engine: a patch
is a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from maintenance.actions.errors import ActionError, BadInput, Conflict, NotFound
from maintenance.actions.in_the_way import restart_in_the_way
from maintenance.actions.run_numbers import next_run_number
from maintenance.actions.server_offers import refuse_when_all_blocked
from maintenance.actions.taken_vms import group_of as group_of  # whoever starts here asks for it here
from maintenance.actions.taken_vms import joined_fleet, joined_patch, left_out, taken_of
from maintenance.clock import database_now
from maintenance.domain.states import OnFailure, RunKind, RunState, TargetState
from maintenance.domain.system_vms import Update, UpdateState
from maintenance.engine.advance import about_run, about_target
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.limits import DRAIN_TIMEOUT_S, STAGE_TIMEOUT_S
from maintenance.models import Cloud, Network, Payload, Run, SystemVm, Target
from maintenance.updates import newest_payload, updates_of

VMS_MAX = 10_000
SOAK_S_MAX = 600
PER_ZONE_MAX = 1000
TENANT_EVERY = timedelta(minutes=10)  # one patch per network in this time
ZONES_AT_ONCE = 1000  # every zone may have its own at work
SKIPPED_WORDS = {
    UpdateState.CURRENT: "it is up to date",
    UpdateState.UNKNOWN: "what it runs is not known",
}


class RateLimited(ActionError):
    """Asked too often; `retry_after_s` says when it may be asked again. Nothing was done."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class PatchRequest:
    """What is asked for. Exactly one of the scopes is given. `payload_id` None: the newest for each type."""

    system_vm_ids: tuple[UUID, ...] = ()
    network_ids: tuple[UUID, ...] = ()
    zone_ids: tuple[UUID, ...] = ()
    all_outdated: bool = False
    forced: bool = False
    payload_id: UUID | None = None
    per_zone: int = 1
    canary: int = 0
    soak_s: int = 10
    on_failure: str = OnFailure.PAUSE
    not_before: datetime | None = None
    reason: str = ""
    ticket: str = ""

    @property
    def is_fleet(self) -> bool:
        """Whatever there is: what others have, or have a time for, is passed by."""
        return self.all_outdated or bool(self.zone_ids)

    def check(self) -> None:
        """Raises: BadInput."""
        scopes = [self.system_vm_ids, self.network_ids, self.zone_ids, self.all_outdated]
        if sum(bool(scope) for scope in scopes) != 1:
            raise BadInput(
                "name system VMs, networks or zones, or ask for all outdated ones", field="system_vms"
            )
        for field, value, least, most in (
            ("per_zone", self.per_zone, 1, PER_ZONE_MAX),
            ("canary", self.canary, 0, VMS_MAX),
            ("soak_s", self.soak_s, 0, SOAK_S_MAX),
        ):
            if not least <= value <= most:
                raise BadInput(f"{field} is between {least} and {most}; it is {value}", field=field)
        if self.on_failure not in set(OnFailure):
            raise BadInput(f"on_failure is one of {', '.join(OnFailure)}", field="on_failure")


@dataclass(frozen=True, slots=True)
class PatchStarted:
    """The run that patches. `joined`: it was there already, of the same VMs."""

    run: Run
    joined: bool = False


def start_live_patch(
    request: PatchRequest, *, actor: str, is_tenant: bool = False, request_id: str = ""
) -> PatchStarted:
    """A queued run over the scope's VMs; those that need no patch, or cannot have one, are skipped with the reason. So
    is, of a zone or of all, what another run has: a time that a tenant chose is kept.

    Raises: BadInput; NotFound naming the id; Conflict when nothing can be patched, with each reason, or when another
    run is in the way; RateLimited for tenants; AllBlocked.
    """
    request.check()
    with unit_of_work(actor, request_id=request_id) as work:
        vms = vms_in_scope(request)
        cloud = _one_cloud(vms)
        Cloud.objects.select_for_update(no_key=True).get(id=cloud.id)  # starts are decided one after another
        taken = taken_of(vms)
        if not request.is_fleet and (running := joined_patch(vms, taken, not_before=request.not_before)):
            return PatchStarted(running, joined=True)
        if is_tenant:
            _refuse_often(vms)
        restart_in_the_way(cloud)
        refuse_when_all_blocked(cloud)
        updates, passed_by = updates_of(vms), left_out(vms, taken)
        reasons = {vm.id: passed_by.get(vm.id) or updates[vm.id].reason for vm in vms}
        chosen = [vm for vm in vms if vm.id not in passed_by and _is_wanted(updates[vm.id], request)]
        if not chosen:
            if running := joined_fleet(taken):
                return PatchStarted(running, joined=True)
            raise Conflict(_why_none(vms, reasons), items=_reasons(vms, reasons))
        payload = _payload(request, chosen)
        run = _make_run(request, cloud, vms, payload, actor)
        _make_targets(run, vms, chosen, reasons)
        _tell(work, run, chosen, request)
        return PatchStarted(run)


def vms_in_scope(request: PatchRequest) -> list[SystemVm]:
    """The VMs, in the order they are done: by zone, pair after pair, the backup side of a pair first."""
    listed = SystemVm.objects.filter(gone_at=None).select_related("cloud", "zone", "network", "vpc")
    if request.system_vm_ids:
        which = Q(id__in=request.system_vm_ids)
        _all_found(SystemVm.objects.filter(gone_at=None), request.system_vm_ids, "system VM")
    elif request.network_ids:
        _all_found(Network.objects.filter(gone_at=None), request.network_ids, "network")
        vpcs = Network.objects.filter(id__in=request.network_ids).exclude(vpc=None).values("vpc")
        which = Q(network__in=request.network_ids) | Q(vpc__in=vpcs)
    elif request.zone_ids:
        which = Q(zone__in=request.zone_ids)
    else:
        which = Q()
    found = list(listed.filter(which)[: VMS_MAX + 1])
    if not found:
        raise NotFound("there is no system VM or router in that scope")
    if len(found) > VMS_MAX:
        raise BadInput(f"more than {VMS_MAX} system VMs; choose fewer", field="system_vms")
    return sorted(found, key=in_turn)


def _all_found(rows: QuerySet[SystemVm] | QuerySet[Network], ids: Sequence[UUID], what: str) -> None:
    known = set(rows.filter(id__in=ids).values_list("id", flat=True))
    for key in ids:
        if key not in known:
            raise NotFound(f"no {what} has the id {key}")


def in_turn(vm: SystemVm) -> tuple[str, str, bool, str]:
    """Sorts VMs into the order in which they are done."""
    return (vm.zone.name, str(group_of(vm) or vm.id), vm.redundant_state == "PRIMARY", vm.name)


def _one_cloud(vms: Sequence[SystemVm]) -> Cloud:
    clouds = {vm.cloud_id for vm in vms}
    if len(clouds) > 1:
        raise BadInput(
            "the system VMs belong to several clouds; patch one cloud at a time", field="system_vms"
        )
    return vms[0].cloud


def _refuse_often(vms: Sequence[SystemVm]) -> None:
    """Raises: RateLimited."""
    since = database_now() - TENANT_EVERY
    groups = {group for vm in vms if (group := group_of(vm)) is not None}
    last = (
        Target.objects.filter(group__in=groups, run__kind=RunKind.LIVE_PATCH, run__created_at__gt=since)
        .exclude(state__in=[TargetState.SKIPPED, TargetState.CANCELLED])
        .order_by("-run__created_at")
        .values_list("run__created_at", flat=True)
        .first()
    )
    if last is None:
        return
    wait_s = max(1, int((last - since).total_seconds()))
    raise RateLimited(
        f"this network was updated a moment ago; try again in about {max(1, round(wait_s / 60))} min",
        retry_after_s=wait_s,
    )


def _is_wanted(update: Update, request: PatchRequest) -> bool:
    if update.possible:
        return True
    return request.forced and update.state is UpdateState.CURRENT and bool(update.version)


def _why_none(vms: Sequence[SystemVm], reasons: Mapping[UUID, str]) -> str:
    words = "; ".join(f"{row['name']}: {row['reason']}" for row in _reasons(vms, reasons)[:5])
    return f"nothing can be patched: {words}"


def _reasons(vms: Sequence[SystemVm], reasons: Mapping[UUID, str]) -> list[dict[str, str]]:
    return [{"id": str(vm.id), "name": vm.name, "reason": reasons[vm.id]} for vm in vms[:50]]


def _payload(request: PatchRequest, chosen: Sequence[SystemVm]) -> Payload:
    """Raises: BadInput, NotFound, Conflict when no one payload is for all that were chosen."""
    if request.payload_id is not None:
        payload = Payload.objects.filter(id=request.payload_id, withdrawn_at=None).first()
        if payload is None:
            raise NotFound(f"no published payload has the id {request.payload_id}")
        wrong = sorted({vm.type for vm in chosen} - set(payload.types))
        if wrong:
            raise BadInput(f"payload {payload.version} is not for {', '.join(wrong)}", field="payload")
        return payload
    newest = {vm.type: newest_payload(vm.type) for vm in chosen}
    found = {payload.id: payload for payload in newest.values() if payload is not None}
    if len(found) != 1:
        raise Conflict("the newest updates for these types differ: patch each type in a run of its own")
    return next(iter(found.values()))


def _make_run(
    request: PatchRequest, cloud: Cloud, vms: Sequence[SystemVm], payload: Payload, actor: str
) -> Run:
    kind, ids = _scope_of(request, vms)
    names = ", ".join(vm.name for vm in vms[:20]) + (f" and {len(vms) - 20} more" if len(vms) > 20 else "")
    run = Run(
        number=next_run_number(),
        kind=RunKind.LIVE_PATCH,
        cloud=cloud,
        state=RunState.QUEUED,
        scope_kind=kind,
        scope_ids=ids,
        scope_words=names[:500],
        timeout_s=STAGE_TIMEOUT_S.now(),
        drain_timeout_s=DRAIN_TIMEOUT_S.now(),
        max_unavailable=request.per_zone,
        clusters_in_parallel=ZONES_AT_ONCE,
        on_failure=request.on_failure,
        canary=request.canary,
        soak_s=request.soak_s,
        payload_id=payload.id,
        forced=request.forced,
        not_before=request.not_before,
        started_by=actor,
        reason=request.reason,
        ticket=request.ticket,
    )
    run.save(force_insert=True)
    run.refresh_from_db(fields=["created_at"])
    return run


def _scope_of(request: PatchRequest, vms: Sequence[SystemVm]) -> tuple[str, list[UUID]]:
    if request.network_ids:
        return "networks", list(request.network_ids)
    if request.zone_ids:
        return "zones", list(request.zone_ids)
    return "system_vms", [vm.id for vm in vms]


def _make_targets(
    run: Run, vms: Sequence[SystemVm], chosen: Sequence[SystemVm], reasons: Mapping[UUID, str]
) -> None:
    wanted = {vm.id for vm in chosen}
    targets = []
    for order, vm in enumerate(vms, 1):
        target = Target(
            run=run,
            system_vm=vm,
            name=vm.name,
            zone_name=vm.zone.name,
            zone_id=vm.zone_id,
            group=group_of(vm),
            order=order,
        )
        if vm.id not in wanted:
            target.state, target.is_open = TargetState.SKIPPED, False
            target.detail = reasons[vm.id]
        targets.append(target)
    Target.objects.bulk_create(targets, batch_size=1000)


def _tell(work: UnitOfWork, run: Run, chosen: Sequence[SystemVm], request: PatchRequest) -> None:
    first = Target.objects.filter(run=run).order_by("order").first()
    about = about_run(run) | (about_target(first) if first and len(chosen) == 1 else {})
    work.event("run.created", about, after={"state": run.state, "system_vms": len(chosen)})
    work.audit(
        "live patch started",
        about_run(run),
        reason=request.reason,
        after={"scope": run.scope_words, "system_vms": len(chosen), "forced": request.forced},
    )
    work.wake_engine()
