"""Makes the demo lab: rows and host folders, each only where it is missing; or everything anew."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django.db import transaction

from maintenance.backends.lab import folders, models, tenants, topology
from maintenance.backends.lab.outside import Door, lab_door
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.started import end_all_scripts
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import vms_dir
from maintenance.backends.lab.system_vms.machines import boot_all
from maintenance.backends.lab.system_vms.neighbours import neighbours_dir
from maintenance.backends.lab.system_vms.seed import add_system_vms
from maintenance.backends.lab.topology import MB_PER_GB, lab_id
from maintenance.backends.lab.world import lab_world
from maintenance.domain.hook_stages import HookStage

SCRIPTS = Path(__file__).parent / "scripts"
TABLES = (
    "router_restart",
    "system_vm",
    "network",
    "vpc",
    "harm",
    "effect",
    "fault",
    "ticket",
    "due",
    "job",
    "pending_job",
    "cut_off_job",
    "server_moment",
    "server_request",
    "agent",
    "instance",
    "host",
    "management_server",
    "cluster",
    "pod",
    "zone",
    "world",
)


def seed_lab() -> bool:
    """The lab exists, in the database and on the disk; False when it did before. What people changed stays.

    Raises: CalledInsideTransaction.
    """
    with lab_door() as door, transaction.atomic(using=ALIAS):
        is_new = door.run(
            "INSERT INTO lab_world (id, generation, settings) VALUES (1, %s, '{}') ON CONFLICT DO NOTHING",
            uuid4(),
        )
        if is_new:
            _make_rows(door.now())
        add_system_vms(door)
        _make_folders(door)
    return bool(is_new)


def reset_lab() -> None:
    """The lab is as on the first day: rows, folders, settings; scripts of its hosts are ended, system VMs made anew.

    When system VMs ran before, all that are to run do so afterwards.
    """
    with lab_door() as door:
        end_all_scripts(door)
        had_machines = power.turn_all_off() > 0
        with transaction.atomic(using=ALIAS):
            for table in TABLES:
                door.run(f"DELETE FROM lab_{table}")
        for folder in (folders.lab_dir() / "hosts", folders.reboots_dir(), vms_dir(), neighbours_dir()):
            shutil.rmtree(folder, ignore_errors=True)
    seed_lab()
    if had_machines:
        with lab_world() as world:
            boot_all(world)


def _make_rows(now: datetime) -> None:
    models.Zone.objects.bulk_create(models.Zone(id=id_, name=name) for name, id_ in topology.ZONES.items())
    models.Pod.objects.bulk_create(
        models.Pod(id=lab_id("pod", name), name=name, zone_id=topology.ZONES[zone])
        for name, zone in topology.PODS.items()
    )
    models.Cluster.objects.bulk_create(
        models.Cluster(id=cluster_id(name), name=name, pod_id=lab_id("pod", pod), hypervisor=hypervisor)
        for name, (pod, hypervisor) in topology.CLUSTERS.items()
    )
    models.ManagementServer.objects.bulk_create(
        _server_row(name, address, now)
        for name, address in zip(topology.MANAGEMENT_SERVERS, topology.MANAGEMENT_ADDRESSES, strict=True)
    )
    models.Host.objects.bulk_create(_host_row(host) for host in topology.HOSTS)
    models.Instance.objects.bulk_create(_instance_row(instance) for instance in tenants.INSTANCES)
    _make_pending_jobs(now)


def _server_row(name: str, address: str, now: datetime) -> models.ManagementServer:
    return models.ManagementServer(
        id=lab_id("ms", name),
        name=name,
        address=address,
        version=topology.MANAGEMENT_VERSION,
        os_distribution=topology.MANAGEMENT_OS,
        kernel_version=topology.MANAGEMENT_KERNEL,
        java_version=topology.MANAGEMENT_JAVA,
        booted_at=now - timedelta(days=40),
        started_at=now - timedelta(days=12),
    )


def _host_row(host: topology.DemoHost) -> models.Host:
    hypervisor = topology.CLUSTERS[host.cluster][1]
    is_kvm = hypervisor == "KVM"
    return models.Host(
        id=host_id(host),
        cluster_id=cluster_id(host.cluster),
        name=host.name,
        hypervisor=hypervisor,
        cpu_cores=host.cpu_cores,
        memory_mb=host.memory_gb * MB_PER_GB,
        tags=list(host.tags),
        guests_max=host.guests_max,
        agent_version=topology.MANAGEMENT_VERSION if is_kvm else "",
        kernel_version="6.1.0-27-amd64" if is_kvm else "",
        boot_id=uuid4(),
    )


def _instance_row(instance: tenants.DemoInstance) -> models.Instance:
    (host,) = (host for host in topology.HOSTS if host.name.endswith(instance.host))
    return models.Instance(
        id=lab_id("instance", instance.name),
        name=instance.name,
        host_id=host_id(host),
        account=instance.account,
        domain=tenants.ACCOUNTS[instance.account],
        cpu_cores=instance.cpu_cores,
        memory_mb=instance.memory_gb * MB_PER_GB,
        tags=list(instance.tags),
        affinity_groups=list(instance.affinity_groups),
    )


def _make_pending_jobs(now: datetime) -> None:
    for number, (command, resource_type, resource, account, age_s, whole_s) in enumerate(
        tenants.PENDING_JOBS
    ):
        server = topology.MANAGEMENT_SERVERS[number % len(topology.MANAGEMENT_SERVERS)]
        created = now - timedelta(seconds=age_s)
        models.PendingJob.objects.create(
            id=uuid4(),
            management_server_id=lab_id("ms", server),
            command=command,
            resource_type=resource_type,
            resource_name=resource,
            account=account,
            domain=tenants.ACCOUNTS[account],
            created=created,
            ends=created + timedelta(seconds=whole_s),
            recurs=True,
        )


def _make_folders(door: Door) -> None:
    """Folders of the demo hosts that still exist in the database; a folder that is there stays as it is."""
    exist = {row[0] for row in door.rows("SELECT name FROM lab_host WHERE NOT is_virtual")}
    folders.reboots_dir().mkdir(mode=0o755, parents=True, exist_ok=True)
    for host in topology.HOSTS:
        if host.name not in exist or topology.CLUSTERS[host.cluster][1] != "KVM":
            continue
        is_new = folders.make_host_folder(
            host.name, executor_disabled=host.executor_disabled, talks_spelling=host.talks_spelling
        )
        for stage, file in host.scripts if is_new else ():
            script = SCRIPTS / file
            folders.install_script(host.name, HookStage(stage), script.suffix, script.read_bytes())


def host_id(host: topology.DemoHost) -> UUID:
    """The original's id where it is known."""
    return host.id or lab_id("host", host.name)


def cluster_id(name: str) -> UUID:
    return lab_id("cluster", name)
