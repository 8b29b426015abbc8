"""Hosts and instances as the gate sees them, whether they were just read or come from the inventory."""

from maintenance.backends.base import HostRead, InstanceRead
from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance
from maintenance.models import Host, Instance


def gate_host(host: HostRead | Host) -> GateHost:
    """A host as the gate sees it."""
    return GateHost(
        host.id,
        host.name,
        host.state,
        host.resource_state,
        host.memory_mb,
        host.cpu_cores,
        host.guests_max,
        frozenset(host.tags),
    )


def gate_instance(instance: InstanceRead | Instance) -> GateInstance:
    """An instance as the gate sees it."""
    guest = Guest(
        instance.id,
        instance.name,
        instance.memory_mb,
        instance.cpu_cores,
        frozenset(instance.tags),
        frozenset(instance.affinity_groups),
    )
    return GateInstance(guest, instance.state, instance.host_id)
