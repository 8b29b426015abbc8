"""The wall in a real browser: it fits at every size, says how old it is, shows that it lives, comes back by itself."""

import re
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dashboard.walls.links import revoke_link
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Host, ManagementServer, Run
from tests.browser.conftest import let_in
from tests.browser.webs import Web
from tests.dashboard.wall.conftest import make_secret
from tests.dashboard.wall.fleets import fleet_at_work, quiet_fleet, troubled_fleet
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(150),
]

SIZES = ((1280, 720), (1920, 1080), (3840, 2160))
SOON_MS = 20_000
# Every text that can be seen: its size, whether it is cut off, and whether it lies within its band and the screen. What
# ends in dots – the heads of long names – may be short of room.
MEASURE = """() => {
  const wall = document.getElementById("main"), root = document.documentElement, found = [];
  const isAside = (e) => e.closest(".visually-hidden, .sprite, [hidden]");
  const isSeen = (e) => e.checkVisibility({ visibilityProperty: true }) && !isAside(e);
  const hasText = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const texts = [...wall.querySelectorAll("*")].filter((e) => hasText(e) && isSeen(e));
  for (const e of texts) {
    const tell = (what) => found.push(`${e.tagName}.${e.className} “${e.textContent.trim().slice(0, 30)}”: ${what}`);
    const band = e.closest("section:not(.w-verdict), footer, ul, .w-top") ?? wall;
    const box = e.getBoundingClientRect(), outer = band.getBoundingClientRect(), style = getComputedStyle(e);
    if (parseFloat(style.fontSize) < innerHeight * 0.05) tell(`${style.fontSize} is under 5vh`);
    if (box.bottom > innerHeight + 1 || box.right > innerWidth + 1) tell("below or right of the screen");
    if (box.left < -1 || box.top < -1) tell("above or left of the screen");
    if (box.bottom > outer.bottom + 1 || box.top < outer.top - 1) tell("outside of its band");
    if (style.textOverflow !== "ellipsis" && e.clientWidth && e.scrollWidth > e.clientWidth + 1) tell("cut off");
  }
  for (const band of wall.children) {
    if (band.closest(".visually-hidden, .w-canvas") || band.scrollHeight <= band.clientHeight + 1) continue;
    found.push(`${band.className}: ${band.scrollHeight} px in ${band.clientHeight}`);
  }
  if (root.scrollHeight > innerHeight || root.scrollWidth > innerWidth) found.push("it scrolls");
  return { found, texts: texts.length };
}"""

type Watch = Callable[..., Page]


@pytest.fixture
def watch(browser: Browser, lone_web: Web, people, complaints: list[str]) -> Iterator[Watch]:
    """A wall that is live, before somebody who has logged in, or behind a link."""
    contexts: list[BrowserContext] = []

    def watched(
        path: str = "/wall/", *, link: str = "", clock: bool = False, size: tuple[int, int] = SIZES[1]
    ) -> Page:
        context = browser.new_context(
            base_url=lone_web.url, viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Berlin"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        if link:
            page.goto(f"/wall/l/{link}/")
        else:
            let_in(context, lone_web.url, people["viewer"])
        if clock:
            page.clock.install()
        page.goto(path)
        expect(page.locator("[data-trust=word]")).to_have_text("Live", timeout=SOON_MS)
        return page

    yield watched
    for context in contexts:
        context.close()


def measured(page: Page, size: tuple[int, int]) -> dict:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    found: dict = page.evaluate(MEASURE)
    return found


def test_five_hundred_clusters_forty_problems_and_long_names_fit_at_every_size(watch: Watch):
    troubled_fleet(each=2)
    page = watch()

    for size in SIZES:
        found = measured(page, size)
        assert found["texts"] > 40
        assert found["found"] == [], size
    # Shrunk to a fifth it still answers: is anything wrong, which one, since when, who has it, is this live?
    expect(page.locator("h1")).to_have_text("40 need a person")
    expect(page.locator(".w-word")).to_have_attribute("data-state", "Failed")
    first = page.locator(".w-problems article").first
    assert re.search(r"h\d+-\d", first.locator("b").inner_text())
    expect(first.locator(".w-since")).to_have_text("12 min")
    expect(first.locator(".w-who")).to_have_text("nobody yet")
    expect(page.locator(".w-problems .w-rest")).to_contain_text("+ 37 more")
    expect(page.locator(".w-clusters .w-rest")).to_contain_text("+ 491 more")
    expect(page.locator(".w-servers")).to_contain_text("+ 5 more")


def test_a_quiet_fleet_and_one_at_work_fit_at_every_size(watch: Watch):
    quiet_fleet()
    page = watch()
    expect(page.locator("h1")).to_have_text("All quiet")
    for size in SIZES:
        assert measured(page, size)["found"] == [], size


def test_a_wall_that_hears_nothing_turns_grey_and_then_not_live(watch: Watch, lone_web: Web):
    fleet_at_work()
    page = watch(clock=True)
    wall, word = page.locator("#main"), page.locator("[data-trust=word]")
    with lone_web.sent(signal.SIGSTOP, signal.SIGCONT):
        page.clock.fast_forward(16_000)
        expect(wall).to_have_attribute("data-live", "stale")
        expect(word).to_have_text(re.compile(r"^As of \d\d:\d\d:\d\d$"))
        expect(page.locator("[data-trust=asof]")).to_have_text(re.compile(r"^As of \d\d:\d\d:\d\d$"))
        assert measured(page, SIZES[1])["found"] == []

        page.clock.fast_forward(50_000)
        expect(wall).to_have_attribute("data-live", "dead")
        expect(page.locator(".w-dead")).to_have_text(re.compile(r"^NOT LIVE since \d\d:\d\d$"))
        expect(page.locator("h1")).not_to_be_in_viewport(ratio=0.5)
        for size in SIZES:
            assert measured(page, size)["found"] == [], size

    expect(word).to_have_text("Live")
    expect(page.locator(".w-dead")).to_be_hidden()


def test_the_pulse_moves_one_step_for_each_heartbeat_and_not_by_the_clock(watch: Watch, lone_web: Web):
    quiet_fleet()
    page = watch()
    at = "() => [...document.querySelectorAll('.w-pulse li')].findIndex((one) => one.hasAttribute('data-on'))"
    before = page.evaluate(at)
    page.wait_for_function(f"(before) => ({at})() !== before", arg=before)
    assert page.locator(".w-pulse li[data-on]").count() == 1

    with lone_web.sent(signal.SIGSTOP, signal.SIGCONT):
        page.wait_for_function("() => document.getElementById('main').dataset.live === 'late'")
        still = page.evaluate(at)
        page.wait_for_function(
            "(was) => document.querySelector('.w-clock').textContent !== was",
            arg=page.locator(".w-clock").text_content(),
        )
        assert page.evaluate(at) == still


def test_a_changed_host_is_on_the_wall_and_its_cell_and_its_row_change(watch: Watch):
    inventory = quiet_fleet()
    wall, cells = watch(), watch("/wall/hosts/")
    row = cells.locator(f"#cells-{inventory.clusters['c1'].id.hex[:12]}")
    expect(row.locator("td").last).to_have_text("3")
    cells.evaluate("window.before = document.getElementById('cells').toDataURL()")

    host = inventory.hosts["kvm2"]
    with unit_of_work() as work:
        Host.objects.filter(pk=host.pk).update(state="Down")
        about = {"host": str(host.pk), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, before={"state": "Up"}, after={"state": "Down"})

    expect(wall.locator("h1")).to_have_text("1 host down")
    expect(row.locator("td").last).to_have_text("2")
    expect(cells.locator("[data-letter=x]")).to_have_text(re.compile(r"down\s+1"))
    assert cells.evaluate("document.getElementById('cells').toDataURL() !== window.before")
    for size in SIZES:
        assert measured(cells, size)["found"] == [], size


def test_a_wall_of_another_build_opens_itself_anew(watch: Watch):
    quiet_fleet()
    page = watch()
    page.evaluate(
        "() => { window.isOld = true; document.getElementById('main').dataset.build = 'of yesterday'; }"
    )

    page.wait_for_function("() => !window.isOld")

    expect(page.locator("[data-trust=word]")).to_have_text("Live")


def test_the_watchdog_opens_the_page_anew_only_when_there_is_one(watch: Watch, lone_web: Web):
    quiet_fleet()
    page = watch(clock=True)
    page.evaluate("() => { window.isOld = true; }")
    lone_web.kill9()
    page.clock.fast_forward(70_000)
    expect(page.locator("#main")).to_have_attribute("data-live", "dead")
    page.clock.fast_forward(300_000)
    assert page.evaluate("window.isOld")  # nobody answers: what was last known stays on the screen
    expect(page.locator(".w-dead")).to_be_visible()

    lone_web.start()
    page.clock.fast_forward(601_000)

    expect(page.locator("[data-trust=word]")).to_have_text("Live")


def test_a_link_that_is_revoked_turns_its_screen_dark_within_five_seconds(watch: Watch):
    quiet_fleet()
    secret, link = make_secret()
    page = watch(link=secret)
    assert secret not in page.evaluate("location.href + document.referrer + history.length")
    assert secret not in page.content()

    revoke_link(link.id, actor="ada")

    expect(page.locator("h1")).to_have_text("Link ended", timeout=5_000)
    assert measured(page, SIZES[1])["found"] == []


def test_a_server_that_falls_silent_is_another_screen_than_a_lost_one(watch: Watch):
    quiet_fleet()
    page = watch()
    with unit_of_work() as work:
        ManagementServer.objects.update(state="Down")
        server = ManagementServer.objects.get()
        work.event(
            "server.changed", {"server": str(server.id)}, before={"state": "Up"}, after={"state": "Down"}
        )

    expect(page.locator("h1")).to_have_text("No server is Up")
    expect(page.locator("#main")).to_have_attribute("data-live", "live")


def test_a_cloud_that_nobody_reads_is_a_third_screen_live_and_hatched_where_nothing_is_known(watch: Watch):
    inventory = quiet_fleet()
    page = watch()
    inventory.cloud.unknown_s = None
    inventory.was_last_read(timedelta(minutes=2))

    expect(page.locator("h1")).to_have_text("Cloud not read", timeout=SOON_MS)
    expect(page.locator("#main")).to_have_attribute("data-cloud", "dead")
    expect(page.locator("#main")).to_have_attribute("data-live", "live")
    expect(page.locator("[data-trust=read]")).to_have_text(re.compile(r"^As of \d\d:\d\d:\d\d$"))
    expect(page.locator(".w-clusters .state").first).to_have_text("Unknown")


def test_the_picture_moves_a_little_each_minute_but_not_for_whoever_wants_no_motion(watch: Watch):
    quiet_fleet()
    page = watch(clock=True)
    where = "() => document.querySelector('.w-trust').getBoundingClientRect().left"
    start = page.evaluate(where)
    page.clock.run_for(125_000)
    wait_until(lambda: abs(page.evaluate(where) - start) > 2)
    assert abs(page.evaluate(where) - start) < 24

    page.emulate_media(reduced_motion="reduce")
    page.reload()
    expect(page.locator("[data-trust=word]")).to_have_text("Live")
    page.clock.run_for(130_000)
    assert page.evaluate(where) == start


def test_a_new_problem_stands_out_once_and_needs_no_sound(watch: Watch):
    fleet_at_work()
    page = watch()
    a_problem("kvm2")

    expect(page.locator(".w-problems article[data-new]")).to_have_count(1)
    expect(page.locator(".w-problems article[data-new]")).to_have_count(0, timeout=8_000)
    assert "sound" not in page.evaluate("({ ...document.getElementById('main').dataset })")


def test_a_screen_that_was_told_to_sounds_for_a_new_problem(watch: Watch):
    fleet_at_work()
    secret, _link = make_secret(has_sound=True)
    page = watch(link=secret)
    page.evaluate("""() => {
      window.tones = 0;
      window.AudioContext = class {
        state = "running"; currentTime = 0; destination = {};
        resume() {}
      };
      window.GainNode = class { connect() { return this; } };
      window.OscillatorNode = class { connect(to) { return to; } start() { window.tones += 1; } stop() {} };
    }""")

    a_problem("kvm2")
    wait_until(lambda: page.evaluate("window.tones") == 2, within_s=15)
    assert page.locator("[data-trust=note]").text_content() == ""


def a_problem(host: str) -> None:
    """A stage failed on it just now."""
    run = Run.objects.get()
    with unit_of_work() as work:
        target = run.targets.get(name=host)
        ask_for_person(work, Cause.STAGE_FAILED, run=run, target=target, message="see its output")
