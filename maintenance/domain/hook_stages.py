"""The four stages of a host's maintenance in which a hook script may run, in order."""

from enum import StrEnum


class HookStage(StrEnum):
    """Names as CloudStack spells them: they are also the names of the script files."""

    PREFLIGHT = "PreFlight"
    PRE_MAINTENANCE = "PreMaintenance"
    MAINTENANCE = "Maintenance"
    POST_MAINTENANCE = "PostMaintenance"


STAGES: tuple[HookStage, ...] = tuple(HookStage)
