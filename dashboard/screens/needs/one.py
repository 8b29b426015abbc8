"""One thing that needs a person: its cause, its last output, the host as it is now, what Pitstop does about it by
itself, and what can safely be done."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action
from dashboard.screens.host.now import host_now
from dashboard.screens.marks import NEEDS_PERSON
from dashboard.screens.needs.actions import UP, next_actions
from dashboard.screens.needs.causes import CauseWords, cause_words_of
from dashboard.screens.needs.list import need_url
from dashboard.screens.needs.parts import HostStands, NeedHead, NeedPage, Related, Standing, Story
from dashboard.screens.needs.room import RoomNow, room_now
from dashboard.screens.needs.seen import ENGINE_ID
from dashboard.screens.needs.seen_page import cloud_page, engine_page
from dashboard.screens.needs.servers import ServersNow, servers_now
from dashboard.screens.needs.settled import reason_given, settled_by, since_settled
from dashboard.screens.patch_run.now import vm_now
from dashboard.screens.patch_run.stops import replacement
from dashboard.screens.run.now import output_url
from dashboard.screens.run.printed import tail
from dashboard.screens.run.problems import failed_step
from dashboard.screens.run.resumed import nothing_moves, waiting_names
from dashboard.screens.runs.name import run_mark, run_name, run_url, target_mark
from dashboard.screens.server_run.now import server_now
from dashboard.screens.words import listing, said
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ENDED,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
)
from maintenance.engine.attention import WAITS, Cause
from maintenance.models import Attention, Cloud, Run, Step, SystemVm, Target

OTHERS_MAX = 5
LINES_MAX = 20


@dataclass(frozen=True)
class _Written:
    """What an engine wrote down."""

    attention: Attention
    role: str
    engine: None = None

    @cached_property
    def others(self) -> list[Attention]:
        """What else is open about the same run: one matter often has several ends."""
        if self.attention.run is None:
            return []
        of_run = Attention.objects.filter(resolved_at=None, run=self.attention.run)
        return list(of_run.exclude(id=self.attention.id).order_by("since")[:OTHERS_MAX])

    @cached_property
    def head(self) -> NeedHead:
        return _head(self.attention, self.others)

    @cached_property
    def story(self) -> Story:
        return _story(self.attention)

    @cached_property
    def standing(self) -> Standing:
        return _standing(self.attention, self.others)

    @cached_property
    def actions(self) -> list[Action]:
        return next_actions(self.attention, self.role)

    @cached_property
    def servers(self) -> ServersNow | None:
        return servers_now(self.attention)

    @cached_property
    def room(self) -> RoomNow | None:
        return room_now(self.attention)


def need_page(need_id: UUID, role: str) -> NeedPage | None:
    """None: nothing has this id."""
    if need_id == ENGINE_ID:
        return engine_page(role)
    attention = (
        Attention.objects.select_related("run__cloud", "target", "host", "server__cloud")
        .filter(id=need_id)
        .first()
    )
    if attention is not None:
        return _Written(attention, role)
    cloud = Cloud.objects.filter(id=need_id).first()
    return cloud_page(cloud) if cloud is not None else None


# ---- what an engine wrote down ------------------------------------------------------------------------------------


def _head(attention: Attention, open_again: Collection[Attention]) -> NeedHead:
    run = attention.run
    is_open = attention.resolved_at is None
    drawn = NEEDS_PERSON
    if not is_open:
        then, drawn = since_settled(attention, open_again)
    elif attention.taken_by:
        then = _("%(person)s has it.") % {"person": attention.taken_by}
    else:
        then = _("Nobody has it yet.")
    return NeedHead(
        says=f"{attention.title}.",
        then=then,
        title=attention.title if is_open else _("Settled: %(title)s") % {"title": attention.title},
        mark=drawn,
        cause=str(cause_words_of(attention.cause).name),
        since=attention.since,
        since_words=_("since"),
        run_number=run.number if run else None,
        run_name=run_name(run) if run else "",
        run_url=run_url(run) if run else "",
        resolved_at=attention.resolved_at,
        settled_by=settled_by(attention, why="" if is_open else reason_given(attention)),
    )


def _story(attention: Attention) -> Story:
    words = cause_words_of(attention.cause)
    run, target = attention.run, attention.target
    step = _last_script(target) if target is not None and attention.cause not in WAITS else None
    is_told_live = attention.cause == Cause.NO_ROOM and attention.resolved_at is None  # its table says it all
    is_open = attention.resolved_at is None
    return Story(
        message="" if is_told_live else attention.message,
        means=str(words.means) if is_open else "",  # it speaks of now
        help=_help(attention, words) if is_open else str(words.help),
        stage=step.stage if step else "",
        host_name=target.name if target else "",
        lines=tail(step, LINES_MAX) if step is not None else [],
        output_url=output_url(run, target.host_key, step.stage) if run and target and step else "",
    )


def _help(attention: Attention, words: CauseWords) -> str:
    """What to do, as the host is now."""
    host = attention.host
    if attention.cause == Cause.HOST_NOT_BACK and host is not None and host.state == UP:
        return _("Its agent is Up: look whether the machine is well, then return it to service here.")
    run = attention.run
    if attention.cause == Cause.SERVER_FAILED and run is not None and RunState(run.state) in RUN_ENDED:
        return _(
            "Its run is over, and the server is Up as before. Set right what kept it, then prepare it again: with "
            "“Forced” it goes on when its window ends, and jobs left are cut off; a longer window is set "
            "with the settings of agents."
        )
    return str(words.help)


def _last_script(target: Target) -> Step | None:
    """Whose last lines say most: of the stage that failed, or of the last script where no script failed."""
    failed = failed_step(target)
    if failed is not None and failed.stage in STAGES:
        return failed
    return (
        Step.objects.filter(target=target, stage__in=STAGES).exclude(started=None).order_by("started").last()
    )


def _standing(attention: Attention, others: Collection[Attention]) -> Standing:
    run, target = attention.run, attention.target
    hosts = []
    if attention.server_id is not None:
        hosts.append(_server(attention.server_id, attention, _in_run(run, target) if target else ""))
    if attention.system_vm_id is not None:
        hosts += _system_vms(attention.system_vm_id, attention, _in_run(run, target) if target else "")
    if attention.host_id is not None and (target is None or attention.host_id != target.host_id):
        way = _("in the way") if attention.resolved_at is None else _("was in the way")
        name = attention.host.name if attention.host else str(attention.host_id)
        hosts.append(_host(name, attention.host_id, way, None))
    if target is not None and target.host_id is not None:
        hosts.append(_host(target.name, target.host_key, _in_run(run, target), target))
    return Standing(
        hosts=hosts,
        run_mark=run_mark(run) if run else None,
        run_url=run_url(run) if run else "",
        run_number=run.number if run else None,
        meanwhile=_meanwhile(attention, cause_words_of(attention.cause)),
        others=[Related(one.title, need_url(one.id)) for one in others],
    )


def _host(name: str, host_id: UUID, says: str, target: Target | None) -> HostStands:
    return HostStands(name, reverse("host", args=[host_id]), says, host_now(host_id, target))


def _server(server_id: UUID, attention: Attention, says: str) -> HostStands:
    name = attention.target.name if attention.target else attention.server.name if attention.server else ""
    now = server_now(server_id)
    return HostStands(name or str(server_id), reverse("server", args=[server_id]), says, now)


def _system_vms(vm_id: UUID, attention: Attention, says: str) -> list[HostStands]:
    """It, and the router that was started in its place, as long as a cloud lists that."""
    target = attention.target
    name = target.name if target else str(vm_id)
    found = [HostStands(name, reverse("system-vm", args=[vm_id]), says, vm_now(vm_id))]
    started = (
        target.steps.filter(stage=Stage.ROUTER_START).order_by("attempt", "round").last() if target else None
    )
    new = replacement(started)
    if new is not None and new.id and SystemVm.objects.filter(id=new.id, gone_at=None).exists():
        words = _("started in its place")
        found.append(HostStands(new.name, reverse("system-vm", args=[new.id]), words, vm_now(UUID(new.id))))
    return found


def _in_run(run: Run | None, target: Target) -> str:
    if run is None:
        return ""
    drawn = target_mark(target).word
    return _("in run %(number)s: %(state)s") % {"number": run.number, "state": drawn}


def _meanwhile(attention: Attention, words: CauseWords) -> list[str]:
    if attention.resolved_at is not None:
        return [_after(attention.run)] if attention.run else []
    found = [str(words.meanwhile)]
    if attention.run is not None and (doing := _run_does(attention.run, attention.target)):
        found.append(doing)
    return found


def _after(run: Run) -> str:
    state = run_mark(run).word
    return _("Run %(number)s is %(state)s now.") % {"number": run.number, "state": state.lower()}


def _run_does(run: Run, target: Target | None) -> str:
    numbered = {"number": run.number}
    if run.kind in OVER_SERVERS:
        return _server_run_does(run)
    if run.kind in OVER_SYSTEM_VMS:
        return _restart_run_does(run) if run.kind == RunKind.ROUTER_RESTART else _patch_run_does(run)
    if run.state == RunState.PAUSED:
        return _("Run %(number)s is paused: nothing starts until somebody resumes or retries.") % numbered
    if run.pausing:
        return _("Run %(number)s pauses: hosts at work finish, then nothing starts.") % numbered
    if run.state == RunState.STOPPING:
        return _("Run %(number)s is stopping: hosts that are out come back first.") % numbered
    if nothing_moves(run):
        held = [said(name) for name in waiting_names(run)]
        words = ngettext(
            "Nothing moves in run %(number)s: %(hosts)s waits, and nothing starts before.",
            "Nothing moves in run %(number)s: %(hosts)s wait, and nothing starts before.",
            len(held),
        )
        return words % {**numbered, "hosts": listing(held)}
    if run.state in {RunState.QUEUED, RunState.RUNNING}:
        if target is not None and target.state in TARGET_WAITING:
            waits = numbered | {"host": said(target.name)}
            return _("%(host)s waits in run %(number)s; its other hosts go on where they can.") % waits
        return _("Run %(number)s goes on.") % numbered
    return _("Run %(number)s is over.") % numbered


def _server_run_does(run: Run) -> str:
    numbered = {"number": run.number}
    if RunState(run.state) in RUN_ENDED:
        return _("Run %(number)s is over.") % numbered
    if run.state == RunState.PAUSED:
        return (
            _("Run %(number)s is paused: no further server is taken until somebody resumes or retries.")
            % numbered
        )
    if run.pausing:
        return _("Run %(number)s pauses: the server at work finishes, then nothing starts.") % numbered
    if run.state == RunState.STOPPING:
        return _("Run %(number)s is stopping: a server that is away comes back first.") % numbered
    return _("Run %(number)s goes on.") % numbered


def _patch_run_does(run: Run) -> str:
    numbered = {"number": run.number}
    if RunState(run.state) in RUN_ENDED:
        return _("Run %(number)s is over.") % numbered
    if run.state == RunState.PAUSED:
        return (
            _("Run %(number)s is paused: no further VM is begun until somebody resumes or retries.")
            % numbered
        )
    if run.pausing:
        return _("Run %(number)s pauses: what is at work is finished or rolled back.") % numbered
    if run.state == RunState.STOPPING:
        return _("Run %(number)s is stopping: what is at work is finished or rolled back.") % numbered
    return _("Run %(number)s goes on.") % numbered


def _restart_run_does(run: Run) -> str:
    numbered = {"number": run.number}
    if RunState(run.state) in RUN_ENDED:
        return _("Run %(number)s is over.") % numbered
    if run.state == RunState.PAUSED:
        return (
            _("Run %(number)s is paused: no further router is begun until somebody resumes or retries.")
            % numbered
        )
    if run.pausing:
        return _("Run %(number)s pauses: the router at work is finished first.") % numbered
    if run.state == RunState.STOPPING:
        return (
            _("Run %(number)s is stopping: what is at work is finished, or the old router serves on.")
            % numbered
        )
    return _("Run %(number)s goes on.") % numbered
