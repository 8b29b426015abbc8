"""What a person may safely do about what needs one: the same buttons on its page, its run's and its host's."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.actions import Action, for_role
from dashboard.screens.patch_run.actions import patch_run_actions, vm_actions
from dashboard.screens.places.kinds import new_run_url
from dashboard.screens.run.actions import after_flagged_words, return_action, run_actions, target_actions
from dashboard.screens.server_run.actions import server_actions, server_run_actions
from dashboard.screens.words import duration, said
from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ACTIVE,
    RUN_ENDED,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.engine.attention import Cause
from maintenance.limits import HOST_RETURN_TIMEOUT_S
from maintenance.models import Attention, Host, HostOut, Run, Target

UP = "Up"
ROOM_MAX = 3  # hosts of a full cluster that are offered to come back

LEADS_OUT = frozenset({"refresh", "right", "rolling"})  # retry, return; resume; start again
FAILED_IN_RUN = frozenset({Cause.STAGE_FAILED, Cause.PREFLIGHT_FAILED})


def next_actions(attention: Attention, role: str) -> list[Action]:
    """What helps comes first, then what ends it, then who has it. Load it with its run, target and host."""
    if attention.resolved_at is not None:
        return _one_primary(_after(attention, role))
    found = for_role(room_actions(attention), role) + host_actions(attention, role)
    if attention.run is not None:
        found += _of_run(attention.run, role, ("run-resume", "run-cancel"))
        found += for_role(_start_again(attention, attention.run), role)
        found += for_role(_prepare_again(attention, attention.run), role)
    elif attention.server_id is not None:
        found.append(_to_server(attention.server_id, attention))
    return _one_primary(found) + for_role(attention_actions(attention), role)


def _after(attention: Attention, role: str) -> list[Action]:
    """It is settled, and the run still waits for a word."""
    if attention.run is None or attention.run.state != RunState.PAUSED:
        return []
    return host_actions(attention, role) + _of_run(attention.run, role, ("run-resume",))


def _one_primary(actions: list[Action]) -> list[Action]:
    """The first that leads out of it stands out. Skipping or waiting does not, nor does what must be typed."""
    first = next((a for a in actions if a.icon in LEADS_OUT and not a.disabled and not a.asks), None)
    return [
        replace(a, kind="primary" if a is first else a.kind if a.kind != "primary" else "") for a in actions
    ]


def host_actions(attention: Attention, role: str) -> list[Action]:
    """What can be done about the host, management server or system VM it is about, and the host that waits for it."""
    run, target = attention.run, attention.target
    found = taken_actions(attention, role)
    if run is None or target is None:
        return found
    if target.server_id is not None:
        return found + server_actions(run, target, role)
    if target.system_vm_id is not None:
        return found + vm_actions(run, target, role)
    if target.state == TargetState.NEEDS_PERSON:
        found += for_role([_return_flagged(attention, run, target)], role)
    return found + target_actions(run, target, role)


def taken_actions(attention: Attention, role: str) -> list[Action]:
    """What can be done about a host that others took."""
    is_taken = attention.cause == Cause.FOREIGN_MAINTENANCE and attention.resolved_at is None
    if not is_taken or attention.host is None or not is_foreign(attention.host):
        return []
    return for_role([take_back_action(attention.host, attention.run)], role)


def _of_run(run: Run, role: str, routes: Sequence[str]) -> list[Action]:
    """Resume and Stop; a pause helps nobody here."""
    if RunState(run.state) in RUN_ENDED:
        return []
    wanted = {reverse(route, args=[run.id]) for route in routes}
    if run.kind in OVER_SYSTEM_VMS:
        actions = patch_run_actions(run, role)
    else:
        actions = server_run_actions(run, role) if run.kind in OVER_SERVERS else run_actions(run, role)
    return [action for action in actions if action.url in wanted]


def _start_again(attention: Attention, run: Run) -> list[Action]:
    """A run over the hosts that an ended one left undone."""
    if (
        attention.cause not in FAILED_IN_RUN
        or RunState(run.state) not in RUN_ENDED
        or attention.host_id is None
    ):
        return []
    return [
        Action(
            _("Start again…"),
            "rolling",
            new_run_url("hosts", [attention.host_id]),
            _("Opens the plan of a new run of this host. Nothing starts before you say so there."),
            is_link=True,
        )
    ]


def _prepare_again(attention: Attention, run: Run) -> list[Action]:
    """The same for a management server whose run is over, on its own page, where what must be typed is asked for."""
    is_over = RunState(run.state) in RUN_ENDED
    if attention.cause != Cause.SERVER_FAILED or not is_over or attention.server_id is None:
        return []
    target = attention.target
    named = {"server": said(target.name if target else "")}
    page = reverse("server", args=[attention.server_id])
    match run.kind:
        case RunKind.SERVER_SHUTDOWN:
            again = Action(
                _("Prepare for shutdown again…"), "refresh", f"{page}?ask=prepareForShutdown",
                _("On the page of %(server)s. Nothing begins before you say so there.") % named, is_link=True,
            )  # fmt: skip
        case RunKind.SERVER_RESTART:
            again = Action(
                _("Restart again…"), "refresh", f"{page}?ask=restart",
                _("On the page of %(server)s, this server alone. Nothing begins before you say so there.") % named,
                is_link=True,
            )  # fmt: skip
        case _:
            again = Action(
                _("Prepare again…"), "refresh", f"{page}?ask=prepareForMaintenance",
                _(
                    "On the page of %(server)s: there you choose “Forced”, or the window as it is. Nothing begins "
                    "before you say so."
                ) % named,
                is_link=True,
            )  # fmt: skip
    longer = Action(
        _("Set a longer window…"), "right", f"{reverse('agents-change')}?cloud={run.cloud_id}",
        _("How long a server may prepare, management.server.maintenance.timeout. Administrators can change it."),
        is_link=True,
    )  # fmt: skip
    return [again] if run.kind == RunKind.SERVER_SHUTDOWN else [again, longer]


def _to_server(server_id: UUID, attention: Attention) -> Action:
    """Of one that no run has: what can be asked of it stands on its page."""
    named = {"server": said(attention.server.name if attention.server else "")}
    return Action(
        _("Open %(server)s") % named,
        "right",
        reverse("server", args=[server_id]),
        _("Its state, its jobs that were cut off, its agents, and what can be asked of it."),
        is_link=True,
    )


def _return_flagged(attention: Attention, run: Run, target: Target) -> Action:
    """Says what it leaves to do, and that a machine which is away is only waited for."""
    action = return_action(target.host_key, target.name)
    says, host = action.says, attention.host
    if host is not None and host.state != UP:
        away = _(
            "Its agent is %(state)s now: bring the machine up first, or this fails again after %(time)s."
        )
        says = f"{away % {'state': host.state, 'time': duration(HOST_RETURN_TIMEOUT_S.now())}} {says}"
    return replace(action, says=f"{says} {after_flagged_words(run)}".strip())


def room_actions(attention: Attention) -> list[Action]:
    """A full cluster has room again once a host of it that is out of service comes back."""
    target = attention.target
    if attention.cause != Cause.NO_ROOM or target is None or attention.run is None:
        return []
    here = Host.objects.filter(cluster_id=target.cluster_key, gone_at=None).exclude(id=target.host_key)
    held = Target.objects.filter(
        host__in=here, is_open=True, state__in=[TargetState.IN_MAINTENANCE, TargetState.NEEDS_PERSON]
    )
    ours = [_return_held(one) for one in held.select_related("run").order_by("order")[:ROOM_MAX]]
    out = HostOut.objects.filter(host=OuterRef("id"), closed_at=None)
    others = here.filter(resource_state__in=MAINTENANCE_STATES).exclude(Exists(out)).order_by("name")
    return ours + [take_back_action(host, attention.run) for host in others[:ROOM_MAX]]


def _return_held(target: Target) -> Action:
    """Somebody has it out, for a reason: whoever wants its room asks first."""
    run, action = target.run, return_action(target.host_key, target.name)
    about = {"host": said(target.name), "number": run.number, "person": run.started_by}
    has = _("%(host)s is out of service by run %(number)s, which %(person)s started: ask first.") % about
    return replace(
        action,
        label=_("Return %(host)s to service…") % about,
        says=f"{has} {action.says}",
        confirm=_("Nobody is working on %(host)s: return it") % about,
    )


def is_foreign(host: Host) -> bool:
    """In maintenance, as last read, and not by us."""
    is_out = host.gone_at is None and host.resource_state in MAINTENANCE_STATES
    return is_out and not HostOut.objects.filter(host=host, closed_at=None).exists()


def take_back_action(host: Host, waiting: Run | None = None) -> Action:
    """Only whoever types the host's name has it returned: somebody may be working on it. `waiting`: the run that goes
    on then."""
    named = {"host": said(host.name), "state": host.resource_state}
    says = (
        _(
            "Others have %(host)s in %(state)s. It goes back into service, and takes instances again once it is seen "
            "Up and Enabled."
        )
        % named
    )
    if waiting is not None and waiting.state in RUN_ACTIVE:
        says += " " + _("Run %(number)s then goes on by itself.") % {"number": waiting.number}
    return Action(
        _("Return %(host)s to service…") % named,
        "refresh",
        reverse("host-take-back", args=[host.id]),
        says,
        confirm=_("Nobody is working on %(host)s: return it") % named,
        asks=_("Type the host's name, %(name)s") % {"name": host.name},
        field=f"name-{host.id}",
    )


def attention_actions(attention: Attention) -> list[Action]:
    """Whoever takes it is named to everybody; closing it by hand asks why."""
    found = []
    if not attention.taken_by:
        found.append(take_action(attention))
    is_over = attention.run is not None and RunState(attention.run.state) in RUN_ENDED
    closing = Action(
        _("Settled…") if attention.cause == Cause.SERVER_FAILED and is_over else _("Close…"),
        "right",
        reverse("attention-resolve", args=[attention.id]),
        _("It leaves the list. Nothing else is done: to what it is about, or to the run."),
        confirm=_("Close it, with this reason"),
        asks=_("Why is it settled?"),
        field=f"reason-{attention.id}",
    )
    return [*found, closing]


def take_action(attention: Attention) -> Action:
    url = reverse("attention-take", args=[attention.id])
    return Action(_("I take it"), "user", url, _("Everybody sees that you have it."))
