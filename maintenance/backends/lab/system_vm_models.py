"""The lab's VPCs, customers' networks, system VMs and routers: rows of their own."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from maintenance.backends.lab.server_models import LabRow


def _words() -> "ArrayField[list[str], list[str]]":
    return ArrayField(models.TextField(), default=list)


class Vpc(LabRow):
    """Its networks are its tiers; one router serves them all."""

    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey("lab.Zone", models.CASCADE)
    name = models.TextField()
    account = models.TextField()
    domain = models.TextField()

    class Meta:
        db_table = "lab_vpc"


class Network(LabRow):
    id = models.UUIDField(primary_key=True)
    zone = models.ForeignKey("lab.Zone", models.CASCADE)
    vpc = models.ForeignKey(Vpc, models.CASCADE, null=True)
    name = models.TextField()
    account = models.TextField()
    domain = models.TextField()
    state = models.TextField(default="Implemented")
    is_redundant = models.BooleanField(default=False)

    class Meta:
        db_table = "lab_network"


class SystemVm(LabRow):
    """A system VM or router. What is installed in it, and what runs, is in its folder; of a virtual one in its row.

    Secondary storage and console proxies have the id and name of their agent.
    """

    id = models.UUIDField(primary_key=True)
    name = models.TextField(unique=True)
    type = models.TextField()
    state = models.TextField(default="Running")
    zone = models.ForeignKey("lab.Zone", models.CASCADE)
    host = models.ForeignKey("lab.Host", models.SET_NULL, null=True)
    host_boot = models.UUIDField(null=True)  # of its host when it was booted: it died with that
    boots_at = models.DateTimeField(null=True)  # of one that is Starting: then it is Running
    # It was off: its host's payload goes into it before it boots.
    loads_payload = models.BooleanField(default=False, db_default=False)
    network = models.ForeignKey(Network, models.SET_NULL, null=True)
    vpc = models.ForeignKey(Vpc, models.SET_NULL, null=True)
    account = models.TextField(default="")
    domain = models.TextField(default="")
    redundant_state = models.TextField(default="")
    template_version = models.TextField()
    base_image = models.TextField()
    public_ips = _words()
    rules = _words()  # what it is to serve: lines of etc/cloudstack/rules
    is_virtual = models.BooleanField(default=False)  # no folder, no processes: all is in the row
    software_version = models.TextField(default="")  # that it was made with; of a virtual one, that it runs
    scripts_checksum = models.TextField(default="")  # of virtual ones only
    patch = models.JSONField(null=True)  # that a virtual one is in, or was in last

    class Meta:
        db_table = "lab_system_vm"
        indexes = [
            models.Index(
                name="lab_vm_boots_at", fields=["boots_at"], condition=models.Q(boots_at__isnull=False)
            )
        ]


class RouterRestart(LabRow):
    """How far the replacement of one router has come (routers/tickets.py); `before`: what there was when it began.

    Ids rather than relations: what is replaced is gone before its restart is.
    """

    ticket = models.UUIDField(primary_key=True)
    old_id = models.UUIDField(db_index=True)
    old_name = models.TextField()
    phase = models.TextField()
    before = models.JSONField()
    new_id = models.UUIDField(null=True)
    second_id = models.UUIDField(null=True)  # the other side that makes the network redundant
    refused = models.TextField(
        default=""
    )  # why there is no such other side, and will be none under this ticket

    class Meta:
        db_table = "lab_router_restart"
