"""Every call may be made again: replies that are lost, two at once, a process killed at any change."""

import threading
from uuid import uuid4

import pytest
from django.db import connections

from maintenance.backends.base import Later, NoReply
from maintenance.backends.lab.models import Fault, SystemVm
from tests.maintenance.backends.lab_hosts import set_lab
from tests.maintenance.backends.routers_lab import (
    LONE,
    is_gone,
    killed_at,
    on,
    once_booted,
    restart,
    routers_of,
    scope,
    serving,
)
from tests.maintenance.backends.system_vms_lab import BACKUP, ROUTER, vm_id

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


CALLS = ("start_replacement", "switch_traffic", "verify_replacement", "destroy_old")


@pytest.mark.parametrize("kind", ["lose-request", "lose-reply", "garble", "double", "late", "error"])
def test_a_call_whose_reply_is_lost_is_made_again(lab, kind):
    of, old, ticket = scope(LONE), vm_id(LONE), uuid4()
    set_lab(system_vm_boot_s=0)
    for call in CALLS:
        Fault.objects.create(call=call, kind=kind, times_left=1)

    for call in CALLS:
        try:
            getattr(lab, call)(old, ticket=ticket)
        except (NoReply, Later):
            getattr(lab, call)(old, ticket=ticket)

    (new,) = routers_of(of)
    assert is_gone(LONE)
    assert on() == {new}


def test_two_engines_at_once_start_one_router(lab):
    set_lab(system_vm_boot_s=0)
    old, ticket = vm_id(LONE), uuid4()
    found: list[str] = []

    def engine() -> None:
        try:
            found.append(once_booted(lambda: lab.start_replacement(old, ticket=ticket)).name)
            lab.switch_traffic(old, ticket=ticket)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=engine) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1
    assert routers_of(scope(LONE)) == {LONE: ("Stopped", ""), found[0]: ("Running", "")}
    assert on() == {found[0]}


def test_killed_at_any_change_it_goes_on_with_the_same_ticket(lab):
    set_lab(system_vm_boot_s=0)
    of, name, number, is_over = scope(ROUTER), ROUTER, 1, False
    lab.probe_system_vm(vm_id(BACKUP))
    while not is_over:
        old, ticket = vm_id(name), uuid4()
        with killed_at(number) as changes:
            restart(lab, old, ticket, negotiated=number % 2 == 0)
        is_over = changes.count < number
        for call in CALLS if not is_over else ():
            if SystemVm.objects.filter(id=old).exists():
                getattr(lab, call)(old, ticket=ticket)

        roles = routers_of(of)
        assert sorted(roles.values()) == [("Running", "BACKUP"), ("Running", "PRIMARY")], number
        name = next(router for router, (_, role) in roles.items() if role == "PRIMARY")
        assert serving(name) == name
        assert on() == set(roles)
        number += 1
    assert number > 20


def test_killed_at_any_change_the_old_router_can_serve_again(lab):
    set_lab(system_vm_boot_s=0)
    old, number, is_over = vm_id(LONE), 1, False
    while not is_over:
        ticket = uuid4()
        with killed_at(number) as changes:
            lab.start_replacement(old, ticket=ticket)
            lab.switch_traffic(old, ticket=ticket)
            lab.switch_back(old, ticket=ticket)
        is_over = changes.count < number

        probe = lab.switch_back(old, ticket=ticket)

        assert probe.rules_answering == probe.rules, number
        assert routers_of(scope(LONE)) == {LONE: ("Running", "")}
        assert (serving(LONE) or LONE, on()) == (LONE, {LONE})
        number += 1
    assert number > 20
