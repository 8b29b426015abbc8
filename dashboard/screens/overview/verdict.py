"""The overview's first sentence: what is so, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.census import Census, census
from dashboard.screens.fleet import service_counts
from dashboard.screens.marks import DOWN, TAKEN, UNKNOWN, Mark, mark, moving
from dashboard.screens.needs.causes import ENGINE_SILENT
from dashboard.screens.needs.list import need_words
from dashboard.screens.needs.seen import seen_now
from dashboard.screens.needs.waiting import open_needs
from dashboard.screens.run.outlook import held_runs
from dashboard.screens.servers.down import ServerTrouble, TroubledServer, server_trouble
from dashboard.screens.words import count, listing, spelled
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind, RunState
from maintenance.models import Cloud, Run, Target


@dataclass(frozen=True, slots=True)
class Verdict:
    """`servers`: management servers that make the first sentence what it is."""

    says: str
    then: str
    title: str
    mark: Mark
    censuses: list[Census]
    servers: Sequence[TroubledServer] = ()


def verdict() -> Verdict:
    clouds = list(Cloud.objects.order_by("name"))
    active = list(Run.objects.filter(state__in=RUN_ACTIVE))
    trouble = server_trouble() if clouds else None
    says, then, drawn = _says(clouds, active, trouble)
    censuses = [census(cloud, [run.id for run in active]) for cloud in clouds if cloud.read_at]
    return Verdict(
        says, then, says.removesuffix("."), drawn, censuses, trouble.servers if trouble is not None else ()
    )


def _says(clouds: list[Cloud], runs: list[Run], trouble: ServerTrouble | None) -> tuple[str, str, Mark]:
    """What takes away the ground comes first: no cloud, no engine, nothing that is known, management servers."""
    if not clouds:
        return _("No cloud is connected yet."), _("Nothing can be shown before one is."), UNKNOWN
    seen = seen_now()
    needs = open_needs().count()
    people = need_words(needs) if needs else ""
    if any(one.cause == ENGINE_SILENT for one in seen):
        return _("No engine answers."), _("Nothing moves until one does."), UNKNOWN
    now = timezone.now()
    if trouble is not None and trouble.is_nobody_up:
        return trouble.says, people or trouble.then, trouble.mark
    if unknown := [cloud for cloud in clouds if not cloud.is_known(now)]:
        return _not_known(unknown), people or _("What is shown is the last that was known."), UNKNOWN
    if trouble is not None:
        return trouble.says, people or trouble.then, trouble.mark
    begun = Target.objects.filter(is_open=True, state__in=TARGET_BEGUN)
    at_work, servers_at_work, vms_at_work = (
        begun.exclude(**{f"{over}__isnull": True}).count() for over in ("host", "server", "system_vm")
    )
    drawn = (
        mark("NeedsPerson") if needs else moving(_("At work")) if runs else Mark("Done", _("Quiet"), "done")
    )
    if at_work:
        says = ngettext("%(n)s host is at work.", "%(n)s hosts are at work.", at_work) % {
            "n": spelled(at_work)
        }
        return says, people or _("Nothing needs a person."), drawn
    if servers_at_work:
        says = ngettext(
            "%(n)s management server is at work.", "%(n)s management servers are at work.", servers_at_work
        )
        return says % {"n": spelled(servers_at_work)}, people or _("Nothing needs a person."), drawn
    if vms_at_work:
        restarted = begun.filter(run__kind=RunKind.ROUTER_RESTART).count()
        says = ngettext(
            "%(n)s system VM is being patched.", "%(n)s system VMs are being patched.", vms_at_work
        )
        if restarted == vms_at_work:
            says = ngettext(
                "%(n)s router is being restarted.", "%(n)s routers are being restarted.", vms_at_work
            )
        elif restarted:
            says = ngettext("%(n)s system VM is at work.", "%(n)s system VMs are at work.", vms_at_work)
        return says % {"n": spelled(vms_at_work)}, people or _("Nothing needs a person."), drawn
    if runs:
        return _with_nobody_at_work(runs, people, drawn)
    if needs:
        return people, _("No run is in progress."), drawn
    return _at_rest()


def _with_nobody_at_work(runs: list[Run], people: str, drawn: Mark) -> tuple[str, str, Mark]:
    """Runs that stand still are not told as if they went on."""
    paused = sum(run.state == RunState.PAUSED for run in runs)
    held = len(held_runs(runs))
    number = {"n": spelled(len(runs))}
    if paused == len(runs):
        says = ngettext("%(n)s run is paused.", "%(n)s runs are paused.", paused) % number
        stands = mark(RunState.PAUSED)
        return says, people or _("Nothing starts until somebody resumes."), drawn if people else stands
    if held == len(runs):
        says = ngettext("%(n)s run is held.", "%(n)s runs are held.", held) % number
        stands = Mark("Waiting", _("Held"), "waiting")
        return says, people or _("The hosts whose turn it is have to wait."), drawn if people else stands
    says = ngettext("%(n)s run is in progress", "%(n)s runs are in progress", len(runs)) % number
    of_them = []
    if paused:
        words = ngettext("%(n)s of them is paused", "%(n)s of them are paused", paused)
        of_them.append(words % {"n": spelled(paused).lower()})
    if held:
        words = ngettext("%(n)s of them is held", "%(n)s of them are held", held)
        of_them.append(words % {"n": spelled(held).lower()})
    says = (
        _("%(runs)s, %(of_them)s.") % {"runs": says, "of_them": listing(of_them)} if of_them else f"{says}."
    )
    return says, people or _("No host is at work just now."), drawn


def _not_known(clouds: list[Cloud]) -> str:
    names = listing([cloud.name for cloud in clouds])
    if all(cloud.read_at is None for cloud in clouds):
        return ngettext(
            "%(clouds)s has not been read yet.", "%(clouds)s have not been read yet.", len(clouds)
        ) % {"clouds": names}
    return ngettext("%(clouds)s cannot be read.", "%(clouds)s cannot be read.", len(clouds)) % {
        "clouds": names
    }


def _at_rest() -> tuple[str, str, Mark]:
    """No run, nothing that needs a person: quiet only when every host is in service."""
    total, good, down = service_counts()
    if good == total:
        words = (
            _("%(hosts)s in service.") % {"hosts": count(total, "host")} if total else _("No host is listed.")
        )
        return _("All quiet."), words, Mark("Done", _("Quiet"), "done")
    away = total - good
    says = ngettext("%(n)s host is not in service.", "%(n)s hosts are not in service.", away) % {
        "n": spelled(away)
    }
    if down and away > 1:
        then = ngettext("%(n)s of them is down.", "%(n)s of them are down.", down) % {"n": spelled(down)}
    else:
        then = _("No run is in progress.")
    return says, then, DOWN if down else TAKEN
