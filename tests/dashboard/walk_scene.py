"""An installation with something of everything in it: what tests that walk all pages look at."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone
from knox.models import get_token_model

from dashboard.access import TOPICS
from dashboard.models import Membership, Role, TokenNote, User, WallLink
from dashboard.screens.needs.seen import ENGINE_ID
from dashboard.screens.wall.profile import EVERYTHING
from dashboard.walls.links import digest_of
from maintenance.actions import prepare_host, resolve_attention, take_attention
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    PATCH_STAGES,
    ROUTER_STAGES,
    SERVER_STAGES,
    RunState,
    Stage,
    TargetState,
)
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import (
    Agent,
    Attention,
    AuditCheck,
    Cloud,
    CloudChange,
    Cluster,
    CutOffJob,
    EngineProcess,
    Host,
    HostOut,
    IdempotentAnswer,
    Instance,
    Intent,
    ManagementServer,
    Network,
    Notification,
    Payload,
    PendingJob,
    Pod,
    Run,
    Setting,
    Step,
    SystemVm,
    Target,
    Vpc,
    Zone,
)
from maintenance.notifications.recipients import PREFIX as NOTIFY
from tests.dashboard.console.runs import end_step, failed_and_paused, in_state, put_host, run_step, start_run
from tests.dashboard.inventory import Inventory, add_cluster, make_inventory
from tests.dashboard.people import make_person
from tests.dashboard.walk import Things
from tests.dashboard.walk_server_runs import server_runs
from tests.dashboard.walk_system_vms import UNLIKE, patch_runs, restart_runs

DAY_S = 86_400  # what was read stays known, however slow the test is
USUAL_S = 14_400  # so long that no host of a walk, however slow, is late
PRINTED = b"unpacking\nInstalling kernel modules\n\x1b[31mwarning: slow\x1b[0m\n"
WALL_SECRET = "the-secret-of-a-wall-of-these-tests"
OLD_AGENT, NEW_AGENT = "6.1.0-21 · 4.21.0.0", "6.1.0-22 · 4.21.0.1"


@dataclass
class Scene:
    """What there is, and who looks at it."""

    inventory: Inventory
    runs: dict[str, Run]
    people: dict[str, User]  # by role
    things: Things
    ids: list[str]  # of everything that a part of a page may be about

    def client(self, role: str) -> Client:
        """The browser of the one who has this role; "": logged in, without a role."""
        client = Client()
        client.force_login(self.people[role], backend="django.contrib.auth.backends.ModelBackend")
        return client

    def followed(self, topic: str) -> list[str]:
        """The things whose live topics people may follow; one empty name for a topic of a whole page."""
        if topic not in TOPICS or not TOPICS[topic].names_one:
            return [""]
        return [str(key) for key in self.things.of.get(f"{topic}_id") or self.things.of[topic]]


def make_scene() -> Scene:
    """A run at work, one that waits, one that is paused, ended ones, hosts in every state, and every cause there is."""
    people = _people()
    inventory = make_inventory()
    for name in ("c3", "c4", "c5", "c6", "c7"):
        add_cluster(inventory, name)
    Cloud.objects.update(unknown_s=DAY_S, poll_s=5)
    _what_is_read(inventory)
    runs = {
        "at work": _at_work(inventory),
        "paused": _paused(inventory),
        "queued": start_run(
            inventory, "c3", reason="Firmware", ticket="CHG-3", not_before=timezone.now() + timedelta(hours=2)
        ),
        "done": _done(inventory),
        "failed": _failed_at_preflight(inventory),
        "by hand": _by_hand(inventory),
    }
    _needs(runs)
    runs |= server_runs(inventory)
    runs |= patch_runs(inventory)
    runs |= restart_runs(inventory)
    _odd_hosts(inventory)
    _what_is_told(inventory)
    _walls()
    return Scene(inventory, runs, people, _things(inventory, runs, people), _ids())


# ---- people ----------------------------------------------------------------------------------------------------------


def _people() -> dict[str, User]:
    people = {role: make_person(role) for role in ("", *Role.values)}
    for role, person in people.items():
        person.first_name, person.last_name = f"Somebody, {role or 'nothing yet'}", "Else"
        person.email = f"{role or 'nobody'}@example.org"
        person.is_demo = role == Role.VIEWER
        person.save()
    User.objects.create(username="left", role=Role.OPERATOR, is_active=False)
    User.objects.create(username="new", role=Role.OPERATOR, must_change_password=True)
    for role in (Role.ADMINISTRATOR, Role.OPERATOR):
        token, _ = get_token_model().objects.create(user=people[role])
        TokenNote.objects.create(token=token, name="the monitoring", made_by=role, used_at=timezone.now())
    AccessAttempt.objects.create(
        username="operator",
        ip_address="127.0.0.1",
        user_agent="a browser",
        failures_since_start=99,
        attempt_time=timezone.now(),
        get_data="",
        post_data="",
        http_accept="",
        path_info="/login/",
    )
    return people


# ---- what a cloud lists ----------------------------------------------------------------------------------------------


def _what_is_read(inventory: Inventory) -> None:
    now, cloud = timezone.now(), inventory.cloud
    listed = {"cloud": cloud, "changed_at": now}
    Cloud.objects.create(
        name="far", kind="lab", read_error="connection refused by 198.51.100.7", unknown_s=DAY_S, poll_s=5
    )
    ManagementServer.objects.create(
        id=uuid4(), name="mgmt2", state="Maintenance", version="4.20", agents=0, **listed
    )
    _servers(inventory)
    PendingJob.objects.create(
        id=uuid4(),
        name="MigrateVM",
        management_server=inventory.server,
        resource_type="VirtualMachine",
        resource_name="web-7",
        account="shop",
        domain="ROOT/retail",
        created=now - timedelta(minutes=4),
        **listed,
    )
    digests = {stage: {"present": True, "path": f"/hooks/{stage}.sh", "digest": "a" * 64} for stage in STAGES}
    broken = {"PreFlight": {"present": True, "path": "/hooks/PreFlight", "problem": "not executable"}}
    Host.objects.update(
        hooks=digests,
        hooks_dir="/hooks",
        hooks_executor="agent",
        hooks_limits="memory 512 MB, 30 min",
        hooks_warnings=["PreFlight.sh may be written by everybody"],
        hooks_seen_at=now,
        agent_version="4.21.0.0",
        kernel_version="6.1.0-21",
        boot_id="boot",
        guests_max=50,
    )
    Host.objects.filter(name="kvm3").update(hooks={**digests, **broken})
    Instance.objects.update(tags=["ssd"])
    Instance.objects.filter(name="i-kvm1").update(affinity_groups=["web"])


def _servers(inventory: Inventory) -> None:
    """One of this cloud prepares; a second cloud has servers of which everything may be asked."""
    now, cloud = timezone.now(), inventory.cloud
    Cloud.objects.filter(name="far").update(servers_error="connection refused by 198.51.100.7")
    balance = {
        "hosts": ["mgmt1.example.org", "mgmt3.example.org"], "algorithm": "roundrobin", "check_interval_s": 60,
        "check_interval_of_cluster_s": {}, "maintenance_timeout_min": 60, "ignore_maintenance_hosts": False,
    }  # fmt: skip
    Cloud.objects.filter(id=cloud.id).update(balance=balance)
    cloud.balance = balance
    preparing = ManagementServer.objects.create(
        id=uuid4(), cloud=cloud, changed_at=now, name="mgmt3", state="PreparingForMaintenance", version="4.21",
        agents=1, address="mgmt3.example.org", window_ends_at=now + timedelta(minutes=42), last_agents=["v-2-VM"],
        tasks={"agent listener": True, "agent monitor": False}, os_distribution="Rocky Linux 9.5",
        kernel_version="5.14.0-503", java_version="17.0.13", started_at=now - timedelta(days=41), booted_at=now,
        peers=[{"name": "mgmt1", "address": "mgmt1.example.org", "state": "Up"}],
    )  # fmt: skip
    Agent.objects.create(
        id=uuid4(), cloud=cloud, changed_at=now, name="v-2-VM", kind="consoleproxy", host_order=1,
        zone=inventory.zone, state="Up", resource_state="Enabled", management_server=preparing,
        servers_listed=["mgmt3.example.org", "mgmt1.example.org"], algorithm="roundrobin",
    )  # fmt: skip
    for resource, by in (("web-1", ""), ("vol-77", "operator")):
        CutOffJob.objects.create(
            id=uuid4(), cloud=cloud, changed_at=now, name="StartVMCmdByAdmin", management_server=preparing,
            server_name="mgmt3", resource_type="VirtualMachine", resource_name=resource, account="shop",
            domain="ROOT/retail", created=now - timedelta(minutes=9), ended_at=now, why="the server died",
            reconciled_by=by, reconciled_at=now if by else None,
        )  # fmt: skip
    east = Cloud.objects.create(
        name="east",
        kind="lab",
        read_at=now,
        as_of=now,
        servers_read_at=now,
        servers_as_of=now,
        unknown_s=DAY_S,
    )
    for name, state in (("e1", "Up"), ("e2", "Up"), ("e3", "Maintenance"), ("e4", "ReadyToShutDown")):
        ManagementServer.objects.create(
            id=uuid4(), cloud=east, changed_at=now, name=name, state=state, version="4.21", agents=0
        )
    CloudChange.objects.create(
        cloud=cloud, kind="balance", change={"algorithm": "static"}, asked_by="operator", expires_at=now,
        state=CloudChange.State.REFUSED, ended_at=now, answer="the setting host names no server",
    )  # fmt: skip


def _odd_hosts(inventory: Inventory) -> None:
    odd: dict[str, dict[str, Any]] = {
        "kvm16": {"resource_state": "Maintenance"},  # by others
        "kvm17": {"state": "Down"},
        "kvm18": {"gone_at": timezone.now()},
    }
    for name, columns in odd.items():
        Host.objects.filter(name=name).update(**columns)
    Instance.objects.filter(host__name="kvm17").update(state="Stopped")


# ---- runs ------------------------------------------------------------------------------------------------------------


def _at_work(inventory: Inventory) -> Run:
    run = in_state(
        start_run(inventory, "c1", reason="Kernel 6.1", ticket="CHG-1", payload="6.1.0-22"), RunState.RUNNING
    )
    moved = Instance.objects.get(name="i-kvm1")
    done = put_host(
        run,
        "kvm1",
        TargetState.DONE,
        detail="all scripts passed",
        instances_before=[[str(moved.id), moved.name]],
        agent_before=OLD_AGENT,
        agent_after=NEW_AGENT,
    )
    for stage in (stage for stage in Stage if stage not in SERVER_STAGES | PATCH_STAGES | ROUTER_STAGES):
        end_step(done, stage, detail="exit status 0", note="as usual")
    works = put_host(run, "kvm2", TargetState.WORKING)
    end_step(works, "Drain", movement={"moved": 7, "left": 0, "total": 7}, script="")
    step = run_step(works, "Maintenance", printed=PRINTED, note="still printing")
    _out(works, step)
    put_host(run, "kvm3", TargetState.READY, detail="kvm2 is out of service, limit 1")
    return run


def _paused(inventory: Inventory) -> Run:
    run = start_run(inventory, "c2", reason="Agent 4.21.0.1", ticket="CHG-2")
    failed_and_paused(run, "kvm4", "exit status 1 after 12 s", PRINTED)
    drains = put_host(run, "kvm5", TargetState.DRAINING, failing="the drain took too long")
    movement = {"moved": 1, "left": 2, "total": 3, "moving": "i-web-3", "stuck": [["i-db-1", "no room"]]}
    _out(drains, run_step(drains, "Drain", script="", movement=movement, note="waits for i-web-3"))
    put_host(
        run, "kvm6", TargetState.SKIPPED, detail="skipped by ada", not_needed="PreMaintenance: not needed"
    )
    return run


def _done(inventory: Inventory) -> Run:
    run = start_run(inventory, "c4", reason="Last month's kernel", ticket="CHG-0")
    for name in ("kvm10", "kvm11", "kvm12"):
        target = put_host(
            run, name, TargetState.DONE, agent_before=OLD_AGENT, agent_after=NEW_AGENT, is_open=False
        )
        end_step(target, "Maintenance", printed=PRINTED, took_s=USUAL_S)
    put_host(run, "kvm12", TargetState.SKIPPED, not_needed="PreFlight said so", is_open=False)
    return in_state(
        run, RunState.SUCCEEDED, finished_at=timezone.now(), details="2 hosts updated, 1 was not needed"
    )


def _failed_at_preflight(inventory: Inventory) -> Run:
    run = start_run(inventory, "c4")
    target = put_host(
        run, "kvm10", TargetState.FAILED, detail="exit status 3", is_open=False, preflight="failed"
    )
    end_step(target, "PreFlight", "failed", detail="exit status 3", exit_status=3, printed=PRINTED)
    Target.objects.filter(run=run).update(is_open=False)
    return in_state(
        run, RunState.FAILED, finished_at=timezone.now(), details="PreFlight failed; nothing was touched"
    )


def _by_hand(inventory: Inventory) -> Run:
    run = prepare_host(inventory.hosts["kvm13"].id, actor="operator", reason="A fan is loud")
    Host.objects.filter(name="kvm13").update(resource_state="Maintenance")
    held = put_host(
        run, "kvm13", TargetState.IN_MAINTENANCE, out_at=timezone.now(), detail="held until returned"
    )
    HostOut.objects.create(host_id=held.host_key, cluster_id=held.cluster_key, run=run, target=held)
    HostOut.objects.create(
        host=inventory.hosts["kvm1"],
        cluster=inventory.clusters["c1"],
        run=run,
        target=held,
        closed_at=timezone.now(),
        closed_by="observed Enabled and Up",
    )
    return in_state(run, RunState.RUNNING)


def _out(target: Target, step: Step) -> None:
    """Out of service by our request, which the cloud once refused."""
    HostOut.objects.create(
        host_id=target.host_key, cluster_id=target.cluster_key, run_id=target.run_id, target=target
    )
    Host.objects.filter(id=target.host_key).update(resource_state="PrepareForMaintenance")
    Intent.objects.create(
        host_id=target.host_key,
        step=step,
        action="prepare",
        expires_at=timezone.now(),
        job_id="job-7",
        refused="the host is busy",
        job_error="no server is free",
    )


# ---- what needs a person, what was told ------------------------------------------------------------------------------


def _needs(runs: dict[str, Run]) -> None:
    """Each cause open once; one of them is taken, and one more was settled by somebody who said why."""
    run = runs["paused"]
    targets = list(run.targets.order_by("order"))
    with unit_of_work() as work:
        causes = [
            cause
            for cause in Cause
            if "SERVER" not in cause.name and not cause.name.startswith(("PATCH_", "ROUTER_"))
        ]  # they have hosts
        for number, cause in enumerate(causes):
            target = targets[number % len(targets)]
            ask_for_person(work, cause, run=run, target=target, message=f"{target.name}: see its output")
        target = runs["at work"].targets.get(name="kvm2")
        ask_for_person(work, Cause.NO_ROOM, run=runs["at work"], target=target, message="the cluster is full")
    settled = Attention.objects.get(run=runs["at work"])
    resolve_attention(settled.id, actor="operator", reason="There is room again: kvm3 was emptied by hand")
    take_attention(Attention.objects.get(cause=Cause.STAGE_FAILED).id, actor="operator")


def _what_is_told(inventory: Inventory) -> None:
    now = timezone.now()
    engine = EngineProcess.objects.create(
        host_name="engines-1.example.org", pid=4242, version="0.1.0", seen_at=now + timedelta(days=1)
    )
    host, cluster = inventory.hosts["kvm1"], inventory.clusters["c1"]
    about_host = {"host": str(host.id), "host_name": host.name, "cluster": str(cluster.id)}
    with unit_of_work() as work:
        for kind, about, before, after in (
            ("engine.started", {"engine": str(engine.id)}, None, {"host_name": engine.host_name}),
            (
                "cloud.read",
                {"cloud": str(inventory.cloud.id), "name": "far"},
                None,
                {"error": "connection refused"},
            ),
            (
                "server.changed",
                {"server": str(inventory.server.id), "name": "mgmt1"},
                {"state": "Up"},
                {"state": "Odd"},
            ),
            ("host.changed", about_host, {"kernel_version": "6.0"}, {"kernel_version": "6.1"}),
            ("host.changed", about_host, {"state": "Alert"}, {"state": "Unheard of"}),
            ("host.out", about_host, None, {"instances": 3}),
            ("host.back", about_host, None, None),
        ):
            work.event(kind, about, before=before, after=after)
    with unit_of_work("administrator") as work:
        work.audit("limits changed", {"settings": "limits"}, before={"reason": "a"}, after={"reason": "b"})
    for columns in (
        {"error": "550 no such mailbox", "given_up_at": now},
        {"answer": "250 queued as 4711", "sent_at": now},
        {"answer": "204 from hooks.example.org", "sent_at": now, "is_test": True},
    ):
        body = {"title": "kvm4 failed", "host_name": "kvm4", "cause": Cause.STAGE_FAILED}
        Notification.objects.create(channel="mail", subject="kvm4 failed", body=body, tries=3, **columns)
    for key, value in {
        f"{NOTIFY}mail_to": ["night@example.org"],
        f"{NOTIFY}webhook_url": "https://hooks.example.org/pitstop",
        f"{NOTIFY}webhook_secret": "whsec-of-this-test-only",
    }.items():
        Setting.objects.create(key=key, value=value, changed_by="administrator")
    AuditCheck.objects.create(number=1, digest="0" * 64, began_at=now, checked_at=now)
    Membership.objects.create(
        user=User.objects.get(role=Role.TENANT),
        cloud=inventory.cloud,
        domain="ROOT/retail",
        account="shop",
        made_by="administrator",
    )
    IdempotentAnswer.objects.create(user="1", route="/", key="k", body_digest="0" * 64)


def _walls() -> None:
    """A link that opens a wall, and one that no longer does."""
    now = timezone.now()
    given = {"profile": EVERYTHING.id, "made_by": "administrator"}
    WallLink.objects.create(
        name="operations room", digest=digest_of(WALL_SECRET), seen_at=now, seen_from="127.0.0.1", **given
    )
    WallLink.objects.create(
        name="hall", digest=digest_of("of the hall"), networks="192.0.2.0/24", shows_names=False,
        revoked_at=now, revoked_by="administrator", **given,
    )  # fmt: skip


# ---- addresses -------------------------------------------------------------------------------------------------------


def _things(inventory: Inventory, runs: dict[str, Run], people: dict[str, User]) -> Things:
    hosts = [
        inventory.hosts[name].id
        for name in ("kvm1", "kvm2", "kvm5", "kvm13", "kvm16", "kvm17", "kvm18", "kvm19")
    ]
    system_vms = SystemVm.objects.filter(name__in=UNLIKE).values_list("id", flat=True)
    of: dict[str, Any] = {
        "zone_id": [inventory.zone.id],
        "pod_id": [inventory.pod.id],
        "zone place_id": [inventory.zone.id],
        "pod place_id": [inventory.pod.id],
        "cluster place_id": [inventory.clusters["c1"].id, inventory.clusters["c2"].id],
        "need_id": [
            *Attention.objects.values_list("id", flat=True),
            ENGINE_ID,
            *Cloud.objects.values_list("id", flat=True),
        ],
        "cluster_id": [inventory.clusters["c1"].id, inventory.clusters["c2"].id],
        "host_id": hosts,
        "server_id": list(ManagementServer.objects.values_list("id", flat=True)),
        "cut_off_id": list(CutOffJob.objects.values_list("id", flat=True)),
        "run_id": [run.id for run in runs.values()],
        "serverrun": [run.id for run in runs.values() if run.kind in OVER_SERVERS],
        "patchrun": [run.id for run in runs.values() if run.kind in OVER_SYSTEM_VMS],
        "system_vm_id": list(system_vms),
        "systemvm": list(system_vms),
        "network_id": list(Network.objects.values_list("id", flat=True)),
        "attention_id": list(Attention.objects.values_list("id", flat=True)),
        "cloud_id": list(Cloud.objects.values_list("id", flat=True)),
        "payload_id": list(Payload.objects.values_list("id", flat=True)),
        "person_id": list(User.objects.order_by("pk").values_list("key", flat=True)),
        "output_id": list(Step.objects.exclude(output_bytes=0).values_list("id", flat=True)),
        "me": [people[Role.ADMINISTRATOR].key],
        "my": [people[Role.TENANT].key],
        "agents": [inventory.cloud.id],
        "form": ["json", "csv"],
        "token": [WALL_SECRET],
        "wall": [EVERYTHING.id],
        "wallhosts": [EVERYTHING.id],
    }
    for name, model_ids in {
        "cloud": of["cloud_id"],
        "zone": of["zone_id"],
        "pod": of["pod_id"],
        "cluster": of["cluster_id"],
        "host": hosts,
        "server": of["server_id"],
        "instance": list(Instance.objects.values_list("id", flat=True)[:1]),
        "system-vm": of["system_vm_id"],
        "network": of["network_id"],
        "vpc": list(Vpc.objects.values_list("id", flat=True)),
    }.items():
        of[f"api:{name} id"] = model_ids
    of_hosts = Step.objects.filter(target__host__isnull=False).order_by()
    steps = of_hosts.values_list("run", "target__host", "stage").distinct()
    return Things(of=of, together={("run_id", "host_id", "stage"): list(steps)})


def _ids() -> list[str]:
    found: list[UUID | str] = []
    for model in (
        Zone,
        Pod,
        Cluster,
        Host,
        Run,
        Target,
        Attention,
        Instance,
        ManagementServer,
        CutOffJob,
        SystemVm,
        Cloud,
        Notification,
        TokenNote,
        Membership,
        WallLink,
    ):
        found += model.objects.values_list("id", flat=True)
    found += User.objects.values_list("key", flat=True)
    return [str(key) for key in found]
