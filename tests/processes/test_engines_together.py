"""Several engines, and the bell that wakes them: they share the work; the bell's loss or noise changes nothing."""

import threading

import pytest
from django.db import connection, connections

from maintenance.feed import ENGINE_CHANNEL
from maintenance.models import Step
from tests.maintenance.engine.small_lab import ended, make_small_lab
from tests.processes.scenes import assert_everything_happened_once, note_every_script
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND datname = current_database()"


@pytest.fixture
def lab(empty_lab):
    """Four clusters of two hosts."""
    return make_small_lab(clusters=4, hosts_each=2)


@pytest.fixture
def storm():
    """Bells without end, from a connection of its own."""
    over = threading.Event()
    rung = []

    def ring():
        try:
            while not over.wait(0.005):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_notify(%s, ''), pg_notify(%s, 'look')", [ENGINE_CHANNEL] * 2)
                rung.append(2)
        finally:
            connections.close_all()

    thread = threading.Thread(target=ring)
    thread.start()
    yield rung
    over.set()
    thread.join(10)


def listeners():
    with connection.cursor() as cursor:
        cursor.execute(LISTENERS, [f"LISTEN {ENGINE_CHANNEL}%"])
        return [pid for (pid,) in cursor.fetchall()]


def test_two_engines_share_the_work_and_a_storm_of_bells_changes_nothing(lab, engines, storm):
    note_every_script(lab)
    crew = [engines.start(PITSTOP_ENGINE_THREADS="3") for _ in range(2)]

    run = lab.start(clusters_in_parallel=4)
    ended(run, within_s=60)

    assert set(Step.objects.filter(run=run).values_list("owner", flat=True)) == {e.id for e in crew}
    assert not Step.objects.filter(run=run, takeovers__gt=0).exists()
    assert sum(storm) > 500
    assert_everything_happened_once(lab, run, list(lab.hosts))


def test_engines_whose_bell_was_cut_find_the_work_by_themselves(lab, engines):
    note_every_script(lab)
    engine = engines.start()
    wait_until(listeners, within_s=20)
    before = listeners()

    for pid in before:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    run = lab.start(hosts=["kvm1", "kvm3"])

    ended(run)
    assert engine.is_running
    assert_everything_happened_once(lab, run, ["kvm1", "kvm3"])
    wait_until(lambda: set(listeners()) - set(before), within_s=20)
