"""What a failure would lead to now, and what is going wrong, of one VM of a run."""

from django.utils.translation import gettext as _

from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import TARGET_ENDED, RunKind, Stage
from maintenance.models import Run, Step, Target


def if_it_fails(target: Target, current: Step | None) -> str:
    """What a failure now would lead to."""
    match current.stage if current else target.next_stage:
        case Stage.PATCH_COPY | Stage.PATCH_BACK_UP:
            return _("If it fails now, nothing was changed: it runs on as it is.")
        case Stage.PATCH_ROLL_BACK:
            return _(
                "The backup is kept. If this fails, a person is asked for, with the path and the commands."
            )
        case Stage.ROUTER_START if target.run.way != RestartWay.SERIAL:
            return _("If the new one does not come up, it is removed; this one serves all the time.")
        case Stage.ROUTER_STOP | Stage.ROUTER_START | Stage.ROUTER_SWITCH | Stage.ROUTER_VERIFY:
            return _("If it fails now, the previous router is started, and serves again with all its rules.")
        case Stage.ROUTER_ADD_BACKUP:
            return _("If it fails now, the network keeps the new router, and has no second one.")
        case Stage.ROUTER_SWITCH_BACK:
            return _("If this fails, a person is asked for, with the commands.")
        case Stage.ROUTER_REAPPLY:
            return _("Nothing is replaced or stopped. If it fails, the router runs on as it is.")
        case _:
            return _(
                "If it fails now, the previous version is put back, restarted and probed. The backup is kept until "
                "then."
            )


def trouble(run: Run, target: Target) -> str:
    """It is on its way back, or was stopped by a person."""
    if target.state in TARGET_ENDED:
        return ""
    if target.failing and run.kind == RunKind.ROUTER_RESTART:
        return _("The previous router takes over again: %(why)s") % {"why": target.failing}
    if target.failing:
        return _("It is being put back: %(why)s") % {"why": target.failing}
    if target.cancelling and run.kind == RunKind.ROUTER_RESTART:
        return _("Stopped by a person: the previous router stays, or the new one is finished.")
    if target.cancelling:
        return _("Stopped by a person: it is left as it is, or finished, never in between.")
    return ""
