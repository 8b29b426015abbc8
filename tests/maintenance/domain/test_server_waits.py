"""Why a server does not get ready, told from what was read."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from maintenance.domain.server_waits import (
    Elsewhere,
    LeftAgent,
    PendingWork,
    Wait,
    WaitCode,
    left_words,
    waits_of,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
UP = {"10.0.0.1": "mgmt1", "10.0.0.3": "mgmt3"}


def job(command: str, minutes: float = 1, run: int | None = None, resource: str = "") -> PendingWork:
    return PendingWork(uuid4(), command, resource, "shop", NOW - timedelta(minutes=minutes), run)


def reasons(**given) -> list[Wait]:
    asked = {
        "server": "mgmt2",
        "jobs": (),
        "jobs_left": len(given.get("jobs", ())),
        "agents": (),
        "agents_stuck": sum(bool(a.stuck) for a in given.get("agents", ())),
        "agents_nowhere": sum(a.is_nowhere for a in given.get("agents", ())),
        "elsewhere": elsewhere("10.0.0.1", "10.0.0.2", "10.0.0.3"),
        "leaves_agents": True,
        "now": NOW,
        **given,
    }
    return waits_of(**asked)


def waits(**given) -> dict[WaitCode, str]:
    return {wait.code: wait.words for wait in reasons(**given)}


def elsewhere(*host_setting: str, up: dict[str, str] = UP) -> Elsewhere:
    return Elsewhere(host_setting, up, {"10.0.0.1", "10.0.0.2", "10.0.0.3"})


def nowhere(name: str) -> LeftAgent:
    return LeftAgent(name, stuck="no other server of its list (10.0.0.2) is Up", is_nowhere=True)


def test_it_names_the_jobs_it_waits_for_the_oldest_first_with_their_age():
    told = waits(jobs=[job("StopVMCmd", 2), job("CopyTemplateCmd", 14, resource="rocky-9")])

    assert told == {
        WaitCode.JOB: "mgmt2 waits for 2 jobs: CopyTemplateCmd of rocky-9, for 14 min; StopVMCmd of shop, for 2 min."
    }


def test_more_jobs_than_can_be_named_are_counted():
    told = waits(jobs=[job(f"C{n}", n) for n in range(7)], jobs_left=120)

    assert told[WaitCode.JOB].endswith("; and 115 more.")


def test_a_run_of_our_own_says_that_it_is_what_holds_the_server():
    told = waits(jobs=[job("PrepareForMaintenanceCmd", run=118, resource="kvm3"), job("StopVMCmd")])

    assert told[WaitCode.OWN_RUN] == "Run 118 of our own holds mgmt2: PrepareForMaintenanceCmd of kvm3."
    assert "waits for 1 job: StopVMCmd" in told[WaitCode.JOB]


def test_a_host_that_cannot_let_its_agent_go_is_named_once_the_jobs_have_ended():
    stuck = LeftAgent("kvm3", stuck="the host is PrepareForMaintenance")

    assert "kvm3: the host is PrepareForMaintenance" in waits(agents=[stuck])[WaitCode.HOST_STUCK]
    assert WaitCode.HOST_STUCK not in waits(agents=[stuck], jobs=[job("StopVMCmd")])


def test_what_is_wrong_with_the_host_setting_is_said_once_for_all_agents_that_have_nowhere_to_go():
    agents = [nowhere(name) for name in ("s-1-VM", "v-2-VM", "kvm1", "kvm2", "kvm3", "kvm4", "kvm5")]

    (wait,) = reasons(
        agents=agents, agents_nowhere=120, agents_stuck=120, elsewhere=elsewhere("10.9.9.9", "10.0.0.2")
    )

    assert (wait.code, wait.words) == (
        WaitCode.HOST_SETTING,
        "120 agents have nowhere to go: s-1-VM, v-2-VM, kvm1, kvm2, kvm3 and 115 more. 10.9.9.9 in the setting `host` "
        "is no management server's. 10.0.0.1 (mgmt1), 10.0.0.3 (mgmt3) are Up and missing in the setting `host`.",
    )
    assert wait.what_to_do.startswith("Add the addresses to the setting `host`")


def test_one_agent_that_has_nowhere_to_go_is_one_agent():
    (wait,) = reasons(agents=[nowhere("kvm3")], elsewhere=elsewhere("10.0.0.2", "10.0.0.1"))

    assert wait.words.startswith("1 agent has nowhere to go: kvm3. 10.0.0.3 (mgmt3) is Up and missing")


def test_nobody_is_asked_to_add_an_address_where_no_other_server_is_up():
    (wait,) = reasons(agents=[nowhere("kvm3")], elsewhere=elsewhere("10.0.0.2", up={}))

    assert wait.code is WaitCode.NONE_UP
    assert "No other management server is Up" in wait.words


def test_an_agent_that_keeps_another_list_than_the_setting_is_sent_it_by_a_rebalance():
    (wait,) = reasons(agents=[nowhere("kvm3")])

    assert (wait.code, wait.what_to_do[:9]) == (WaitCode.AGENT_LIST, "Rebalance")


def test_a_run_of_our_own_that_drains_a_host_says_so_and_that_it_ends():
    mine = LeftAgent("kvm5", stuck="its host is PrepareForMaintenance", run=10)
    theirs = LeftAgent("kvm6", stuck="its host is PrepareForMaintenance")

    own, stuck = reasons(agents=[mine, theirs])

    assert (own.code, own.words) == (
        WaitCode.OWN_RUN, "Run 10 of our own holds mgmt2: it drains kvm5; it ends by itself.",
    )  # fmt: skip
    assert "pause run 10" in own.what_to_do
    assert stuck.words == "1 agent cannot leave: kvm6: its host is PrepareForMaintenance."


def test_agents_are_no_reason_where_the_server_is_only_shut_down():
    stuck = LeftAgent("kvm3", stuck="the host is PrepareForMaintenance")

    assert waits(agents=[stuck], leaves_agents=False) == {}


def test_what_was_left_is_counted_and_the_first_are_named():
    jobs = [job(f"C{n}", n) for n in range(7)]
    agents = [LeftAgent(f"kvm{n}") for n in range(1, 7)]

    assert left(jobs, 60, agents, 6) == (
        "60 jobs (C6 of shop, for 6 min; C5 of shop, for 5 min; C4 of shop, for 4 min; C3 of shop, for 3 min; "
        "C2 of shop, for 2 min; and 55 more) and 6 agents (kvm1, kvm2, kvm3, kvm4, kvm5 and 1 more) were left"
    )
    assert left([], 0, agents[:1], 1) == "1 agent (kvm1) was left"
    assert left([], 0, [], 0) == "nothing was left on it"


def left(jobs: list[PendingWork], jobs_left: int, agents: list[LeftAgent], agents_left: int) -> str:
    return left_words(jobs=jobs, jobs_left=jobs_left, agents=agents, agents_left=agents_left, now=NOW)
