"""Whatever is written into the feed is told to people in a sentence."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from dashboard.screens.events.cluster_names import forget
from dashboard.screens.events.telling import TOLD_KINDS, latest_events, plain, tell
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import RunState, TargetState
from maintenance.feed import unit_of_work
from maintenance.inventory_kinds import KINDS
from maintenance.models import FeedEvent
from maintenance.servers_sync import KINDS as SERVER_KINDS

ID = str(UUID(int=7))
RUN = {"run": ID, "run_number": 12}
HOST = {"host": ID, "host_name": "kvm1"}
SERVER = {"server": ID, "name": "mgmt1"}
STEP = RUN | HOST | {"step": ID, "stage": "Maintenance"}

# kind, what it is about, before, after, the sentence. One line at least for each kind that is written anywhere.
VM = {"system_vm": "0b2f4c52-6a3f-4d5b-9c0e-1f2a3b4c5d6e", "name": "r-27-VM"}
SAID: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ("run.created", RUN, {}, {"state": "Queued", "hosts": 3}, "Run 12 was started by ada, 3 hosts"),
    ("run.state", RUN, {"state": "Queued"}, {"state": "Running"}, "Run 12 is running"),
    ("run.pausing", RUN, {}, {"message": "enough for today"}, "Run 12 is pausing"),
    ("target.state", RUN | HOST, {"state": "Ready"}, {"state": "Preparing"}, "kvm1 is being prepared"),
    ("step.output", STEP, {}, {"bytes": 10}, "kvm1: the script of Maintenance prints"),
    ("step.moved", STEP, {}, {"moved": 2, "total": 7, "left": 5}, "kvm1: 2 of 7 instances moved"),
    ("step.moved", STEP, {}, {"note": "waits"}, "kvm1: Maintenance is on its way"),
    ("step.moved", RUN, {}, {"note": "the cloud said not now"}, "A host: its stage is on its way"),
    ("step.taken_over", STEP, {}, {"epoch": 2}, "kvm1: another engine has taken over Maintenance"),
    ("step.ended", STEP, {}, {"outcome": "failed"}, "kvm1: Maintenance failed"),
    ("host.out", HOST, {}, {"instances": 7}, "kvm1 leaves service, 7 instances to move"),
    ("host.back", HOST, {}, {}, "kvm1 is in service again"),
    ("host.changed", HOST, {}, {"hooks": {}}, "kvm1: its scripts were read"),
    ("host.changed", HOST, {"state": "Up"}, {"state": "Down"}, "The cloud says that kvm1 is Down"),
    (
        "host.changed", HOST, {"boot_id": "a"}, {"boot_id": "b", "kernel_version": "6.2"},
        "The cloud says that kvm1 has changed: boot and kernel version",
    ),
    ("host.changed", HOST, {}, {"something_new": 1}, "kvm1 has changed"),
    ("instance.changed", {"name": "vm"}, {"host_id": "a"}, {"host_id": "b"}, "Instance vm is on another host"),
    ("instance.changed", {"name": "vm"}, {}, {"new": True}, "Instance vm is new"),
    ("instance.changed", {"name": "vm"}, {}, {"gone": True}, "Instance vm is no longer listed"),
    ("instance.changed", {}, {}, {"gone": True}, "An instance is no longer listed"),
    ("zone.changed", {"name": "z"}, {"name": "y"}, {"name": "z"}, "The cloud says that Zone z has changed: name"),
    ("pod.changed", {"name": "p"}, {}, {"new": True}, "Pod p is new"),
    ("cluster.changed", {"name": "c"}, {}, {"gone": True}, "Cluster c is no longer listed"),
    ("server.changed", {"name": "mgmt1"}, {"state": "Up"}, {"state": "Down"}, "mgmt1 is Down"),
    (
        "server.changed", {"name": "mgmt1"}, {"agents": 1}, {"agents": 2},
        "The cloud says that mgmt1 has changed: number of agents",
    ),
    ("jobs.changed", {"name": "DeployVM"}, {}, {"new": True}, "The pending job DeployVM is new"),
    ("jobs.changed", {"name": "DeployVM"}, {}, {"gone": True}, "The pending job DeployVM is no longer pending"),
    ("server.changed", SERVER, {}, {"gone": True}, "mgmt1 is no longer listed"),
    ("servers.read", {"name": "lab"}, {}, {"error": "refused"}, "The management servers of lab cannot be read"),
    ("servers.read", {"name": "lab"}, {}, {"error": ""}, "The management servers of lab can be read again"),
    (
        "cut_off.changed", {"name": "StartVMCmd"}, {}, {"new": True},
        "StartVMCmd was cut off with its server: what it worked on is to be reconciled",
    ),
    ("cut_off.reconciled", {"name": "StartVMCmd"}, {}, {}, "What StartVMCmd left behind was reconciled"),
    (
        "agent.changed", {"name": "kvm1"}, {"management_server_id": "a"}, {"management_server_id": "b"},
        "The agent kvm1 is on another management server",
    ),
    (
        "agent.changed", {"name": "kvm1"}, {"management_server_id": "a"}, {"management_server_id": None},
        "The agent kvm1 is connected to no management server",
    ),
    (
        "balance.changed", {"name": "lab"}, {"algorithm": "static", "hosts": ["a"]},
        {"algorithm": "shuffle", "hosts": ["a"]}, "The agent balance of lab has changed: algorithm",
    ),
    (
        "run.created", RUN | {"kind": "live-patch"}, {}, {"state": "Queued", "system_vms": 4},
        "Run 12, a live patch, was started by ada, 4 system VMs",
    ),
    ("target.state", RUN | VM, {"state": "Waiting"}, {"state": "Done"}, "r-27-VM is patched"),
    (
        "target.state", RUN | VM, {"state": "Working"}, {"state": "Returning"},
        "r-27-VM goes back to its previous version",
    ),
    ("step.ended", RUN | VM | {"stage": "RestartServices"}, {}, {"outcome": "failed"}, "r-27-VM: Restart failed"),
    (
        "system_vm.changed", VM, {"software_version": "4.21.0.0"}, {"software_version": "4.21.0.1"},
        "r-27-VM runs 4.21.0.1 now, as probed; before it was 4.21.0.0",
    ),
    ("system_vm.changed", VM, {}, {"probe_error": "no answer"}, "r-27-VM could not be probed"),
    (
        "system_vm.changed", VM, {}, {"services": [{"name": "dnsmasq", "is_enabled": True, "is_active": False}]},
        "r-27-VM, as probed: dnsmasq not running",
    ),
    ("network.changed", {"name": "shop-prod"}, {}, {"new": True}, "Network shop-prod is new"),
    (
        "vpc.changed", {"name": "media"}, {"account": "a"}, {"account": "b"},
        "The cloud says that VPC media has changed: account",
    ),
    ("payload.published", {"version": "4.21.0.1"}, {}, {}, "ada published the payload 4.21.0.1"),
    ("payload.withdrawn", {"version": "4.21.0.1"}, {}, {}, "ada withdrew the payload 4.21.0.1"),
    ("balance.asked", {"name": "lab", "kind": "rebalance"}, {}, {}, "lab: a rebalance of its agents was asked for"),
    (
        "balance.change", {"name": "lab", "kind": "balance"}, {"state": "Pending"}, {"state": "Done"},
        "lab: the agent balance was changed",
    ),
    (
        "balance.change", {"name": "lab", "kind": "rebalance"}, {"state": "Pending"}, {"state": "Refused"},
        "lab refused to rebalance its agents",
    ),
    ("run.created", RUN, {}, {"state": "Queued", "servers": 3}, "Run 12 was started by ada, 3 servers"),
    ("target.state", RUN | SERVER, {}, {"state": "Draining"}, "mgmt1 prepares: jobs end, agents leave"),
    ("target.state", RUN | SERVER, {}, {"state": "NeedsPerson"}, "mgmt1 needs a person"),
    ("step.moved", RUN | SERVER, {}, {"jobs_left": 2, "agents_left": 1}, "mgmt1: 2 jobs and 1 agent left"),
    (
        "step.ended", RUN | SERVER | {"stage": "ComeBack"}, {}, {"outcome": "timed_out"},
        "mgmt1: Come back ran out of time",
    ),
    ("cloud.read", {"name": "lab"}, {}, {"error": "refused"}, "lab cannot be read"),
    ("cloud.read", {"name": "lab"}, {}, {"error": ""}, "lab can be read again"),
    ("attention.opened", {"attention": ID}, {}, {"title": "kvm1 failed"}, "Needs a person: kvm1 failed"),
    ("attention.taken", {"attention": ID}, {}, {"taken_by": "bob"}, "bob has taken what needs a person"),
    ("attention.resolved", {"attention": ID}, {}, {"by": "engine"}, "What needed a person is settled"),
    ("attention.changed", {"attention": ID}, {}, {"message": "still"}, "What needs a person has changed"),
    ("engine.started", {"engine": ID}, {}, {"host_name": "node1"}, "An engine started"),
    ("engine.stopped", {"engine": ID}, {}, {}, "An engine stopped"),
    ("settings.changed", {"part": "limits"}, {}, {}, "Limits have changed"),
    ("settings.changed", {}, {}, {}, "Settings have changed"),
    ("audit.checked", {}, {}, {"number": 9, "broken": None}, "The audit is whole up to entry 9"),
    ("audit.checked", {}, {}, {"number": 9, "broken": 4}, "The audit is broken at entry 4"),
    ("notification.changed", {"notification": ID}, {}, {}, "A notification is on its way"),
]  # fmt: skip


def event(kind, about, before, after) -> FeedEvent:
    at = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    return FeedEvent(kind=kind, actor="ada", object=about, before=before, after=after, at=at)


def kinds_in(source: str) -> Iterator[str]:
    """The kinds that this code writes: the first word of each call that tells an event."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            is_told = node.func.attr in {"event", "_tell"}
            if is_told and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def kinds_written() -> set[str]:
    folders = (Path(settings.BASE_DIR, name) for name in ("maintenance", "dashboard"))
    files = (file for folder in folders for file in folder.rglob("*.py"))
    return {kind for file in files for kind in kinds_in(file.read_text())} | {
        *(kind.event for kind in KINDS),
        *(kind.event for kind in SERVER_KINDS),
    }


@pytest.mark.parametrize(("kind", "about", "before", "after", "says"), SAID)
def test_each_kind_of_event_is_told_in_a_sentence(kind, about, before, after, says):
    told = tell(event(kind, about, before, after))

    assert plain(told.says).replace("\N{NO-BREAK SPACE}", " ") == says


def test_no_kind_that_is_written_anywhere_is_without_its_sentence():
    written = kinds_written()

    assert {"run.state", "step.output", "step.ended", "instance.changed"} <= written
    assert written == {kind for kind, *_rest in SAID}
    assert set(TOLD_KINDS) <= written


@pytest.mark.parametrize("state", list(RunState))
def test_each_state_of_a_run_has_its_own_words(state):
    told = tell(event("run.state", RUN, {}, {"state": state}))

    assert plain(told.says).startswith("Run 12 ")
    assert plain(told.says) != "Run 12 has changed"


@pytest.mark.parametrize("state", list(TargetState))
def test_each_state_of_a_host_has_its_own_words(state):
    told = tell(event("target.state", HOST, {}, {"state": state}))

    assert plain(told.says) != "kvm1 has changed"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_of_a_step_has_its_own_words(outcome):
    told = tell(event("step.ended", STEP, {}, {"outcome": outcome}))

    assert plain(told.says) != "kvm1: Maintenance has ended"


def test_what_people_and_clouds_wrote_is_inert_in_a_sentence():
    evil = "<script>alert(1)</script>"

    says = tell(event("instance.changed", {"name": evil}, {}, {"state": evil})).says

    assert "<script" not in says
    assert plain(says) == f"The cloud says that Instance {evil} is {evil}"


def test_the_overview_tells_the_news_the_latest_first_and_leaves_out_what_is_none(db):
    with unit_of_work("ada") as work:
        work.event("cloud.read", {"name": "lab"}, after={"error": "refused"})
        work.event("instance.changed", {"name": "vm"}, after={"new": True})
        work.event("step.output", STEP, after={"bytes": 1})
        work.event("target.state", HOST, before={"state": "Waiting"}, after={"state": "Ready"})
        work.event("cloud.read", {"name": "lab"}, after={"error": ""})

    assert [plain(told.says) for told in latest_events()] == ["lab can be read again", "lab cannot be read"]


def test_no_flood_of_what_is_no_news_hides_the_news_or_costs_more(db, django_assert_num_queries):
    with unit_of_work("ada") as work:
        work.event("run.created", RUN, after={"hosts": 3})
    FeedEvent.objects.bulk_create(
        event(kind, STEP, before, after)
        for kind, before, after in (
            ("step.moved", {}, {"note": "waits"}),
            ("step.ended", {}, {"outcome": "ok"}),
            ("target.state", {"state": "Waiting"}, {"state": "Ready"}),
        )
        for _n in range(2_000)
    )

    with django_assert_num_queries(1):
        news = [plain(told.says) for told in latest_events()]

    assert news == ["Run 12 was started by ada, 3 hosts".replace("3 h", "3\N{NO-BREAK SPACE}h")]


def test_a_host_is_told_with_its_cluster_because_other_clusters_may_have_one_of_its_name(inventory):
    forget()
    cluster = inventory.clusters["c1"]
    about = HOST | {"cluster": str(cluster.id)}

    assert plain(tell(event("host.back", about, {}, {})).says) == "kvm1 (c1) is in service again"
    assert plain(tell(event("host.back", HOST, {}, {})).says) == "kvm1 is in service again"
