"""A host that was just looked at: the inventory says so at once, rather than when the next listing comes."""

from maintenance.backends.base import HostRead
from maintenance.clock import database_now
from maintenance.feed import UnitOfWork
from maintenance.fitting import fitting
from maintenance.models import Host

OBSERVED = ("state", "resource_state", "boot_id", "kernel_version", "agent_version")


def differs(host: Host, read: HostRead) -> bool:
    """Whether the inventory says something else than was just seen."""
    return any(getattr(host, name) != value for name, value in _seen(read).items())


def _seen(read: HostRead) -> dict[str, str]:
    return fitting(Host, {name: getattr(read, name) for name in OBSERVED})


def note_observation(work: UnitOfWork, read: HostRead) -> None:
    """The host's row is what was just seen. A listing made earlier than this will not change it back."""
    host = Host.objects.select_for_update(no_key=True).filter(id=read.id).first()
    if host is None or not differs(host, read):
        return
    before = {name: getattr(host, name) for name in OBSERVED}
    after = _seen(read)
    for name, value in after.items():
        setattr(host, name, value)
    host.changed_at = database_now()
    host.save(update_fields=[*OBSERVED, "changed_at"])
    changed = {name: value for name, value in after.items() if before[name] != value}
    about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
    work.event("host.changed", about, before={name: before[name] for name in changed}, after=changed)
