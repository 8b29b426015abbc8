"""Why a person is needed, in the few words that can be read across a room."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dashboard.screens.needs.causes import CLOUD_UNREAD, ENGINE_SILENT, ORDER
from maintenance.engine.attention import Cause

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

_WORDS: "Mapping[str, StrPromise]" = {
    ENGINE_SILENT: _("none answers"),
    CLOUD_UNREAD: _("not read"),
    Cause.NO_SERVER_UP: _("no server Up"),
    Cause.SERVER_DOWN: _("died"),
    Cause.HOST_NOT_BACK: _("not back in service"),
    Cause.INSTANCE_LOST: _("instances not running"),
    Cause.STAGE_FAILED: _("stage failed"),
    Cause.PREFLIGHT_FAILED: _("PreFlight failed"),
    Cause.FOREIGN_MAINTENANCE: _("taken by others"),
    Cause.NO_ROOM: _("no room for its VMs"),
    Cause.SLOT_TAKEN: _("waits for others"),
    Cause.UNSETTLED: _("instances not settled"),
    Cause.SERVER_NOT_BACK: _("not back"),
    Cause.SERVER_STUCK: _("cannot get ready"),
    Cause.SERVER_FAILED: _("maintenance failed"),
    Cause.RUN_PAUSED: _("waits to be resumed"),
}
FAILED = frozenset(
    {
        Cause.NO_SERVER_UP,
        Cause.SERVER_DOWN,
        Cause.HOST_NOT_BACK,
        Cause.INSTANCE_LOST,
        Cause.STAGE_FAILED,
        Cause.PREFLIGHT_FAILED,
        Cause.SERVER_NOT_BACK,
        Cause.SERVER_FAILED,
    }
)


def cause_said(cause: str) -> str:
    """Also of a cause that an earlier or later release wrote."""
    return str(_WORDS.get(cause, _("needs a person")))


def rank_of(cause: str) -> int:
    """The worst first."""
    return ORDER.get(cause, len(ORDER))
