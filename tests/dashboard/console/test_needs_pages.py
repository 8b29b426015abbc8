"""What needs a person: the list by cause, and a page for each that says what happened and what each button does."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from dashboard.screens.needs.seen import ENGINE_ID
from maintenance.actions import resolve_attention, take_attention
from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.feed import unit_of_work
from maintenance.models import Attention, EngineProcess, Host, Instance, Target
from tests.dashboard.console.runs import end_step, failed_and_paused, in_state, put_host, start_run
from tests.dashboard.walk_page import Page

PRINTED = b"unpacking\ndisk is full\n"


@pytest.fixture(autouse=True)
def an_engine_runs(db):
    return EngineProcess.objects.create(host_name="node1", pid=7, version="1")


def ask(target, cause, message="as noted", **more):
    with unit_of_work() as work:
        ask_for_person(work, cause, run=target.run, target=target, message=message, **more)
    return Attention.objects.get(cause=cause, target=target, resolved_at=None)


@pytest.fixture
def failed(inventory):
    """kvm1 failed in a run that is paused for it."""
    target = failed_and_paused(start_run(inventory, "c1"), "kvm1", "exit status 1", PRINTED)
    return ask(target, Cause.STAGE_FAILED, "Maintenance: exit status 1")


def waiting(inventory, cause, **more):
    """kvm1 waits in a run that goes on."""
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    return ask(put_host(run, "kvm1", TargetState.READY), cause, **more)


def page_of(client, need):
    return Page(client.get(reverse("need", args=[getattr(need, "id", need)])).text)


def part(page, name):
    """What one part of the page says, in one line; empty where it is hidden."""
    found = page.by_id(f"need-{name}")
    return "" if found is None or found.has("hidden") else " ".join(found.text.split())


def labels(page):
    """The buttons of the page that can be pressed, confirmations too."""
    return {use.says for use in page.buttons()}


# ---- the list -----------------------------------------------------------------------------------------------------


def test_what_needs_a_person_is_grouped_by_cause_and_the_gravest_comes_first(operator, failed):
    ask(put_host(failed.run, "kvm2", TargetState.NEEDS_PERSON), Cause.HOST_NOT_BACK)
    for name in ("kvm2", "kvm3"):
        ask(Target.objects.get(name=name), Cause.STAGE_FAILED)

    overview = Page(operator.get("/").text).by_id("overview-needs").text

    assert overview.index("A host is not back in service") < overview.index("A stage failed")
    assert "kvm2 is not back in service" in overview
    assert "and 1 more with the same cause" in overview
    assert "4 things from 2 causes" in overview.replace("\N{NO-BREAK SPACE}", " ")


def test_a_long_note_is_shortened_in_lists_and_whole_on_its_page(operator, failed):
    Attention.objects.update(message="word " * 100 + "the end")

    assert "the end" not in operator.get(reverse("needs")).text
    assert "the end" in part(page_of(operator, failed), "story")


def test_who_has_it_is_said_to_everybody(operator, viewer, failed):
    take_attention(failed.id, actor="ada")

    assert "ada has it" in Page(viewer.get("/").text).by_id("overview-needs").text
    assert "ada has it." in part(page_of(operator, failed), "head")
    assert "I take it" not in operator.get("/").text
    assert "I take it" not in labels(page_of(operator, failed))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "Nothing needs a person."),
        ("?state=taken", "Nobody has anything now."),
        ("?state=closed", "Nothing was ever settled."),
        ("?cause=no-room", "Nothing with this cause is in this state."),
        ("?state=nonsense&cause=nonsense", "Nothing needs a person."),
    ],
)
def test_an_empty_list_says_what_it_is_empty_of(operator, inventory, query, says):
    assert says in operator.get(reverse("needs") + query).text


# ---- one of them --------------------------------------------------------------------------------------------------


def test_a_failed_script_shows_its_last_output_the_host_now_and_what_each_button_does(operator, failed):
    page = page_of(operator, failed)

    assert "exit status 1" in part(page, "story")
    assert "disk is full" in part(page, "story")
    assert "agent Up, Enabled, 1 instance on it" in part(page, "standing").replace("\N{NO-BREAK SPACE}", " ")
    assert {"Retry kvm1", "Skip kvm1", "Resume", "I take it"} <= labels(page)
    actions = part(page, "actions")
    assert "The run is resumed, and kvm1 takes its turn again, from PreMaintenance." in actions
    assert "kvm1 is left as failed, and so the run ends as failed." in actions


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_says_what_it_means_what_happens_by_itself_and_what_to_do(operator, inventory, cause):
    page = page_of(operator, waiting(inventory, cause))

    assert len(part(page, "story")) > 40
    assert "What Pitstop does by itself" in part(page, "standing")
    assert len(part(page, "actions")) > 100
    assert [a for a in page.find("div") if a["class"] == "action"]


def test_a_host_that_is_not_back_says_that_its_machine_must_come_first_and_stays_out(operator, inventory):
    run = start_run(inventory, "c1")
    target = put_host(run, "kvm1", TargetState.NEEDS_PERSON, out_at=timezone.now())
    in_state(run, RunState.PAUSED)
    Host.objects.filter(name="kvm1").update(state="Disconnected", resource_state="Maintenance")

    actions = part(page_of(operator, ask(target, Cause.HOST_NOT_BACK)), "actions")

    assert "Its agent is Disconnected now: bring the machine up first" in actions
    assert "kvm1 stays out of service until a person returns it." in actions
    assert "No host is out of service." not in actions


def test_where_no_script_failed_the_last_one_that_ran_is_quoted(operator, inventory):
    run = start_run(inventory, "c1")
    target = put_host(run, "kvm1", TargetState.NEEDS_PERSON, out_at=timezone.now())
    end_step(target, "Maintenance", printed=b"rebooting now\n")
    end_step(target, "Return", "timed_out", script="")

    story = part(page_of(operator, ask(target, Cause.HOST_NOT_BACK)), "story")

    assert "its last lines" in story
    assert "rebooting now" in story


def test_a_full_cluster_offers_the_hosts_whose_return_makes_room(operator, inventory):
    need = waiting(inventory, Cause.NO_ROOM)
    Host.objects.filter(name="kvm3").update(resource_state="Maintenance")

    page = page_of(operator, need)

    assert "Nobody is working on kvm3: return it" in labels(page)
    assert not any("kvm2" in says or "kvm4" in says for says in labels(page))


def test_a_full_cluster_lists_the_instances_without_a_place_with_their_host(operator, inventory):
    need = waiting(inventory, Cause.NO_ROOM)
    Instance.objects.filter(host__name="kvm1").update(memory_mb=10_000_000, cpu_cores=1)

    room = part(page_of(operator, need), "room")

    assert "10,000,000 MB, 1 core" in room
    assert "1 cores" not in room
    assert "GB of memory missing in all" in room
    assert "kvm1" in room


def test_viewers_see_every_button_and_why_they_may_not_press(viewer, operator, failed):
    page = page_of(viewer, failed)

    disabled = [b.text.strip() for b in page.find("button") if b.has("disabled")]
    assert {"Retry kvm1", "Skip kvm1", "Resume", "I take it", "Close…"} <= set(disabled)
    assert "Your role is viewer. Operators and administrators can do this." in part(page, "actions")
    assert not labels(page) & labels(page_of(operator, failed)) - {"Log out"}


# ---- settled ------------------------------------------------------------------------------------------------------


def test_what_a_person_closed_says_who_and_why_and_offers_nothing_of_its_own(operator, inventory):
    need = waiting(inventory, Cause.NO_ROOM)
    resolve_attention(need.id, actor="ada", reason="kvm2 was emptied by hand")

    page = page_of(operator, need)

    assert "It is settled." in part(page, "head")
    assert "by ada: kvm2 was emptied by hand" in part(page, "head")
    assert labels(page) == {"Log out"}
    assert "Everything that needs a person" in part(page, "actions")
    assert "by ada" in " ".join(Page(operator.get("/needs-a-person/?state=closed").text).root.text.split())


def test_what_was_seen_settles_it_and_is_said_as_seen(operator, failed):
    with unit_of_work() as work:
        resolve_attentions(work, Q(id=failed.id), by="observed Enabled and Up")

    assert "by what was seen: Enabled and Up" in part(page_of(operator, failed), "head")


def test_a_run_that_still_waits_for_a_word_can_be_resumed_where_its_cause_was_settled(operator, failed):
    with unit_of_work() as work:
        resolve_attentions(work, Q(id=failed.id), by="ada")

    assert {"Resume", "Retry kvm1"} <= labels(page_of(operator, failed))


def test_a_host_on_its_way_is_not_called_well_before_it_is(operator, failed):
    with unit_of_work() as work:
        resolve_attentions(work, Q(id=failed.id), by="ada")
    put_host(failed.run, "kvm1", TargetState.RETURNING, is_open=True)
    assert "kvm1 is on its way: Returning." in part(page_of(operator, failed), "head")

    ask(put_host(failed.run, "kvm1", TargetState.NEEDS_PERSON), Cause.HOST_NOT_BACK)
    page = page_of(operator, failed)
    assert "This is settled, but the host needs a person again." in part(page, "head")
    assert "kvm1 is not back in service" in part(page, "standing")


# ---- what no engine can write down --------------------------------------------------------------------------------


@pytest.fixture
def dead_engine(an_engine_runs, settings, tmp_path, monkeypatch):
    """It fell silent; its log is where the launcher of this web process keeps it."""
    EngineProcess.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
    settings.VAR_DIR = tmp_path
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "engine.log").write_text(
        '{"timestamp": "2026-11-21T16:41:18.4Z", "level": "info", "event": "engine works", "threads": 16}\n'
        "out of memory\n"
    )
    monkeypatch.setenv("PITSTOP_LAUNCHER", "1")


def test_a_dead_engine_is_the_first_thing_and_its_page_names_the_command(operator, inventory, dead_engine):
    assert "No engine answers: nothing moves" in operator.get("/").text

    page = page_of(operator, ENGINE_ID)

    assert "manage.py engine" in part(page, "engine")
    assert "2026-11-21T16:41:18Z · engine works · threads 16 out of memory" in part(page, "engine")
    assert "No run is in progress" in part(page, "engine")
    assert "fell silent without a word" in part(page, "story")


def test_the_log_of_a_dead_engine_is_for_those_who_may_start_one(viewer, inventory, dead_engine):
    page = page_of(viewer, ENGINE_ID)

    assert "manage.py engine" in part(page, "engine")
    assert "out of memory" not in page.root.text


def test_once_an_engine_answers_nothing_on_its_page_speaks_of_standing_still(operator, inventory):
    page = page_of(operator, ENGINE_ID)

    assert "An engine answers. Work goes on." in part(page, "head")
    assert "manage.py engine" not in page.root.text
    assert "What stands still" not in part(page, "engine")


def test_a_cloud_that_cannot_be_read_has_a_page_with_its_words(operator, inventory):
    inventory.was_last_read(timedelta(minutes=5))
    inventory.cloud.read_error = "connection refused"
    inventory.cloud.save()

    page = page_of(operator, inventory.cloud.id)

    assert "lab cannot be read." in part(page, "head")
    assert "connection refused" in part(page, "story")
    assert "settled by itself with the first good reading" in part(page, "actions")


def test_what_never_was_is_not_found(operator, inventory):
    assert operator.get(reverse("need", args=[inventory.zone.id])).status_code == 404


def test_the_page_of_a_host_that_others_took_leads_to_where_it_can_be_taken_back(operator, inventory):
    target = put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.READY)
    kvm3 = Host.objects.get(name="kvm3")
    Host.objects.filter(id=kvm3.id).update(resource_state="Maintenance")
    Target.objects.filter(host=kvm3).delete()
    alone = operator.get(f"/hosts/{kvm3.id}/").text
    assert "Others took it out of service. Return it where it was taken." in alone
    assert "A run waits for kvm3" not in alone

    need = ask(target, Cause.FOREIGN_MAINTENANCE, host=kvm3)
    page = operator.get(f"/hosts/{kvm3.id}/").text

    assert "or, since a run waits for it, take it back from the page that tells so" in page
    assert "A run waits for kvm3: what to do" in page
    assert reverse("need", args=[need.id]) in page


def test_the_empty_list_promises_only_what_would_stand_there(viewer, inventory):
    Host.objects.filter(name="kvm3").update(resource_state="Maintenance")

    assert "a host that others took and a run waits for" in viewer.get("/needs-a-person/").text


def test_one_host_of_others_that_several_wait_for_is_one_thing_that_names_them(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    kvm3 = Host.objects.get(name="kvm3")
    Host.objects.filter(id=kvm3.id).update(resource_state="Maintenance")
    kvm3.refresh_from_db()
    for name in ("kvm1", "kvm2"):
        ask(put_host(run, name, TargetState.READY), Cause.FOREIGN_MAINTENANCE, f"{name} waits", host=kvm3)

    listed = operator.get("/needs-a-person/").text
    overview = operator.get("/").text
    filtered = operator.get("/needs-a-person/?cause=foreign-maintenance").text
    of_run = operator.get(f"/rolling/{run.id}/").text

    for page in (listed, overview, filtered, of_run):
        assert "kvm1 and kvm2 wait for it." in page
    for page in (listed, overview, filtered):
        assert page.count('<h4><a href="/needs-a-person/') == 1
    assert "One thing needs a person." in listed
    assert of_run.count('<article class="problem"') == 1
    problem = Page(of_run).by_id("run-problems").text
    assert "Skip kvm1" not in problem
    assert "Return kvm3 to service" in problem
