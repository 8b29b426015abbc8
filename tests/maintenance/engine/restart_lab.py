"""What tests of router restarts need of the demo lab: networks by name, how a run went, who serves."""

from uuid import UUID

from maintenance.actions.router_restarts import RestartRequest, start_router_restart
from maintenance.backends.lab.system_vm_models import SystemVm as LabVm
from maintenance.backends.registry import cloud_of_kind
from maintenance.engine.patching.downtime import answers
from maintenance.models import Cloud, Network, Run, Step, SystemVm, Target, Vpc

PAIR, LONE, OLD_IMAGE, SLEEPING, TIER = (
    "tenant-front",
    "tenant-lab",
    "tenant-archive",
    "studio-sleeps",
    "warehouse-db",
)
VPC, EMPTY_VPC = "warehouse-vpc", "clinic-empty"


def network_id(name: str) -> UUID:
    return Network.objects.get(name=name).id


def vpc_id(name: str) -> UUID:
    return Vpc.objects.get(name=name).id


def asked(*names: str, **how: object) -> RestartRequest:
    """For these networks. Without a soak unless the test wants one."""
    ids = tuple(network_id(name) for name in names)
    return RestartRequest(**{"network_ids": ids, "soak_s": 0} | how)  # type: ignore[arg-type]


def restart(*names: str, **how: object) -> Run:
    return start_router_restart(asked(*names, **how), actor="operator").run


def of_network(name: str) -> list[str]:
    """The routers that the lab has for it."""
    return list(LabVm.objects.filter(network__name=name).order_by("name").values_list("name", flat=True))


def steps(run: Run, name: str) -> list[tuple[str, str]]:
    """(stage, outcome) of the router, in the order they were done."""
    found = Step.objects.filter(run=run, target__name=name).order_by("started")
    return [(step.stage, step.outcome) for step in found]


def result(run: Run, name: str) -> tuple[str, str]:
    target = Target.objects.get(run=run, name=name)
    return target.state, target.result


def is_served(router: str) -> bool:
    """Whether customers of this router's network reach all ways through it now, whoever serves."""
    row = Cloud.objects.get()
    points = cloud_of_kind(row.kind, row.id).probe_points(LabVm.objects.get(name=router).id)
    return bool(points) and all(answers(point) for point in points)


def shown(network: str) -> list[str]:
    """The network's routers as pages list them."""
    listed = SystemVm.objects.filter(network__name=network, gone_at=None).order_by("name")
    return list(listed.values_list("name", flat=True))
