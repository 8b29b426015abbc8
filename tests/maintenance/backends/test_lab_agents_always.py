"""Whatever happens to servers and hosts, in any order: every agent that is Up has a server that is."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maintenance.backends.lab import agents
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent, ManagementServer
from tests.maintenance.backends.lab_agents import (
    HANDED_OVER_S,
    MS1,
    MS2,
    MS3,
    AgentsUnderTest,
    agents_under_test,
    longest_gap_s,
)
from tests.maintenance.backends.lab_hosts import KVM1, KVM2, KVM5

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

GAP_MAX_S = 1
SERVERS, HOSTS = (MS1, MS2, MS3), (KVM1, KVM2, KVM5)

SERVER_MOVES = ("prepare", "wait for jobs", "cancel", "kill", "start", "home")

seconds = st.sampled_from([0, 0.05, 0.1, 0.2, 0.35, 1, 70])
happenings = st.one_of(
    st.tuples(
        st.sampled_from(["prepare", "wait for jobs", "cancel", "kill", "start", "home"]),
        st.sampled_from(SERVERS),
    ),
    st.tuples(st.sampled_from(["away", "back", "restart"]), st.sampled_from(HOSTS)),
    st.tuples(st.sampled_from(["algorithm"]), st.sampled_from(["static", "roundrobin", "shuffle"])),
)


@pytest.fixture
def it(lab: LabCloud) -> Iterator[AgentsUnderTest]:
    with agents_under_test() as under_test:
        yield under_test


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=st.lists(st.tuples(seconds, happenings), min_size=1, max_size=12), looks=st.booleans())
def test_every_agent_that_is_up_has_one_server_that_is_up(
    it: AgentsUnderTest, story: list[tuple[float, tuple[str, object]]], looks: bool
):
    anew(it)
    always_one = True
    for pause_s, (what, about) in story:
        if looks:
            it.after(pause_s)
        else:
            it.now += it.now.resolution * int(pause_s * 1e6)
        happen(it, what, about)
        always_one = always_one and up() > 0

    for server in ManagementServer.objects.filter(state="PreparingForMaintenance"):
        it.hand_over(server.id)
    it.after()

    if up():
        assert not list(
            Agent.objects.filter(is_away=False).exclude(server__state="Up").values_list("name", "stuck")
        )
    else:
        assert not Agent.objects.filter(server__state="Down").exists()
    assert Agent.objects.filter(host__state="Up", is_away=True).count() == 0
    if always_one:
        assert longest_gap_s() <= GAP_MAX_S


def anew(it: AgentsUnderTest) -> None:
    """Everything Up and at home, and nothing remembered."""
    for host in HOSTS:
        it.set_host(host, state="Up")
    for server in SERVERS:
        it.start(server)
    it.change(algorithm="roundrobin", check_interval_s=60)
    agents.send_home(it.door, it.config, it.now)
    it.after(HANDED_OVER_S)
    Agent.objects.update(longest_gap_s=0)


def up() -> int:
    return ManagementServer.objects.filter(state="Up").count()


def happen(it: AgentsUnderTest, what: str, about: object) -> None:
    """One thing, where it is possible."""
    match what:
        case "away" | "back":
            it.set_host(about, state="Up" if what == "back" else "Disconnected")  # type: ignore[arg-type]
        case "restart":
            it.set_host(about, agent_session=int(it.now.timestamp()) % 10**6)  # type: ignore[arg-type]
        case "algorithm":
            it.change(algorithm=about)
        case _:
            happen_to_server(it, what, ManagementServer.objects.get(id=str(about)))


def happen_to_server(it: AgentsUnderTest, what: str, server: ManagementServer) -> None:
    match what, server.state:
        case "prepare", "Up":
            it.prepare(server.id)
        case "wait for jobs", "Up":
            it.set_server(server.id, "PreparingForMaintenance")
        case "prepare", "PreparingForMaintenance":
            it.hand_over(server.id)
        case "cancel", "PreparingForMaintenance":
            it.cancel(server.id)
        case "kill", "Up" | "PreparingForMaintenance":
            it.kill(server.id)
        case "start", "Down":
            it.start(server.id)
        case "home", _:
            agents.send_home(it.door, it.config, it.now)
