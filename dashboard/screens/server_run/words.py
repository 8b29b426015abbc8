"""The words of a server's way: its stages, and where it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from maintenance.domain.states import RunKind, Stage

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

STAGES: "Mapping[str, StrPromise]" = {
    Stage.SERVER_PREPARE: gettext_lazy("Prepare for maintenance"),
    Stage.SERVER_PREPARE_SHUTDOWN: gettext_lazy("Prepare for shutdown"),
    Stage.SERVER_SHUT_DOWN: gettext_lazy("Shut down"),
    Stage.SERVER_COME_BACK: gettext_lazy("Come back"),
    Stage.SERVER_CANCEL: gettext_lazy("Cancel maintenance"),
    Stage.SERVER_CANCEL_SHUTDOWN: gettext_lazy("Cancel shutdown"),
    Stage.SERVER_SETTLE: gettext_lazy("Settle"),
}
# What happens in a stage, said beneath it before it begins.
HAPPENS: "Mapping[str, StrPromise]" = {
    Stage.SERVER_PREPARE: gettext_lazy("jobs end, agents leave"),
    Stage.SERVER_PREPARE_SHUTDOWN: gettext_lazy("jobs end, agents stay"),
    Stage.SERVER_SHUT_DOWN: gettext_lazy("its process ends"),
    Stage.SERVER_COME_BACK: gettext_lazy("its process starts and answers"),
    Stage.SERVER_CANCEL: gettext_lazy("Up again, agents come home"),
    Stage.SERVER_CANCEL_SHUTDOWN: gettext_lazy("Up again, takes jobs"),
    Stage.SERVER_SETTLE: gettext_lazy("watched before the next one’s turn"),
}
# The whole way of each kind of run, when nothing goes wrong and nobody chooses otherwise.
WAYS: Mapping[str, tuple[Stage, ...]] = {
    RunKind.SERVER_RESTART: (
        Stage.SERVER_PREPARE,
        Stage.SERVER_SHUT_DOWN,
        Stage.SERVER_COME_BACK,
        Stage.SERVER_CANCEL,
        Stage.SERVER_SETTLE,
    ),
    RunKind.SERVER_MAINTENANCE: (Stage.SERVER_PREPARE, Stage.SERVER_CANCEL),
    RunKind.SERVER_SHUTDOWN: (Stage.SERVER_PREPARE_SHUTDOWN, Stage.SERVER_SHUT_DOWN),
}


def stage_word(stage: str) -> str:
    """A stage as people read it; one that nobody knows by its own name."""
    return str(STAGES.get(stage, stage))
