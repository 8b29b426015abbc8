"""The only way in: every page, REST view and compatible command makes one call here.

Each action checks, writes and tells in one transaction, and rings the engine's bell; on any error nothing changed.
"""

from maintenance.actions.attentions import resolve_attention, take_attention
from maintenance.actions.by_hand import prepare_host, return_host
from maintenance.actions.errors import (
    ActionError,
    AllBlocked,
    BadInput,
    Conflict,
    IllegalMove,
    NotFound,
    PlanChanged,
)
from maintenance.actions.planning import compute_plan
from maintenance.actions.requests import StartRequest
from maintenance.actions.start import start_rolling_maintenance
from maintenance.actions.steer import cancel_run, pause_run, resume_run, retry_host, skip_host
from maintenance.actions.take_back import take_back_host

__all__ = [
    "ActionError",
    "AllBlocked",
    "BadInput",
    "Conflict",
    "IllegalMove",
    "NotFound",
    "PlanChanged",
    "StartRequest",
    "cancel_run",
    "compute_plan",
    "pause_run",
    "prepare_host",
    "resolve_attention",
    "resume_run",
    "retry_host",
    "return_host",
    "skip_host",
    "start_rolling_maintenance",
    "take_attention",
    "take_back_host",
]
