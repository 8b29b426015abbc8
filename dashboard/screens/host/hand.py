"""What may be done to a host by hand, outside any run: put into maintenance, return to service."""

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, for_role
from dashboard.screens.census import RUNNING
from dashboard.screens.host.head import host_start
from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import OUT_OF_SERVICE
from dashboard.screens.places.head import Start
from dashboard.screens.run.actions import after_flagged_words
from dashboard.screens.runs.usual import usual_ranges
from dashboard.screens.servers.blocked import why_blocked
from dashboard.screens.words import figure, said
from maintenance.domain.states import TARGET_BEGUN, Stage, TargetState
from maintenance.engine.attention import Cause
from maintenance.models import Attention, Instance


@dataclass(frozen=True, slots=True)
class ByHand:
    actions: list[Action]
    start: Start


def by_hand(at: Standing, role: str) -> ByHand:
    """Put into maintenance, return to service, a run of its own: what each will do, or why it cannot."""
    need = _waited_for(at)
    actions = for_role([_prepare(at), _return(at, need)], role)
    return ByHand(actions + ([_to_need(at, need)] if need is not None else []), host_start(at, role))


def _prepare(at: Standing) -> Action:
    host, name = at.host, said(at.host.name)
    on_it = Instance.objects.filter(host=host, gone_at=None, state__in=RUNNING).count()
    moves = _moves(on_it, host.cluster.name)
    usual = usual_ranges().get(Stage.DRAIN)
    if usual and on_it:
        moves = _("%(moves)s, usually %(range)s") % {"moves": moves, "range": usual}
    action = Action(
        _("Put into maintenance…"),
        "out",
        reverse("host-prepare", args=[host.id]),
        _("%(moves)s. Then %(host)s is held until a person returns it.") % {"moves": moves, "host": name},
        confirm=_("Take %(host)s out of service") % {"host": name},
        asks=_("Reason"),
        field=f"reason-{host.id}",
    )
    return action.unless(_why_not_out(at))


def _moves(instances: int, cluster: str) -> str:
    if not instances:
        return _("No instance has to move")
    words = ngettext(
        "%(n)s instance moves live to other hosts of %(cluster)s",
        "%(n)s instances move live to other hosts of %(cluster)s",
        instances,
    )
    return words % {"n": figure(instances), "cluster": cluster}


def _why_not_out(at: Standing) -> str:
    host = {
        "host": said(at.host.name),
        "state": at.host.state,
        "resource_state": at.host.resource_state,
    }
    if at.host.gone_at is not None:
        return _("The cloud no longer lists this host.")
    if at.target is not None:
        run = at.target.run
        return _("Run %(number)s, started by %(by)s, has %(host)s.") % (
            host | {"number": run.number, "by": run.started_by}
        )
    if at.out is not None:
        return _("%(host)s is out of service already.") % host
    if at.host.resource_state in OUT_OF_SERVICE:
        return _("%(host)s is %(resource_state)s: taken by others.") % host
    if not at.host.is_known(timezone.now()):
        return _("How the host is now is not known.")
    if not at.host.is_in_service():
        return _("%(host)s is %(state)s and %(resource_state)s, not Up and Enabled.") % host
    return why_blocked(at.host.cloud_id)


def _return(at: Standing, need: UUID | None) -> Action:
    host = {"host": said(at.host.name)}
    usual = usual_ranges().get(Stage.RETURN)
    says = _("%(host)s takes instances again once it is seen Up and Enabled.") % host
    if usual:
        says = _("%(host)s takes instances again once it is seen Up and Enabled, usually %(range)s.") % (
            host | {"range": usual}
        )
    if at.target is not None and at.target.state == TargetState.NEEDS_PERSON:
        says = f"{says} {after_flagged_words(at.target.run)}"
    action = Action(_("Return to service"), "refresh", reverse("host-return", args=[at.host.id]), says)
    return action.unless(_why_not_back(at, need))


def _why_not_back(at: Standing, need: UUID | None) -> str:
    host = {"host": said(at.host.name)}
    if at.target is not None and at.target.state in {TargetState.IN_MAINTENANCE, TargetState.NEEDS_PERSON}:
        return ""
    if at.target is not None and at.target.state in TARGET_BEGUN:
        return _("Run %(number)s is at work on %(host)s and returns it itself.") % (
            host | {"number": at.target.run.number}
        )
    if at.target is None and at.out is not None:
        return ""
    if need is not None:
        return _(
            "Others took it out of service. Return it where it was taken; or, since a run waits for it, take it back "
            "from the page that tells so."
        )
    if at.host.resource_state in OUT_OF_SERVICE:
        return _("Others took it out of service. Return it where it was taken.")
    return _("%(host)s is not out of service by Pitstop.") % host


def _waited_for(at: Standing) -> UUID | None:
    """What needs a person because others took this host, and a run waits for it."""
    asked = Attention.objects.filter(cause=Cause.FOREIGN_MAINTENANCE, host=at.host, resolved_at=None)
    return asked.order_by("since", "id").values_list("id", flat=True).first()


def _to_need(at: Standing, need: UUID) -> Action:
    return Action(
        _("A run waits for %(host)s: what to do") % {"host": said(at.host.name)},
        "right",
        reverse("need", args=[need]),
        _("Tells who waits, and takes it back for whoever types its name. Nothing happens before."),
        is_link=True,
    )
