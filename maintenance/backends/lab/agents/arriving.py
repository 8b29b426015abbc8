"""What arrives at the lab's API about agent balance. Delivered twice it does no harm."""

from datetime import datetime

from maintenance.backends.base import Expired
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.agents.moves import send_home
from maintenance.backends.lab.agents.settings import change_settings
from maintenance.backends.lab.agents.settling import settle_locked
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import BalanceChange


def accept_change(door: Door, config: LabConfig, change: BalanceChange, expires_at: datetime) -> None:
    """The settings are what was asked, at once. Raises: Never, Expired."""
    with agents_locked(door):
        now = _arrived(door, expires_at)
        settle_locked(door, config, now)
        change_settings(door, config, change, now)


def accept_rebalance(door: Door, config: LabConfig, expires_at: datetime) -> None:
    """Every agent was sent its list and goes home. Raises: Expired."""
    with agents_locked(door):
        send_home(door, config, _arrived(door, expires_at))


def _arrived(door: Door, expires_at: datetime) -> datetime:
    now = door.now()
    if now > expires_at:
        raise Expired(f"the request expired at {expires_at:%H:%M:%S.%f}; it arrived too late")
    return now
