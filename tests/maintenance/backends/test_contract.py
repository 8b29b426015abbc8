"""What every cloud behind the protocols keeps, one suite for all of them (so far: the lab)."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest

from maintenance.backends.base import Cloud, Expired, Never
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.servers import server_state
from tests.maintenance.backends.lab_hosts import (
    KVM1,
    KVM4,
    P1_C1,
    install,
    soon,
    until_resource_state,
    until_stage_is,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(params=["lab"])
def cloud(request) -> Cloud:
    """Each cloud there is, with a host KVM1 that carries instances and has room for them elsewhere."""
    made: Cloud = request.getfixturevalue(request.param)
    return made


def test_the_listing_hangs_together(cloud: Cloud):
    listing = cloud.snapshot()

    zones, pods = {z.id for z in listing.zones}, {p.id for p in listing.pods}
    clusters, hosts = {c.id for c in listing.clusters}, {h.id for h in listing.hosts}
    assert all(pod.zone_id in zones for pod in listing.pods)
    assert all(cluster.pod_id in pods for cluster in listing.clusters)
    assert all(host.cluster_id in clusters for host in listing.hosts)
    assert all(i.host_id in hosts for i in listing.instances if i.state == "Running")
    assert listing.as_of.tzinfo is not None


def test_a_look_at_a_cluster_agrees_with_looks_at_its_hosts(cloud: Cloud):
    look = cloud.look_at_cluster(P1_C1)

    assert [host.id for host in look.hosts]
    assert all(cloud.look_at_host(host.id) == host for host in look.hosts)
    assert {i.host_id for i in look.instances} <= {host.id for host in look.hosts}


def test_a_host_or_cluster_nobody_knows_is_never(cloud: Cloud):
    for ask in (
        lambda: cloud.look_at_host(uuid4()),
        lambda: cloud.look_at_cluster(uuid4()),
        lambda: cloud.prepare_for_maintenance(uuid4(), expires_at=soon()),
        lambda: cloud.cancel_maintenance(uuid4(), expires_at=soon()),
        lambda: cloud.look_at_hooks(uuid4()),
    ):
        with pytest.raises(Never, match="there is no"):
            ask()


def test_a_prepared_host_ends_in_maintenance_with_nothing_on_it_and_nothing_stopped(cloud: Cloud):
    before = {i.id for i in cloud.look_at_cluster(P1_C1).instances}

    job = cloud.prepare_for_maintenance(KVM1, expires_at=soon())
    until_resource_state(cloud, KVM1, "Maintenance")

    after = cloud.look_at_cluster(P1_C1).instances
    assert cloud.look_at_job(job).state == "succeeded"
    assert {i.id for i in after} == before
    assert all(i.state == "Running" and i.host_id != KVM1 for i in after)
    assert cloud.look_at_drain(KVM1).left == 0


def test_a_cancelled_maintenance_ends_enabled_and_the_instances_stay_where_they_are(cloud: Cloud):
    cloud.prepare_for_maintenance(KVM1, expires_at=soon())
    until_resource_state(cloud, KVM1, "Maintenance")

    job = cloud.cancel_maintenance(KVM1, expires_at=soon())
    until_resource_state(cloud, KVM1, "Enabled")

    assert cloud.look_at_job(job).state == "succeeded"
    assert all(i.host_id != KVM1 for i in cloud.look_at_cluster(P1_C1).instances)


def test_cancelling_the_maintenance_of_an_enabled_host_is_never(cloud: Cloud):
    with pytest.raises(Never):
        cloud.cancel_maintenance(KVM1, expires_at=soon())


@pytest.mark.parametrize("ask", ["prepare_for_maintenance", "cancel_maintenance"])
def test_a_request_past_its_expiry_is_refused_and_does_nothing(cloud: Cloud, ask: str):
    late = cloud.snapshot().as_of - timedelta(seconds=1)

    with pytest.raises(Expired):
        getattr(cloud, ask)(KVM1, expires_at=late)

    assert cloud.look_at_host(KVM1).resource_state == "Enabled"


def test_a_job_nobody_started_is_unknown(cloud: Cloud):
    assert cloud.look_at_job(str(uuid4())).state == "unknown"
    assert cloud.look_at_job("not an id").state == "unknown"


def test_a_stage_without_a_script_is_not_started(cloud: Cloud):
    ticket = uuid4()

    assert cloud.look_at_hooks(KVM4).scripts[HookStage.PRE_MAINTENANCE].present is False
    started = cloud.start_stage(KVM4, HookStage.PRE_MAINTENANCE, ticket=ticket, payload=None, timeout_s=10)

    assert started is False
    assert cloud.look_at_stage(KVM4, ticket).state == "absent"


def test_a_stage_runs_its_script_with_the_payload_as_one_argument(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, '#!/bin/sh\necho "$#:$1"\nexit 7\n')
    ticket = uuid4()
    payload = "a b; $(reboot) 'c'"

    assert cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=payload, timeout_s=10)
    look = until_stage_is(cloud, KVM1, ticket, "finished")

    assert (look.end, look.exit_status, look.host_back) == ("exited", 7, True)
    assert cloud.read_output(KVM1, ticket, 0).data.decode() == f"1:{payload}\n"


def test_the_same_ticket_runs_its_script_once(cloud: Cloud):
    install(
        KVM1,
        HookStage.PREFLIGHT,
        '#!/bin/sh\necho once >> "$LAB_HOST_DIR/count"\ncat "$LAB_HOST_DIR/count"\n',
    )
    ticket = uuid4()

    for _ in range(3):
        assert cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)
        until_stage_is(cloud, KVM1, ticket, "finished")

    assert cloud.read_output(KVM1, ticket, 0).data == b"once\n"


def test_waiting_for_a_stage_returns_when_its_script_has_ended(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/bin/sh\nsleep 0.3\n")
    ticket = uuid4()
    cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)

    wait_until(lambda: cloud.wait_for_stage(KVM1, ticket, timeout_s=5))

    assert cloud.look_at_stage(KVM1, ticket).state == "finished"


def test_output_is_read_in_pieces_from_where_the_reader_stands(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/bin/sh\necho one\necho two\n")
    ticket = uuid4()
    cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)
    until_stage_is(cloud, KVM1, ticket, "finished")

    piece = cloud.read_output(KVM1, ticket, 4)

    assert (piece.start, piece.data, piece.end, piece.total) == (4, b"two\n", 8, 8)


def test_a_stopped_stage_ends_as_stopped_and_a_second_stop_changes_nothing(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/bin/sh\nsleep 60\n")
    ticket = uuid4()
    cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=90)

    cloud.stop_stage(KVM1, ticket)
    first = until_stage_is(cloud, KVM1, ticket, "finished")
    cloud.stop_stage(KVM1, ticket)

    assert first.end == "stopped"
    assert cloud.look_at_stage(KVM1, ticket) == first


def test_a_stage_stopped_before_it_began_never_begins(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, '#!/bin/sh\ntouch "$LAB_HOST_DIR/ran"\n')
    ticket = uuid4()

    cloud.stop_stage(KVM1, ticket)
    cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)

    assert until_stage_is(cloud, KVM1, ticket, "finished").end == "stopped"
    assert cloud.read_output(KVM1, ticket, 0).data == b""


def test_a_script_that_must_not_run_ends_at_once_as_refused_with_the_reason(cloud: Cloud):
    install(KVM1, HookStage.PREFLIGHT, "#!/no/such/interpreter\n")
    ticket = uuid4()

    assert cloud.look_at_hooks(KVM1).scripts[HookStage.PREFLIGHT].problem
    assert cloud.start_stage(KVM1, HookStage.PREFLIGHT, ticket=ticket, payload=None, timeout_s=10)
    look = until_stage_is(cloud, KVM1, ticket, "finished")

    assert look.end == "refused"
    assert "/no/such/interpreter" in look.detail


def test_the_servers_hang_together_with_their_jobs(cloud: Cloud):
    read = cloud.read_servers()

    of_server = Counter(job.management_server_id for job in read.jobs)
    assert {server.id: server.pending_jobs for server in read.servers if server.pending_jobs} == of_server
    assert all(server_state(server.state) for server in read.servers)
    for server in read.servers:
        assert cloud.look_at_server(server.id).server.name == server.name
        assert {peer.name for peer in server.peers} == {s.name for s in read.servers} - {server.name}


def test_a_server_nobody_knows_is_never(cloud: Cloud):
    nobody, expires_at = uuid4(), soon()
    for ask in (
        lambda: cloud.look_at_server(nobody),
        lambda: cloud.prepare_server(nobody, algorithm=None, forced=False, expires_at=expires_at),
        lambda: cloud.cancel_server_maintenance(nobody, rebalance=True, expires_at=expires_at),
        lambda: cloud.prepare_server_shutdown(nobody, expires_at=expires_at),
        lambda: cloud.trigger_server_shutdown(nobody, expires_at=expires_at),
        lambda: cloud.cancel_server_shutdown(nobody, expires_at=expires_at),
        lambda: cloud.start_server(nobody, expires_at=expires_at),
    ):
        with pytest.raises(Never, match="there is no management server"):
            ask()


def test_a_prepared_server_leaves_no_agent_without_a_server_and_comes_back_when_cancelled(cloud: Cloud):
    server, *others = cloud.read_servers().servers
    agents = sum(s.agents for s in (server, *others))
    cloud.prepare_server(server.id, algorithm=None, forced=False, expires_at=soon())
    assert cloud.look_at_server(server.id).server.state == "PreparingForMaintenance"

    cloud.cancel_server_maintenance(server.id, rebalance=True, expires_at=soon())

    assert cloud.look_at_server(server.id).server.state == "Up"
    wait_until(lambda: sum(s.agents for s in cloud.read_servers().servers) == agents)
