"""What tests of pages, REST and sockets share."""

from collections.abc import Iterator

import pytest
from django.db import connection

from dashboard.live import whereabouts
from dashboard.screens.events import cluster_names, server_names
from dashboard.screens.runs import usual
from tests.dashboard.walk_scene import Scene, make_scene
from tests.dashboard.web_server import Web, running_web


@pytest.fixture(autouse=True)
def static_files_are_not_collected(settings) -> None:
    """Pages name the files as they lie in static/: collecting them is the launcher's work, and tested there."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    settings.SERVESTATIC_USE_STATIC_ROOT = False
    # What serves them works in event loops, of which each request of a test client would make three anew.
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith("servestatic.")]


@pytest.fixture(autouse=True)
def nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process looks up once in some seconds is not the test's before."""
    cluster_names.forget()
    server_names.forget()
    usual.forget()
    monkeypatch.setattr(whereabouts, "_known", whereabouts._Known())


@pytest.fixture
def web(transactional_db) -> Iterator[Web]:
    """The web process, listening on a port of its own."""
    with running_web() as running:
        yield running


@pytest.fixture
def scene(db) -> Scene:
    """An installation with something of everything in it. Whoever walks it may read a page for long between two
    queries: on a busy machine longer than a request may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    return make_scene()
