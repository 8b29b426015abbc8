"""Needs that a test waits for, and what others do to hosts meanwhile."""

from maintenance.backends.lab import models as lab_models
from maintenance.models import Attention
from tests.maintenance.engine.small_lab import MEMORY_MB, engine_running, state_of
from tests.waiting import wait_until


def open_need(cause):
    return Attention.objects.filter(cause=cause, resolved_at=None).first()


def asked(cause):
    return wait_until(lambda: open_need(cause), within_s=20)


def settled(need, *, within_s=20):
    return wait_until(
        lambda: Attention.objects.filter(id=need.id).exclude(resolved_at=None).first(), within_s=within_s
    )


def take_by_others(lab, host, state="Maintenance"):
    """Somebody else puts the host into maintenance, with nothing on it."""
    others = [name for name in lab.hosts if name != host]
    lab_models.Instance.objects.filter(host__name=host).update(host_id=lab.hosts[others[0]])
    lab_models.Host.objects.filter(name=host).update(resource_state=state)


def fill(lab):
    """Every host has an instance that fits on no other."""
    return [lab.add_instance(host, MEMORY_MB - 4096) for host in lab.hosts]


def held_by_others(lab):
    """A run that waits for kvm3, which others have."""
    run = lab.start(hosts=["kvm1"])
    take_by_others(lab, "kvm3")
    lab.read()
    return run


def paused_by_others(lab):
    """A run that found its second host taken at its turn. Its engine is gone again."""
    run = lab.start(hosts=["kvm1", "kvm2"], max_unavailable=2)
    take_by_others(lab, "kvm2")
    lab.script("kvm1", "PreFlight", "#!/bin/sh\nsleep 0.5\n")
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
    return run
