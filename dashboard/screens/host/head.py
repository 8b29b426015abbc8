"""A host's first lines: one sentence that says what is so, what follows from it, and the facts beneath."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.actions import too_low
from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import DISABLED, DOWN, IN_SERVICE, NEEDS_PERSON, TAKEN, UNKNOWN, Mark
from dashboard.screens.places.head import Fact, Start
from dashboard.screens.places.kinds import CLUSTER, POD, ZONE, Link, link_to, new_run_url
from dashboard.screens.run.head import by_hand_sentence
from dashboard.screens.run.problems import cause_words, failed_step
from dashboard.screens.servers.blocked import why_blocked
from dashboard.screens.words import said
from maintenance.domain.states import TARGET_BEGUN, TARGET_WAITING, RunKind, TargetState
from maintenance.models import Cluster

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, slots=True)
class HostHead:
    says: str
    then: str
    mark: Mark
    title: str
    name: str
    parents: list[Link]
    facts: list[Fact]
    cloud: UUID
    read_at: datetime | None
    as_of: datetime | None
    run_number: int | None
    run_url: str


def host_head(at: Standing) -> HostHead:
    host = at.host
    says, then = _sentence(at)
    run = at.target.run if at.target else at.out.run if at.out else None
    return HostHead(
        says=says,
        then=then,
        mark=at.mark,
        title=f"{at.mark.word}: {said(host.name)}",
        name=host.name,
        parents=parents(host.cluster),
        facts=_facts(at),
        cloud=host.cloud_id,
        read_at=host.seen_at,
        as_of=host.cloud.as_of,
        run_number=run.number if run else None,
        run_url=reverse("run", args=[run.id]) if run else "",
    )


def parents(cluster: Cluster) -> list[Link]:
    return [link_to(ZONE, cluster.pod.zone), link_to(POD, cluster.pod), link_to(CLUSTER, cluster)]


def _facts(at: Standing) -> list[Fact]:
    host, cluster = at.host, at.host.cluster
    server = host.management_server
    return [
        Fact(
            _("Cluster"),
            cluster.name,
            f"{cluster.pod.zone.name} · {cluster.pod.name}",
            CLUSTER.url(cluster.id),
        ),
        Fact(_("Agent"), host.state, host.agent_version),
        Fact(
            _("Resource state"),
            host.resource_state,
            _("cluster %(state)s") % {"state": cluster.allocation_state},
        ),
        Fact(_("Hypervisor"), host.hypervisor, host.kernel_version),
        Fact(
            _("Size"),
            ngettext("%(n)s core", "%(n)s cores", host.cpu_cores) % {"n": host.cpu_cores},
            _("%(gb)s GB memory") % {"gb": f"{host.memory_mb / 1024:.0f}"},
        ),
        Fact(_("Management server"), server.name if server else _("none")),
    ]


def host_start(at: Standing, role: str) -> Start:
    """A rolling maintenance of this host alone."""
    says = _("PreFlight, out of service, your scripts, back, PostMaintenance. You see the plan first.")
    disabled = too_low(role)
    if at.host.gone_at is not None:
        disabled = disabled or _("The cloud no longer lists this host.")
    if at.target is not None:
        run = at.target.run
        disabled = disabled or _("Run %(number)s (started by %(by)s) has this host.") % {
            "number": run.number,
            "by": run.started_by,
        }
    return Start(new_run_url("hosts", [at.host.id]), says, disabled or why_blocked(at.host.cloud_id))


# ---- the sentence ------------------------------------------------------------------------------------------------


def _sentence(at: Standing) -> tuple[str, str]:
    host = {"host": said(at.host.name), "cloud": at.host.cloud.name}
    if at.host.gone_at is not None:
        return _("%(host)s is no longer listed.") % host, _(
            "%(cloud)s does not know this host any more."
        ) % host
    if at.target is not None and at.target.run.kind == RunKind.HOST:
        return by_hand_sentence(at.target.run, at.target)
    if at.target is not None and at.target.state in TARGET_BEGUN:
        return str(_BEGUN[TargetState(at.target.state)]) % host, _where_it_is(at)
    if at.mark == UNKNOWN:
        return (
            _("%(host)s is not known.") % host,
            _("%(cloud)s cannot be read; below is the last that was known.") % host,
        )
    if at.mark == NEEDS_PERSON:
        return _("%(host)s needs a person.") % host, _("We took it out of service and have not seen it back.")
    if at.mark == TAKEN:
        return (
            _("%(host)s is out of service.") % host,
            f"{_('Others took it out: Pitstop never touches it.')} {_how_it_is_in_run(at)}".strip(),
        )
    if at.mark == IN_SERVICE:
        return _("%(host)s is in service.") % host, _how_it_is_in_run(at)
    if at.mark == DISABLED:
        return _("%(host)s is disabled.") % host, _(
            "Somebody disabled it at the cloud; it takes no instances."
        )
    states = host | {"state": at.host.state, "resource_state": at.host.resource_state}
    then = _("Its agent does not answer.") if at.mark == DOWN else ""
    return _("%(host)s is %(state)s and %(resource_state)s.") % states, then


_BEGUN: "Mapping[TargetState, StrPromise]" = {
    TargetState.PREPARING: gettext_lazy("%(host)s is preparing."),
    TargetState.DRAINING: gettext_lazy("%(host)s is draining."),
    TargetState.WORKING: gettext_lazy("%(host)s is working."),
    TargetState.IN_MAINTENANCE: gettext_lazy("%(host)s is working."),
    TargetState.RETURNING: gettext_lazy("%(host)s is returning."),
    TargetState.VERIFYING: gettext_lazy("%(host)s is verifying."),
}


def _where_it_is(at: Standing) -> str:
    assert at.target is not None
    is_out = at.target.out_at is not None and at.target.back_at is None
    return _("It is out of service.") if is_out else _("It is in service.")


def _how_it_is_in_run(at: Standing) -> str:
    """Of a host in service that a run has: whether its turn is still to come, or it failed there."""
    if at.target is None:
        return ""
    run = {"number": at.target.run.number}
    if at.target.state in TARGET_WAITING:
        return _("It waits for its turn in run %(number)s.") % run
    if at.target.state == TargetState.CHECKING:
        return _("Its PreFlight runs for run %(number)s.") % run
    if at.target.state == TargetState.FAILED:
        why = cause_words(at.target.detail, failed_step(at.target))
        if why:
            return _("It failed in run %(number)s: %(why)s.") % (run | {"why": why})
        return _("It failed in run %(number)s.") % run
    return ""
