"""All tables of the work: what was read (inventory), what we do (runs), what is owed (ledger), what was told."""

from maintenance.models.cloud_changes import CloudChange
from maintenance.models.engines import EngineProcess
from maintenance.models.events import AuditEntry, FeedEvent, IdempotentAnswer, Notification
from maintenance.models.inventory import (
    Agent,
    Cloud,
    Cluster,
    CutOffJob,
    Host,
    Instance,
    ManagementServer,
    Network,
    PendingJob,
    Pod,
    SystemVm,
    Vpc,
    Zone,
)
from maintenance.models.ledger import Attention, HostOut, Intent
from maintenance.models.payloads import Downtime, Payload
from maintenance.models.runs import OutputChunk, Run, RunPlan, Step, Target
from maintenance.models.settings import AuditCheck, Setting

__all__ = [
    "Agent",
    "Attention",
    "AuditCheck",
    "AuditEntry",
    "Cloud",
    "CloudChange",
    "Cluster",
    "CutOffJob",
    "Downtime",
    "EngineProcess",
    "FeedEvent",
    "Host",
    "HostOut",
    "IdempotentAnswer",
    "Instance",
    "Intent",
    "ManagementServer",
    "Network",
    "Notification",
    "OutputChunk",
    "Payload",
    "PendingJob",
    "Pod",
    "Run",
    "RunPlan",
    "Setting",
    "Step",
    "SystemVm",
    "Target",
    "Vpc",
    "Zone",
]
