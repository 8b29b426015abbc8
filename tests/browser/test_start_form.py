"""The form that starts a run, in a real browser: order and hosts as chosen, two people at once, keyboard only."""

import re

import pytest
from playwright.sync_api import expect

from maintenance.models import Instance, Run, Step
from tests.browser.conftest import PASSWORD
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

RUN_PAGE = re.compile(r"/rolling/[0-9a-f-]{36}/$")
ENDED = ["Succeeded", "Failed", "Cancelled"]


def form_at(lab) -> str:
    return "/rolling/new/?" + "&".join(f"clusters={cluster}" for cluster in lab.clusters)


def has_order(page, *names: str) -> None:
    """Exactly these hosts, in this order."""
    expect(page.locator("tr[data-host] th .host")).to_have_text(list(names))


def start_button(page):
    return page.locator("#start-press")


def wait_for_answer(page):
    """Every change that was made has its plan."""
    expect(page.locator("#asked-now input")).to_have_count(0)
    expect(page.locator("#start")).not_to_have_class(re.compile("htmx-request"))


def test_a_run_follows_the_order_that_was_chosen_and_leaves_out_who_was_left_out(lab, engine, open_page):
    page = open_page(form_at(lab))
    has_order(page, "kvm1", "kvm2", "kvm3")

    page.get_by_role("button", name="Move kvm3 up").click()
    page.get_by_role("button", name="Move kvm3 up").click()
    page.get_by_role("checkbox", name="Leave out kvm1").check()
    expect(start_button(page)).to_have_text("Start: 2\N{NO-BREAK SPACE}hosts, one at a time")
    has_order(page, "kvm3", "kvm1", "kvm2")
    page.locator("#reason").fill("the order matters")
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)

    run = Run.objects.get()
    wait_until(lambda: Run.objects.filter(id=run.id, state__in=ENDED).exists(), within_s=40)
    drains = Step.objects.filter(run=run, stage="Drain").order_by("started")
    assert [step.target.name for step in drains.select_related("target")] == ["kvm3", "kvm2"]
    assert run.targets.get(name="kvm1").detail == "left out by the operator"
    assert [line["name"] for line in run.plan.lines] == ["kvm3", "kvm1", "kvm2"]


def test_one_press_moves_a_host_by_one_place(lab, open_page):
    page = open_page(form_at(lab))

    page.get_by_role("button", name="Move kvm3 up").click()
    wait_for_answer(page)

    has_order(page, "kvm1", "kvm3", "kvm2")


def test_a_host_is_dragged_to_another_place(lab, open_page):
    page = open_page(form_at(lab))
    rows = page.locator("tr[data-host]")

    rows.nth(0).locator(".grip").drag_to(rows.nth(2), target_position={"x": 200, "y": 30})

    expect(page.locator("#order, input[name=order]").first).not_to_have_value("")
    has_order(page, "kvm2", "kvm3", "kvm1")


def test_two_administrators_start_overlapping_runs_one_runs_and_the_other_is_told_who_and_where(
    lab, open_page
):
    first, second = open_page(form_at(lab), who="administrator"), open_page(form_at(lab), who="operator")

    start_button(first).click()
    first.wait_for_url(RUN_PAGE)
    start_button(second).click()

    run = Run.objects.get()
    refusal = second.locator("#start-refusal")
    expect(refusal).to_contain_text(f"run {run.number} has some of these hosts")
    expect(refusal).to_contain_text("administrator")
    expect(refusal).to_contain_text("ago")
    expect(refusal).to_be_focused()
    refusal.get_by_role("link", name=f"Open run {run.number}").click()
    second.wait_for_url(f"**/rolling/{run.id}/")


def test_a_run_that_begins_while_the_plan_is_read_is_told_without_a_reload(lab, open_page):
    page = open_page(form_at(lab))
    expect(page.locator("#trust")).to_contain_text("Live")

    run = lab.start(hosts=["kvm1"])

    expect(page.locator("#plan-wait")).to_contain_text("Runs have begun or ended since this plan was made")
    page.get_by_role("button", name="Make the plan again").click()
    expect(page.locator("#in-the-way")).to_contain_text(f"run {run.number} has it")
    expect(page.locator("#plan-wait")).to_be_empty()


def test_a_run_is_planned_and_started_by_keyboard_alone(lab, open_page):
    page = open_page("/rolling/new/")

    page.locator("#kind-zones").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#kind-clusters")).to_be_checked()
    page.locator(f"#choose-{lab.clusters[0]}").focus()
    page.keyboard.press("Space")
    expect(page.locator("tr[data-host]")).to_have_count(3)
    expect(page.locator(f"#choose-{lab.clusters[0]}")).to_be_focused()
    down = page.get_by_role("button", name="Move kvm1 down")
    down.focus()
    page.keyboard.press("Enter")
    wait_for_answer(page)
    expect(down).to_be_focused()
    page.keyboard.press("ArrowDown")
    wait_for_answer(page)
    expect(down).to_be_focused()
    has_order(page, "kvm2", "kvm3", "kvm1")
    page.locator("#reason").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    wait_for_answer(page)
    assert not Run.objects.exists(), "Enter in a line makes the plan, it starts nothing"
    expect(page.locator("#reason")).to_be_focused()
    start_button(page).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(RUN_PAGE)

    run = Run.objects.get()
    assert run.reason == "by keyboard"
    assert list(run.targets.order_by("order").values_list("name", flat=True)) == ["kvm2", "kvm3", "kvm1"]


def test_an_older_answer_never_undoes_a_newer_change(lab, open_page):
    page = open_page(form_at(lab))
    held = []

    def hold_the_first(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/rolling/new/plan/", hold_the_first)
    page.get_by_role("button", name="Move kvm3 up").click()
    expect(page.locator("#start")).to_have_class(re.compile("htmx-request"))
    page.locator("#reason").fill("typed meanwhile")
    page.get_by_role("checkbox", name="Leave out kvm2").check()
    expect(page.locator("tr[data-verdict=left_out] .host")).to_have_text("kvm2")
    held[0].abort()

    has_order(page, "kvm1", "kvm3", "kvm2")  # the first change was not lost either
    expect(page.locator("#reason")).to_have_value("typed meanwhile")


def test_start_waits_for_the_plan_of_the_last_change(lab, open_page):
    page = open_page(form_at(lab))
    held = []
    page.route("**/rolling/new/plan/", lambda route: held.append(route))

    page.get_by_role("checkbox", name="Leave out kvm2").check()
    start_button(page).click()

    expect(page.locator("#plan-wait")).to_contain_text("The plan is being made again")
    assert not Run.objects.exists()
    wait_until(lambda: page.evaluate("1") and held)  # asking the page lets its requests come through
    held[0].continue_()
    expect(start_button(page)).to_have_text("Start: 2\N{NO-BREAK SPACE}hosts, one at a time")
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)


def test_a_rule_that_is_typed_is_planned_before_the_line_is_left_and_the_first_press_starts(lab, open_page):
    page = open_page(form_at(lab))

    page.locator("#max_unavailable").fill("2")
    expect(start_button(page)).to_contain_text("up to 2 at a time")
    expect(page.locator("#max_unavailable")).to_be_focused()
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)

    assert Run.objects.get().max_unavailable == 2


def test_a_press_on_start_before_the_plan_of_what_was_typed_is_told_and_starts_nothing(lab, open_page):
    page = open_page(form_at(lab))

    held = []
    page.route("**/rolling/new/plan/", lambda route: held.append(route))
    page.locator("#max_unavailable").fill("2")
    start_button(page).click()
    wait_until(lambda: page.evaluate("1") and held)  # asking the page lets its requests come through
    held[0].continue_()

    expect(start_button(page)).to_contain_text("up to 2 at a time")
    expect(page.locator("#plan-wait")).to_have_text(
        "The plan has changed with what you typed: look again, then press Start."
    )
    expect(page.locator("#plan-wait")).to_be_visible()
    assert not Run.objects.exists()
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)
    assert Run.objects.get().max_unavailable == 2


def opened_and_old(lab, open_page):
    """The form, open for longer than a plan is believed, and live again."""
    page = open_page(form_at(lab))
    page.clock.install()
    page.reload()
    expect(page.locator("#trust")).to_contain_text("Live")
    return page


def test_an_open_form_makes_its_plan_again_by_itself_and_names_what_has_changed(lab, open_page):
    instance = lab.add_instance("kvm1")
    lab.read()
    page = opened_and_old(lab, open_page)
    page.locator("#reason").fill("typed before")
    Instance.objects.filter(id=instance).update(state="Migrating")

    page.clock.fast_forward(25_000)

    differences = page.locator("#start-differences")
    expect(differences).to_contain_text("kvm1 was “ready”, now “would wait”")
    expect(page.locator("#plan-wait")).to_contain_text("The plan has changed by itself")
    expect(page.locator("#reason")).to_be_focused()
    expect(page.locator("#reason")).to_have_value("typed before")


def test_a_plan_that_is_the_same_when_it_is_made_again_by_itself_is_not_announced(lab, open_page):
    page = opened_and_old(lab, open_page)
    page.get_by_role("button", name="Move kvm3 up").click()
    expect(page.locator("#plan-said")).to_contain_text("kvm3 is now 2 of 3.")
    page.evaluate(
        """() => {
          window.told = [];
          const watch = new MutationObserver((changes) => changes.forEach((change) => {
            const within = change.target.closest ? change.target : change.target.parentElement;
            const status = within.closest("[role=status]");
            if (status && "plan-said plan-wait".includes(status.id)) told.push(status.textContent);
          }));
          watch.observe(document.getElementById("main"), { subtree: true, childList: true, characterData: true });
        }"""
    )
    before = page.locator(".hash time").get_attribute("datetime")

    with page.expect_response("**/rolling/new/plan/"):
        page.clock.fast_forward(25_000)

    expect(page.locator(".hash time")).not_to_have_attribute("datetime", before)
    assert page.evaluate("told") == []
    assert page.locator("#start-differences").count() == 0


def test_reload_and_back_keep_the_choices_and_start_nothing_twice(lab, open_page):
    page = open_page(form_at(lab))
    page.get_by_role("checkbox", name="Leave out kvm2").check()
    expect(page.locator("tr[data-verdict=left_out]")).to_have_count(1)
    page.wait_for_url("**leave_out**")

    page.reload()
    expect(page.get_by_role("checkbox", name="Leave out kvm2")).to_be_checked()
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)
    page.go_back()

    expect(page.locator("#in-the-way")).to_contain_text(f"run {Run.objects.get().number} has it")
    assert Run.objects.count() == 1


def test_without_script_the_order_changes_and_a_run_starts(lab, browser, web, people):
    context = browser.new_context(base_url=web.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/login/?next={form_at(lab)}")
    page.fill("input[name=username]", "operator")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    has_order(page, "kvm1", "kvm2", "kvm3")

    page.get_by_role("button", name="Move kvm3 to the top of its cluster").click()
    has_order(page, "kvm3", "kvm1", "kvm2")
    page.get_by_role("checkbox", name="Leave out kvm1").check()
    page.get_by_role("button", name="Make the plan again").click()
    expect(page.locator("tr[data-verdict=left_out]")).to_have_count(1)
    start_button(page).click()
    page.wait_for_url(RUN_PAGE)

    targets = Run.objects.get().targets.order_by("order")
    assert [(t.name, t.state) for t in targets] == [
        ("kvm3", "Waiting"), ("kvm1", "Skipped"), ("kvm2", "Waiting"),
    ]  # fmt: skip
    context.close()
