"""Agent balance through the lab's API and `lab` at a terminal, on the clock."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from maintenance.backends.base import Expired, Never, NoReply
from maintenance.backends.lab import folders, steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.world import lab_world
from maintenance.backends.servers import AgentRead, BalanceChange
from tests.maintenance.backends.lab_agents import MS1, MS2, A, B, C
from tests.maintenance.backends.lab_hosts import KVM1, KVM2, P1_C1, name_of, soon
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def agent_of(lab: LabCloud, agent_id: object) -> AgentRead:
    (found,) = (one for one in lab.snapshot().agents if one.id == agent_id)
    return found


def say(*words: str) -> str:
    out = StringIO()
    call_command("lab", *words, stdout=out)
    return out.getvalue()


def test_the_listing_tells_agents_and_settings(lab: LabCloud):
    listing = lab.snapshot()

    assert listing.balance is not None
    assert (listing.balance.hosts, listing.balance.algorithm) == ((A, B, C), "roundrobin")
    kvm1 = agent_of(lab, KVM1)
    assert (kvm1.kind, kvm1.host_order, kvm1.management_server_id) == ("host", 1, MS1)
    assert (kvm1.servers_listed, kvm1.algorithm, kvm1.check_interval_s) == ((A, B, C), "roundrobin", 60)
    (direct,) = (one for one in listing.agents if one.is_direct)
    assert (direct.servers_listed, direct.algorithm, direct.check_interval_s) == (None, "", None)
    hosts = {host.id: host.management_server_id for host in listing.hosts}
    assert {a.id: a.management_server_id for a in listing.agents if a.kind == "host"} == hosts


def test_changed_settings_hold_at_once(lab: LabCloud):
    lab.snapshot()
    lab.change_balance(BalanceChange(hosts=(C, A), algorithm="static", check_interval_s=0), expires_at=soon())

    balance = lab.snapshot().balance
    assert balance is not None
    assert (balance.hosts, balance.algorithm, balance.check_interval_s) == ((C, A), "static", 0)
    assert agent_of(lab, KVM2).servers_listed == (C, A)
    assert f"host={C},{A}@static" in folders.properties_path(name_of(KVM2)).read_text()


def test_what_was_not_asked_stays(lab: LabCloud):
    lab.change_balance(
        BalanceChange(maintenance_timeout_min=5, ignore_maintenance_hosts=True), expires_at=soon()
    )
    lab.change_balance(BalanceChange(check_interval_of_cluster_s={P1_C1: 9}), expires_at=soon())

    balance = lab.snapshot().balance
    assert balance is not None
    assert (balance.maintenance_timeout_min, balance.ignore_maintenance_hosts) == (5, True)
    assert (balance.algorithm, balance.check_interval_of_cluster_s) == ("roundrobin", {P1_C1: 9})


def test_a_rebalance_brings_agents_to_their_preferred_servers(lab: LabCloud):
    lab.snapshot()
    lab.change_balance(BalanceChange(hosts=(B,), check_interval_s=0), expires_at=soon())
    lab.rebalance(expires_at=soon())

    def all_indirect_are_on_ms2() -> bool:
        return {a.management_server_id for a in lab.snapshot().agents if not a.is_direct} == {MS2}

    wait_until(all_indirect_are_on_ms2)


def test_a_request_that_comes_too_late_changes_nothing(lab: LabCloud):
    before = lab.snapshot().balance
    with pytest.raises(Expired):
        lab.change_balance(BalanceChange(algorithm="static"), expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(Expired):
        lab.rebalance(expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert lab.snapshot().balance == before


def test_a_refused_change_names_the_reason(lab: LabCloud):
    with pytest.raises(Never, match="static, roundrobin, shuffle"):
        lab.change_balance(BalanceChange(algorithm="fair"), expires_at=soon())


def test_balance_calls_meet_faults_like_all_others(lab: LabCloud):
    with lab_world() as world:
        steering.add_fault(world.door, "change_balance", "lose-reply", times=1)
    with pytest.raises(NoReply):
        lab.change_balance(BalanceChange(algorithm="static"), expires_at=soon())
    balance = lab.snapshot().balance
    assert balance is not None
    assert balance.algorithm == "static"


def test_a_person_changes_and_reads_the_settings_at_a_terminal(lab: LabCloud):
    say("config", "set", "indirect.agent.lb.algorithm", "static")
    say("config", "set", "host", "10.2.0.12, 10.2.0.11")
    say("config", "set", "indirect.agent.lb.check.interval", "30")
    say("config", "set", "indirect.agent.lb.check.interval", "7", "--cluster", "p1-c1")

    shown = say("config", "show").splitlines()

    assert "host = 10.2.0.12,10.2.0.11" in shown
    assert "indirect.agent.lb.algorithm = static" in shown
    assert "indirect.agent.lb.check.interval = 30" in shown
    assert "indirect.agent.lb.check.interval --cluster p1-c1 = 7" in shown
    assert say("config", "get", "indirect.agent.lb.algorithm").strip() == "static"
    say("config", "set", "indirect.agent.lb.check.interval", "none", "--cluster", "p1-c1")
    assert "--cluster" not in say("config", "list")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("indirect.agent.lb.algorithm", "fair"), "static, roundrobin, shuffle"),
        (("host", " , "), "names no management server"),
        (("indirect.agent.lb.check.interval", "soon"), "whole number"),
        (("indirect.agent.lb.check.interval", "-1"), "cannot be -1"),
        (("indirect.agent.lb.check.interval", "5", "--cluster", "nowhere"), "no lab cluster"),
        (("host", "10.2.0.11", "--cluster", "p1-c1"), "the same for all clusters"),
    ],
)
def test_a_person_is_told_what_is_wrong_with_a_setting(lab: LabCloud, words: tuple[str, ...], reason: str):
    with pytest.raises(CommandError, match=reason):
        say("config", "set", "--", *words) if words[1].startswith("-") else say("config", "set", *words)


def test_a_person_sees_every_agent_with_its_server_and_its_list(lab: LabCloud):
    lines = say("agents").splitlines()

    assert len(lines) == 14
    assert f"{A},{B},{C}@roundrobin" in lines[0]
    assert "prefers ref-trl-711-k-M7-apanic-mgmt1" in lines[0]
    assert [line for line in lines if "direct" in line and "esxi1" in line]
    assert lines[10].startswith("s-1-VM")


def test_the_first_day_has_the_first_days_agents(lab: LabCloud):
    first = say("agents")
    say("config", "set", "indirect.agent.lb.algorithm", "static")
    say("grow", "--hosts", "3", "--virtual")
    say("reset")
    assert say("agents") == first
