"""The lab's settings: how long things take. `lab config set NAME VALUE` changes one; tests make all of it instant."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

# What the cloud itself calls some of them.
ALSO_CALLED = {
    "management.server.maintenance.timeout": "maintenance_timeout_min",
    "management.server.maintenance.ignore.maintenance.hosts": "ignore_maintenance_hosts",
    "sysvm.boot.seconds": "system_vm_boot_s",
}
NEVER = -1.0  # as seconds until a server is started again
WORDS = {"true": 1, "false": 0}


class UnknownSetting(Exception):
    """There is no lab setting of that name."""


class BadValue(Exception):
    """The value does not fit the setting."""


@dataclass(frozen=True, slots=True)
class LabConfig:
    """Seconds, unless the name says otherwise; the defaults let a demo host drain in 5–8 s."""

    time_scale: float = 1.0  # 10 lets ten seconds of the lab pass in one of ours
    prepare_s: float = (
        0.3  # from the accepted prepare to its job's end, when the first instance starts moving
    )
    move_s_per_gb: float = 0.09
    move_min_s: float = 0.5
    move_retry_s: float = 1.0  # an instance that fits nowhere is tried again after this
    move_tries_max: int = 300  # then the host is ErrorInMaintenance
    cancel_s: float = 0.3
    listing_age_min_s: float = 1.0  # a listing is kept for a random time between these two
    listing_age_max_s: float = 5.0
    look_age_s: float = 0.0  # look_at_host and look_at_cluster may be this stale
    call_latency_s: float = 0.01  # of look_at_host and look_at_cluster
    agent_move_s: float = 0.15  # an agent is handed over to another management server in this time
    agent_reconnect_s: float = 0.3  # one whose server is gone has another after this
    boot_grace_s: float = 0.2  # from the reboot's request to the moment everything on the host is killed
    boot_back_s: float = 3.0  # from there until the agent is back
    start_s: float = 1.0  # an instance that is started is Running after this; the same for stopping
    maintenance_timeout_min: float = 60.0  # minutes of the lab: a management server's window to prepare in
    ignore_maintenance_hosts: int = 0  # 1: agents of hosts in a maintenance state do not hold their server
    server_autostart_s: float = (
        3.0  # a server that went down is started again after this; `never`: by a person
    )
    server_start_s: float = 1.0  # from the order to start a server until its process runs
    can_start_servers: int = 1  # 0: the cloud's operator has not said how its servers are started
    stop_tasks_s: float = 0.05  # a server's background tasks and listener take this to stop
    start_tasks_s: float = 0.2  # and this to start, once it is Up again
    virtual_script_s: float = 1.0  # how long a simulated script takes
    virtual_failure_rate: float = 0.0  # share of simulated Maintenance scripts that fail
    virtual_patch_step_s: float = (
        0.2  # how long each step of a simulated system VM's patch takes, and its boot
    )
    system_vm_boot_s: float = 3.0  # from the order to start a system VM until it runs
    random_fault_rate: float = 0.0  # share of calls answered wrongly at random (faults.py)
    random_fault_seed: int = 0

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "LabConfig":
        """The defaults with what was changed; names of an older version are ignored."""
        own = {ALSO_CALLED[name]: value for name, value in kept.items() if name in ALSO_CALLED} | dict(kept)
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in own.items() if name in known})

    def scaled(self, seconds: float) -> float:
        """Seconds of the lab in seconds of the database's clock."""
        return seconds / self.time_scale


def parse_setting(name: str, text: str) -> float | int:
    """The value for one setting. Raises: UnknownSetting naming those there are, BadValue."""
    name = ALSO_CALLED.get(name, name)
    kinds = {field.name: field.type for field in fields(LabConfig)}
    if name not in kinds:
        raise UnknownSetting(f"no lab setting {name!r}; there are {', '.join(sorted(kinds))}")
    if name == "server_autostart_s" and text in ("never", "-1"):
        return NEVER
    is_whole = kinds[name] in (int, "int")
    try:
        value: float | int = int(WORDS.get(text.lower(), text)) if is_whole else float(text)
    except ValueError:
        raise BadValue(f"{name} is a number; {text!r} is none") from None
    if not 0 <= value < 1e9 or (name in ("time_scale", "maintenance_timeout_min") and value == 0):
        raise BadValue(f"{name} cannot be {text}")
    return value


def as_typed(name: str, value: float) -> str:
    """A setting's value as a person types it."""
    return "never" if name == "server_autostart_s" and value == NEVER else f"{value:g}"


def kept_name(name: str) -> str:
    """Under which name a setting is kept: the cloud's, where it has one."""
    return next((clouds for clouds, own in ALSO_CALLED.items() if own == name), name)
