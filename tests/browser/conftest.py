"""A whole Pitstop on a small lab – web, engine, browser – for one test at a time."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from dashboard.models import Role, User
from maintenance.backends.lab.record import harms
from maintenance.backends.registry import _made
from maintenance.hooks.processes import with_tickets
from maintenance.models import Cloud
from tests.browser.webs import ROOT, Web
from tests.dashboard.walk_scene import Scene, make_scene
from tests.maintenance.engine.small_lab import SmallLab, make_small_lab
from tests.processes.engines import Engines, url_of

PASSWORD = "for-browser-tests-only"
# Playwright's sync API keeps an event loop in this thread; the ORM must not mind.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
# What comes live comes within a second or two; on a busy machine, with an engine and other tests beside it, later.
# Where the time is promised, a test says so itself.
expect.set_options(timeout=20_000)


def _chromium() -> str:
    for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"):
        if Path(path).exists():
            return path
    raise FileNotFoundError("no Chromium: `make test` installs it, or says what to install")


@pytest.fixture
def var(open_folder: Path, settings) -> Iterator[Path]:
    """The var folder that the test and its processes share."""
    settings.VAR_DIR = open_folder
    _made.cache_clear()
    yield open_folder
    _made.cache_clear()
    for left in with_tickets(open_folder / "hooks"):
        left.process.send(signal.SIGKILL)


@pytest.fixture
def lab(transactional_db, var: Path) -> Iterator[SmallLab]:
    """Three hosts of one cluster; what was read of them counts for the whole test, also where no engine reads it anew.
    At the end of every test nobody was harmed."""
    small = make_small_lab()
    Cloud.objects.update(unknown_s=3600)
    yield small
    assert harms() == []


@pytest.fixture
def engines(lab: SmallLab, var: Path) -> Iterator[Engines]:
    """Starts engines; none is left at the end."""
    ours = Engines(var, connection.settings_dict)
    yield ours
    ours.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium a file: Playwright keeps an event loop in this thread, which other files' tests need free."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=_chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static files as a web process serves them, collected once."""
    folder = tmp_path_factory.mktemp("static-var")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "PITSTOP_VAR": str(folder)},
        check=True,
    )
    return folder / "static"


@pytest.fixture
def lone_web(transactional_db, var: Path, collected: Path) -> Iterator[Web]:
    """One web process on the test's database, whatever is in it. Nothing that any browser did broke its policy."""
    (var / "static").symlink_to(collected)
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PITSTOP_", "DATABASE", "PORT"))
        },
        "DATABASE_URL": url_of(connection.settings_dict),
        "PITSTOP_VAR": str(var),
        "PITSTOP_SECRET_KEY": settings.SECRET_KEY,  # so that sessions of this process hold there
    }
    web = Web(environment, var / "web.log")
    web.start()
    yield web
    web.stop()
    assert web.reports() == []


@pytest.fixture
def web(lab, lone_web: Web) -> Web:
    """One web process, beside a small lab."""
    return lone_web


@pytest.fixture
def engine(engines: Engines) -> object:
    """One engine process."""
    return engines.start()


@pytest.fixture
def people(db) -> dict[str, User]:
    """One person for each role, named after it."""
    return {
        role: User.objects.create(username=role, password=hashed_password(), role=role)
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR, Role.TENANT)
    }


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complained about: errors of scripts, refused by the content security policy. Always none."""
    heard: list[str] = []
    yield heard
    assert heard == []


@pytest.fixture
def open_page(browser: Browser, web: Web, people, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """A page of somebody who has logged in, at a path."""
    contexts = []

    def opened(
        path: str = "/",
        who: str = "operator",
        width: int = 1440,
        scheme: Literal["light", "dark"] = "light",
        motion: Literal["reduce", "no-preference"] = "reduce",
        timezone: str = "Europe/Berlin",
        script: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=web.url,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion=motion,
            timezone_id=timezone,
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("console", lambda message: _note(message, complaints))
        let_in(context, web.url, people[who])
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def scene(transactional_db) -> Scene:
    """An installation with something of everything in it."""
    return make_scene()


@pytest.fixture
def enter(
    browser: Browser, lone_web: Web, scene: Scene, complaints: list[str]
) -> Iterator[Callable[[str], Page]]:
    """A browser in which somebody of the role is logged in ("nobody": nobody is)."""
    contexts: list[BrowserContext] = []

    def entered(role: str) -> Page:
        context = browser.new_context(base_url=lone_web.url, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        if role != "nobody":
            let_in(context, lone_web.url, scene.people[role])
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: _hear(said.type, said.text, page.url, complaints))
        return page

    yield entered
    for context in contexts:
        context.close()


@cache
def hashed_password() -> str:
    """PASSWORD as it is kept; hashing it costs more than many a test."""
    return make_password(PASSWORD)


def let_in(context: BrowserContext, url: str, person: User) -> None:
    """The browser has a session of theirs, as after the login page, which tests of its own fill in."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": url}])


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    # A dead server is what some tests are about: the browser's own words for that are no complaint of ours.
    if message.type == "error" and "Content Security Policy" in message.text:
        complaints.append(message.text)


def _hear(kind: str, text: str, where: str, complaints: list[str]) -> None:
    # That an error page answers with its status is no error of the page.
    if kind in {"error", "warning"} and not text.startswith("Failed to load resource: the server responded"):
        complaints.append(f"{urlsplit(where).path}: {text}")
