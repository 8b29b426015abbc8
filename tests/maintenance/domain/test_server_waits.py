"""Why a server does not get ready, told from what was read."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from maintenance.domain.server_waits import LeftAgent, PendingWork, WaitCode, waits_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def job(command: str, minutes: float = 1, run: int | None = None, resource: str = "") -> PendingWork:
    return PendingWork(uuid4(), command, resource, "shop", NOW - timedelta(minutes=minutes), run)


def waits(**given) -> dict[WaitCode, str]:
    asked = {
        "server": "mgmt2",
        "jobs": (),
        "jobs_left": len(given.get("jobs", ())),
        "agents": (),
        "agents_stuck": sum(bool(a.stuck) for a in given.get("agents", ())),
        "host_setting": ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
        "up_addresses": {"10.0.0.1": "mgmt1", "10.0.0.3": "mgmt3"},
        "leaves_agents": True,
        "now": NOW,
        **given,
    }
    return {wait.code: wait.words for wait in waits_of(**asked)}


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


def test_an_address_that_the_host_setting_lacks_is_named_when_an_agent_has_nowhere_to_go():
    nowhere, going = LeftAgent("kvm3"), LeftAgent("kvm4", goes_to="mgmt1")

    assert "10.0.0.3 (mgmt3)" in waits(agents=[nowhere], host_setting=("10.0.0.1",))[WaitCode.HOST_SETTING]
    assert WaitCode.HOST_SETTING not in waits(agents=[going], host_setting=("10.0.0.1",))


def test_agents_are_no_reason_where_the_server_is_only_shut_down():
    stuck = LeftAgent("kvm3", stuck="the host is PrepareForMaintenance")

    assert waits(agents=[stuck], leaves_agents=False) == {}
