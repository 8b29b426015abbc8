"""The page of a run over management servers, live: what the engine writes down is on it at once."""

import pytest
from playwright.sync_api import Browser, Page, expect

from maintenance.domain.states import TargetState
from maintenance.engine.advance import about_target
from maintenance.feed import unit_of_work
from maintenance.models import Step, Target
from tests.browser.conftest import let_in
from tests.browser.test_back_and_reload import is_live
from tests.dashboard.console.server_runs import ended_stage, leaving
from tests.dashboard.walk_scene import Scene

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


@pytest.fixture
def page(browser: Browser, lone_web, scene: Scene):
    context = browser.new_context(base_url=lone_web.url, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    let_in(context, lone_web.url, scene.people["operator"])
    yield opened
    context.close()


def test_jobs_and_agents_drain_to_nothing_before_ones_eyes(page: Page, scene: Scene):
    run = scene.runs["server prepares"]
    target = run.targets.get()
    step = Step.objects.get(target=target, state="Running")
    page.goto(f"/rolling/{run.id}/")
    is_live(page)
    lane = page.locator(f"#lane-of-{target.id}")
    expect(lane).to_contain_text("A job runs on.")

    moved(target, step, leaving(0, 1))
    expect(lane).to_contain_text("0 jobs and 1 agent left")
    expect(lane).not_to_contain_text("A job runs on.")

    with unit_of_work() as work:
        Step.objects.filter(id=step.id).delete()
        ended_stage(target, "PrepareForMaintenance", attempt=2, round=2)
        Target.objects.filter(id=target.id).update(state=TargetState.IN_MAINTENANCE)
        work.event("target.state", about_target(target), after={"state": TargetState.IN_MAINTENANCE})
    expect(page.locator("h1")).to_contain_text("mgmt3 is in maintenance, and held there.")
    steering = page.locator("#srun-steering")
    expect(steering.get_by_role("link", name="Cancel the maintenance…")).to_be_visible()


def moved(target: Target, step: Step, movement: dict[str, object]) -> None:
    with unit_of_work() as work:
        Step.objects.filter(id=step.id).update(movement=movement)
        about = about_target(target) | {"step": str(step.id), "stage": step.stage}
        work.event("step.moved", about, after={"jobs_left": 0, "agents_left": 1})
