"""What management servers are called, also those that are gone."""

import time
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from dashboard.screens.words import said
from maintenance.models import ManagementServer

KEPT_S = 10.0


@dataclass
class _Names:
    by_id: dict[str, str] = field(default_factory=dict)
    nobody: set[str] = field(default_factory=set)  # asked for, and not found
    at: float = float("-inf")


_names = _Names()


def server_name(server_id: str) -> str:
    """Looked up once in KEPT_S seconds, whoever asks, and when one is asked for that nobody knows yet."""
    is_old = time.monotonic() - _names.at > KEPT_S
    if is_old or (server_id not in _names.by_id and server_id not in _names.nobody):
        _names.by_id = {str(key): name for key, name in ManagementServer.objects.values_list("id", "name")}
        _names.nobody, _names.at = {server_id} - _names.by_id.keys(), time.monotonic()
    name = _names.by_id.get(server_id)
    return said(name) if name else _("one that is not listed")


def forget() -> None:
    """The next one who asks looks it up."""
    _names.at = float("-inf")
