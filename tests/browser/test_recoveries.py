"""A stranger recovers from what stops a run: from the overview, guided by the page alone, in three clicks at most."""

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from playwright.sync_api import Locator, Page, expect

from maintenance import actions
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.steering import reboot_host
from maintenance.backends.lab.world import lab_world
from maintenance.models import OutputChunk, Run
from tests.maintenance.engine.small_lab import SmallLab, ended, target_of
from tests.processes.engines import url_of
from tests.waiting import wait_until
from tooling.processes import dying_with_parent

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

SOON_MS = 30_000
CLICKS_MAX = 3
WORDS_OF_EACH = (
    "(all) => all.map((e) => [...e.querySelectorAll(':scope > p:not(.not-live)')].map((p) => p.innerText))"
)
UNTIL_LET_GO = '#!/bin/sh\necho rebooting now\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.1; done\n'
IMPATIENT = {"PITSTOP_HELD_TELL_S": "1", "PITSTOP_HOST_RETURN_TIMEOUT_S": "6"}


@dataclass
class Stranger:
    """Somebody who knows nothing but what the pages say. Every click is counted."""

    page: Page
    clicks: int = 0

    def click(self, what: Locator) -> None:
        self.clicks += 1
        assert self.clicks <= CLICKS_MAX
        what.click()

    def open_need(self, title: str) -> None:
        """From the overview's list to the page of what needs a person."""
        row = self.page.locator("#overview-needs li", has_text=title)
        expect(row).to_be_visible(timeout=SOON_MS)
        self.click(row.get_by_role("link", name=re.compile("^What to do")))
        expect(self.page.locator("#need-head")).to_contain_text(title)
        self.page.evaluate("window.loadedOnce = true")

    def press(self, label: str) -> None:
        self.click(self.page.locator("#need-actions").get_by_role("button", name=label, exact=True))

    def sees(self, part: str, *words: str) -> None:
        for said in words:
            expect(self.page.locator(f"#need-{part}")).to_contain_text(said, timeout=SOON_MS)

    def told_what_each_does(self) -> None:
        """No button stands without the words for what it will do."""
        told = self.page.locator("#need-actions .action").evaluate_all(WORDS_OF_EACH)
        assert told
        assert all(len(words) == 1 and len(words[0]) > 10 for words in told), told

    def never_reloaded(self) -> bool:
        return bool(self.page.evaluate("window.loadedOnce"))


@pytest.fixture
def stranger(open_page) -> Stranger:
    """An operator at the overview."""
    return Stranger(open_page("/"))


@pytest.fixture
def started_by_hand() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that the test started as a person would; none is left."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait(10)


def until_at_work(run: Run, host: str) -> None:
    """Its Maintenance runs, and what it printed is kept."""
    wait_until(lambda: target_of(run, host).state == "Working", within_s=30)
    wait_until(
        lambda: OutputChunk.objects.filter(step__run=run, step__stage="Maintenance").exists(), within_s=20
    )


def taken_by_others(lab: SmallLab, host: str) -> None:
    lab_models.Instance.objects.filter(host__name=host).update(host_id=lab.hosts["kvm2"])
    lab_models.Host.objects.filter(name=host).update(resource_state="Maintenance")
    lab.read()


def test_a_failed_script_is_set_right_and_retried(lab, engines, stranger):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\necho disk is full\nexit 3\n")
    run = lab.start(hosts=["kvm1"])
    engines.start()

    stranger.open_need("kvm1 failed")
    stranger.sees("story", "exit status 3", "disk is full")
    stranger.sees("standing", "In service", "agent Up, Enabled", "Run 1 is paused")
    stranger.sees("actions", "The run is resumed, and kvm1 takes its turn again, from PreMaintenance")
    stranger.sees(
        "actions", "kvm1 counts as skipped", "kvm1 is left as failed, and so the run ends as failed"
    )
    stranger.told_what_each_does()
    lab.script("kvm1", "Maintenance", "#!/bin/sh\n")
    stranger.press("Retry kvm1")

    stranger.sees("head", "It is settled")
    stranger.sees("standing", "Run 1 is done now")
    assert ended(run).state == "Succeeded"
    assert stranger.clicks == 2


def test_a_host_that_does_not_come_back_is_returned_once_its_machine_is_up(lab, engines, stranger):
    lab.script("kvm1", "Maintenance", UNTIL_LET_GO)
    run = lab.start(hosts=["kvm1"])
    engines.start(**IMPATIENT)
    until_at_work(run, "kvm1")
    with lab_world() as world:
        reboot_host(world, lab.hosts["kvm1"], None)
    (lab.folder("kvm1") / "go").touch()

    stranger.open_need("kvm1 is not back in service")
    stranger.sees("story", "went away during Maintenance", "rebooting now", "the limit of its cluster holds")
    stranger.sees("standing", "agent Disconnected, Maintenance")
    stranger.sees("actions", "Bring the machine up", "Its agent is Disconnected now")
    stranger.sees("actions", "kvm1 stays out of service until a person returns it")
    stranger.told_what_each_does()
    lab_models.Host.objects.filter(name="kvm1").update(state="Up")
    stranger.sees("standing", "agent Up, Maintenance")
    stranger.press("Return to service")
    stranger.sees("standing", "In service")
    stranger.press("Retry kvm1")

    stranger.sees("standing", "Run 1 is done now")
    assert ended(run).state == "Succeeded"
    assert lab.resource_state("kvm1") == "Enabled"
    assert stranger.clicks == CLICKS_MAX


def test_a_full_cluster_has_room_again_once_the_host_that_is_out_comes_back(lab, engines, stranger):
    for host in ("kvm1", "kvm2"):
        lab.add_instance(host, memory_mb=20_480)
    lab.read()
    engines.start(**IMPATIENT)
    actions.prepare_host(lab.hosts["kvm3"], actor="administrator", reason="A fan is loud")
    wait_until(lambda: lab.resource_state("kvm3") == "Maintenance", within_s=30)
    run = lab.start(hosts=["kvm1"], max_unavailable=2)

    stranger.open_need("The cluster is full: kvm1 cannot leave service")
    stranger.sees("story", "do not all fit on the rest of its cluster", "untouched")
    stranger.sees("room", "1 instance without a place in p1-c1", "20,480 MB")
    stranger.sees("standing", "In service", "goes on by itself as soon as all of them fit")
    stranger.sees("actions", "kvm3 is out of service by run 1, which administrator started: ask first")
    stranger.sees("actions", "kvm1 stays in service and is not worked on in this run")
    stranger.told_what_each_does()
    stranger.click(stranger.page.locator("#need-actions summary", has_text="Return kvm3 to service"))
    stranger.press("Nobody is working on kvm3: return it")

    stranger.sees("head", "settled")
    stranger.sees("standing", f"Run {run.number} is done now")
    assert ended(run).state == "Succeeded"
    assert stranger.clicks == CLICKS_MAX


def test_a_host_that_others_took_is_returned_by_whoever_types_its_name(lab, engines, stranger):
    run = lab.start(hosts=["kvm1"])
    taken_by_others(lab, "kvm3")
    engines.start(**IMPATIENT)

    stranger.open_need("kvm3 was taken out of service by others")
    stranger.sees("story", "Somebody may be working on it")
    stranger.sees(
        "standing", "Taken by others", "agent Up, Maintenance", "Nothing moves in run 1: kvm1 waits"
    )
    stranger.sees("actions", "Ask who has it", "It goes back into service", "Run 1 then goes on by itself")
    stranger.told_what_each_does()
    stranger.click(stranger.page.locator("#need-actions summary", has_text="Return kvm3 to service"))
    stranger.page.get_by_label("Type the host's name, kvm3").fill("kvm3")
    stranger.press("Nobody is working on kvm3: return it")

    stranger.sees("head", "It is settled")
    stranger.sees("standing", "was in the way", "Run 1 is done now")
    assert ended(run).state == "Succeeded"
    assert lab.resource_state("kvm3") == "Enabled"
    assert stranger.clicks == CLICKS_MAX


def test_a_dead_engine_is_started_with_the_command_on_the_page_which_sees_that_it_lives(
    lab, engines, stranger, var, started_by_hand
):
    lab.script("kvm1", "Maintenance", UNTIL_LET_GO)
    run = lab.start(hosts=["kvm1"])
    engine = engines.start()
    until_at_work(run, "kvm1")
    none_answers = stranger.page.locator("#overview-needs li", has_text="No engine answers")
    expect(none_answers).to_be_hidden(timeout=SOON_MS)  # there was none when the page was opened
    engine.kill9()

    stranger.open_need("No engine answers")
    stranger.sees("story", "fell silent without a word")
    stranger.sees("engine", "1 run in progress", "1 host out of service by Pitstop", "Silent")
    stranger.sees("standing", "Nothing is lost")
    command = stranger.page.get_by_role("region", name="The command that starts an engine").inner_text()
    started_by_hand.append(_type_in_a_shell(command))

    stranger.sees("head", "An engine answers. Work goes on.")
    expect(stranger.page.locator("#need-engine")).not_to_contain_text("What stands still")
    expect(stranger.page.locator("#engine-silent")).to_be_hidden()
    (lab.folder("kvm1") / "go").touch()
    assert ended(run).state == "Succeeded"
    assert stranger.never_reloaded()
    assert stranger.clicks == 1


def _type_in_a_shell(command: str) -> subprocess.Popen[bytes]:
    """Exactly what the page says, where the settings are those of the web process."""
    neutral = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PITSTOP_TEST_") or not name.startswith(("PITSTOP_", "DATABASE", "PORT"))
    }
    return subprocess.Popen(
        shlex.split(command),
        env={**neutral, "DATABASE_URL": url_of(connection.settings_dict)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=dying_with_parent(signal.SIGKILL),
    )
