"""PostgreSQL dies in mid-run and comes back: the engines stay, the run goes on, nothing happens twice."""

import os
import signal
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

from tests.maintenance.engine.small_lab import ended
from tests.processes.scenes import (
    GOES_ON_WITHIN_S,
    assert_everything_happened_once,
    in_stage,
    let_go,
    make_last,
    note_every_script,
    ran,
)
from tests.waiting import wait_until
from tooling.embedded_postgres import DATABASE, USER, EmbeddedPostgres

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
]

ALIASES = ("default", "lab")
QUICK = ("fsync=off", "full_page_writes=off")  # what was committed must survive the server, not the machine


@pytest.fixture
def postgres(transactional_db, open_folder) -> Iterator[EmbeddedPostgres]:
    """A server of this test's own, which it may kill; everything in this process uses it meanwhile."""
    server = EmbeddedPostgres(open_folder, options=QUICK, ends_with_us=True)
    server.start()
    let_connections_go()
    kept = {alias: dict(connections.settings[alias]) for alias in ALIASES}
    for alias in ALIASES:
        connections.settings[alias].update(NAME=DATABASE, USER=USER, HOST=str(server.socket_folder), PORT="")
    call_command("migrate", verbosity=0)
    yield server
    let_connections_go()
    for alias in ALIASES:
        connections.settings[alias].update(kept[alias])
    server.stop()


@pytest.fixture
def empty_lab(postgres, empty_lab):
    """In that server."""


def let_connections_go():
    """The next query makes a new connection, by the settings as they are then."""
    for alias in ALIASES:
        connections[alias].close()
        connections[alias].close_pool()


def die_and_come_back(server, sent, meanwhile=lambda: None):
    os.kill(server.pid(), sent)
    wait_until(lambda: not server.is_alive())
    meanwhile()
    server.start()
    let_connections_go()


def test_a_run_outlives_a_postgresql_that_is_killed_and_one_that_is_stopped_at_once(lab, engines, postgres):
    note_every_script(lab)
    make_last(lab, "kvm1", "Maintenance")
    make_last(lab, "kvm2", "PreMaintenance")
    run = lab.start()
    crew = [engines.start() for _ in range(2)]

    in_stage(run, "kvm1", "Maintenance")
    # Its script ends while nobody can write that down.
    die_and_come_back(postgres, signal.SIGKILL, lambda: let_go(lab, "kvm1", "Maintenance"))
    wait_until(lambda: ran("kvm1")[-1] == "PostMaintenance", within_s=GOES_ON_WITHIN_S)
    in_stage(run, "kvm2", "PreMaintenance")
    die_and_come_back(postgres, signal.SIGQUIT)
    let_go(lab, "kvm2", "PreMaintenance")

    ended(run)
    assert all(engine.is_running for engine in crew)
    assert_everything_happened_once(lab, run, list(lab.hosts))
