"""Short names for the demo lab's hosts and instances, and small ways to change the lab under a test."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models.functions import Now

from maintenance.backends.base import Cloud, InstanceRead, StageLook
from maintenance.backends.lab import folders
from maintenance.backends.lab.models import Due, Host, World
from maintenance.backends.lab.seed import cluster_id, host_id
from maintenance.backends.lab.topology import HOSTS, MANAGEMENT_SERVERS, lab_id
from maintenance.domain.hook_stages import HookStage
from tests.waiting import wait_until

CLOUD_ID = UUID("00000000-0000-4000-8000-00000000000c")
_BY_SHORT_NAME = {host.name.rpartition("-")[2] + "@" + host.cluster: host for host in HOSTS}

KVM1, KVM2, KVM3 = (host_id(_BY_SHORT_NAME[f"kvm{n}@p1-c1"]) for n in (1, 2, 3))
KVM4, KVM5, KVM6 = (host_id(_BY_SHORT_NAME[f"kvm{n}@p1-c2"]) for n in (4, 5, 6))
P1_C1, P1_C2, P2_C1 = (cluster_id(name) for name in ("p1-c1", "p1-c2", "p2-c1"))
MS1, MS2, MS3 = (lab_id("ms", name) for name in MANAGEMENT_SERVERS)
OTHERS_OF = {KVM1: (KVM2, KVM3)}


def set_lab(**settings: float) -> None:
    """Settings of the lab, as `lab config set` writes them."""
    world = World.objects.get()
    world.settings |= settings
    world.save()


def soon(seconds: float = 30) -> datetime:
    """An expiry that is far enough."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def name_of(host: UUID) -> str:
    return Host.objects.get(id=host).name


def install(host: UUID, stage: HookStage, script: str, suffix: str = ".sh") -> None:
    """The stage's one script on the host."""
    folders.install_script(name_of(host), stage, suffix, script.encode())


def instances_on(cloud: Cloud, cluster: UUID, host: UUID) -> list[InstanceRead]:
    return [i for i in cloud.look_at_cluster(cluster).instances if i.host_id == host]


def hurry() -> None:
    """Whatever the lab has on its way at the moment is due now."""
    Due.objects.update(at=Now())


def until_resource_state(cloud: Cloud, host: UUID, state: str) -> None:
    wait_until(lambda: cloud.look_at_host(host).resource_state == state)


def until_agent_is(cloud: Cloud, host: UUID, state: str) -> None:
    wait_until(lambda: cloud.look_at_host(host).state == state)


def let_agent_come_back(cloud: Cloud, host: UUID) -> None:
    """The agent, which was seen away for long, is Up again."""

    def is_up() -> bool:
        hurry()  # first everything on the host ends, and only then it boots
        return cloud.look_at_host(host).state == "Up"

    wait_until(is_up)


def until_stage_is(cloud: Cloud, host: UUID, ticket: UUID, *states: str) -> StageLook:
    """The stage's look, once it is in one of the states."""

    def look() -> StageLook | None:
        found = cloud.look_at_stage(host, ticket)
        return found if found.state in states else None

    found = wait_until(look)
    assert found is not None
    return found
