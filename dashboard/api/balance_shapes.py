"""Agent balance as REST tells it: settings, spread, drift, lint, previews, changes."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers

from maintenance.agents_view import AgentsView, rules_of
from maintenance.balance_settings import balance_from_json
from maintenance.clock import database_now
from maintenance.domain.agent_balance import Drift, DriftingAgent
from maintenance.domain.balance_lint import Finding, Flaw
from maintenance.domain.balance_preview import Fewest, Flow, Load, Preview
from maintenance.models import Cloud, CloudChange, Cluster, Zone

DRIFTING_MAX = 200
UNKNOWN = "Unknown"

# ---- shapes ----------------------------------------------------------------------------------------------------------


class OwnInterval(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    checkinterval = serializers.IntegerField(help_text="seconds; 0 is off")


class SettingsShape(serializers.Serializer):
    """As last read from the cloud."""

    host = serializers.ListField(child=serializers.CharField(), help_text="the setting `host`, in its order")
    algorithm = serializers.CharField(help_text="`indirect.agent.lb.algorithm`")
    checkinterval = serializers.IntegerField(
        help_text="`indirect.agent.lb.check.interval`, seconds; 0 is off"
    )
    clusters = OwnInterval(many=True, help_text="clusters with an interval of their own")
    maintenancetimeout = serializers.IntegerField(
        help_text="`management.server.maintenance.timeout`, minutes"
    )
    ignoremaintenancehosts = serializers.BooleanField(
        help_text="`management.server.maintenance.ignore.maintenance.hosts`"
    )


class ShareShape(serializers.Serializer):
    managementserverid = serializers.UUIDField(allow_null=True, help_text="null: no server has this address")
    name = serializers.CharField()
    ipaddress = serializers.CharField()
    state = serializers.CharField(help_text=f"{UNKNOWN} where no server is known")
    preferred = serializers.IntegerField(help_text="agents whose list begins with it")
    expected = serializers.IntegerField(help_text="agents that should be on it now")
    actual = serializers.IntegerField(help_text="agents on it")
    direct = serializers.IntegerField(help_text="of these, agents that keep no list")


class ZoneShape(serializers.Serializer):
    zoneid = serializers.UUIDField()
    zonename = serializers.CharField()
    skew = serializers.IntegerField(help_text="over the servers that are Up: the most agents less the fewest")
    expectedskew = serializers.IntegerField()


class DriftShape(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    host = serializers.CharField(allow_null=True, help_text="its list as it keeps it: a,b,c@algorithm")
    expectedhost = serializers.CharField(help_text="as it should be")
    checkinterval = serializers.IntegerField(help_text="that it keeps, seconds; 0: it never looks")
    expectedcheckinterval = serializers.IntegerField(help_text="as it should be, seconds; 0 is off")
    managementserverid = serializers.UUIDField(allow_null=True)
    managementservername = serializers.CharField()
    reasons = serializers.ListField(child=serializers.ChoiceField([drift.value for drift in Drift]))


class FindingShape(serializers.Serializer):
    code = serializers.ChoiceField([flaw.value for flaw in Flaw])
    detail = serializers.CharField()
    names = serializers.ListField(child=serializers.CharField())
    fatal = serializers.BooleanField(help_text="no agent can be told where to go")


class FlowShape(serializers.Serializer):
    before = serializers.CharField()
    after = serializers.CharField()
    agents = serializers.IntegerField()


class LoadShape(serializers.Serializer):
    name = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()


class FewestShape(serializers.Serializer):
    """What would be enough to have servers hold equally many: a recommendation, nothing does it."""

    moves = serializers.IntegerField()
    flows = FlowShape(many=True)
    servers = LoadShape(many=True)


class MoverShape(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class PreviewShape(serializers.Serializer):
    previewhash = serializers.CharField(
        help_text="of all this: a change may be asked for only if it still holds"
    )
    certain = serializers.BooleanField(help_text="false: shuffle, so this is one of many ways it may go")
    agents = serializers.IntegerField()
    sentlists = serializers.IntegerField(help_text="agents whose list or algorithm changes")
    moving = serializers.IntegerField(help_text="agents that belong elsewhere then")
    bythemselves = serializers.IntegerField(
        help_text="of these, agents that go without being sent home: at once, or at their next check"
    )
    flows = FlowShape(many=True)
    servers = LoadShape(many=True)
    first = MoverShape(many=True, help_text="some of those that move, by name")
    findings = FindingShape(many=True, help_text="what is wrong, or unwise, in the settings after it")
    fewest = FewestShape()


class ChangeShape(serializers.Serializer):
    """A change that was asked for."""

    id = serializers.UUIDField()
    kind = serializers.CharField(help_text="balance or rebalance")
    state = serializers.ChoiceField(CloudChange.State.values)
    answer = serializers.CharField(help_text="the cloud's last words, where it had any")
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class AnsweredShape(serializers.Serializer):
    change = ChangeShape()
    settings = SettingsShape(allow_null=True, help_text="as last read")


class DriftsShape(serializers.Serializer):
    count = serializers.IntegerField()
    agents = DriftShape(many=True, help_text=f"at most {DRIFTING_MAX}, by name")


class BalanceShape(SettingsShape):
    cloudid = serializers.UUIDField()
    cloudname = serializers.CharField()
    known = serializers.BooleanField(help_text="whether it was read lately")
    seen_at = serializers.DateTimeField(allow_null=True)
    agents = serializers.IntegerField()
    withoutserver = serializers.IntegerField(help_text="agents that are connected to no known server")
    untold = serializers.IntegerField(help_text="agents whose list the cloud does not tell")
    skew = serializers.IntegerField(help_text="over the servers that are Up: the most agents less the fewest")
    servers = ShareShape(many=True)
    zones = ZoneShape(many=True)
    drift = DriftsShape()
    findings = FindingShape(many=True)
    fewest = FewestShape()
    change = ChangeShape(allow_null=True, help_text="the last change that was asked for")


# ---- from rows to shapes ---------------------------------------------------------------------------------------------


def settings_shape(cloud: Cloud) -> dict[str, Any] | None:
    """None: never read."""
    if cloud.balance is None:
        return None
    settings = balance_from_json(cloud.balance)
    names = dict(
        Cluster.objects.filter(id__in=settings.check_interval_of_cluster_s).values_list("id", "name")
    )
    own = [
        {"id": cluster, "name": names.get(cluster, str(cluster)), "checkinterval": seconds}
        for cluster, seconds in settings.check_interval_of_cluster_s.items()
    ]
    return {
        "host": list(settings.hosts),
        "algorithm": settings.algorithm,
        "checkinterval": settings.check_interval_s,
        "clusters": sorted(own, key=lambda one: str(one["name"])),
        "maintenancetimeout": settings.maintenance_timeout_min,
        "ignoremaintenancehosts": settings.ignore_maintenance_hosts,
    }


def balance_shape(cloud: Cloud, view: AgentsView) -> dict[str, Any]:
    spread, now = view.spread, database_now()
    zones = dict(Zone.objects.filter(cloud=cloud).values_list("id", "name"))
    last = CloudChange.objects.filter(cloud=cloud).order_by("-asked_at").first()
    return {
        **(settings_shape(cloud) or {}),
        "cloudid": cloud.id,
        "cloudname": cloud.name,
        "known": cloud.is_known(now),
        "seen_at": cloud.read_at,
        "agents": spread.agents,
        "withoutserver": spread.without_server,
        "untold": spread.untold,
        "skew": spread.skew,
        "servers": [
            {
                "managementserverid": share.server.id if share.server else None,
                "name": share.name,
                "ipaddress": share.address,
                "state": (share.server.state if share.server else None) or UNKNOWN,
                "preferred": share.preferred,
                "expected": share.expected,
                "actual": share.actual,
                "direct": share.direct,
            }
            for share in spread.shares
        ],
        "zones": [
            {
                "zoneid": zone.zone,
                "zonename": zones.get(zone.zone, str(zone.zone)),
                "skew": zone.skew,
                "expectedskew": zone.expected_skew,
            }
            for zone in spread.zones
        ],
        "drift": {"count": len(spread.drifting), "agents": _drifting(spread.drifting, view)},
        "findings": finding_shapes(view.lint()),
        "fewest": _fewest(view.fewest()),
        "change": change_shape(last) if last else None,
    }


def _drifting(drifting: Iterable[DriftingAgent], view: AgentsView) -> list[dict[str, Any]]:
    by_name = sorted(drifting, key=lambda one: one.agent.name)[:DRIFTING_MAX]
    return [
        {
            "id": one.agent.key.id,
            "name": one.agent.name,
            "host": None if one.agent.listed is None else kept_as(one.agent.listed, one.agent.algorithm),
            "expectedhost": kept_as(one.expected, view.settings.algorithm),
            "checkinterval": one.agent.interval_s or 0,
            "expectedcheckinterval": rules_of(view.settings).interval_for(one.agent.cluster),
            "managementserverid": one.agent.server,
            "managementservername": _name(one.agent.server, view),
            "reasons": list(one.reasons),
        }
        for one in by_name
    ]


def kept_as(listed: Iterable[str], algorithm: str) -> str:
    """As an agent's own file has it: `a,b,c@roundrobin`."""
    return ",".join(listed) + (f"@{algorithm}" if algorithm else "")


def _name(server: UUID | None, view: AgentsView) -> str:
    found = view.servers.by_id.get(server) if server else None
    return found.name if found else str(server or "")


def finding_shapes(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [
        {"code": found.flaw, "detail": found.words, "names": list(found.names), "fatal": found.is_fatal}
        for found in findings
    ]


def preview_shape(preview: Preview) -> dict[str, Any]:
    return {
        "previewhash": preview.hash,
        "certain": preview.is_certain,
        "agents": preview.agents,
        "sentlists": preview.sent_lists,
        "moving": preview.moving,
        "bythemselves": preview.by_themselves,
        "flows": _flows(preview.flows),
        "servers": _loads(preview.loads),
        "first": [
            {"id": mover.agent, "name": mover.name, "before": mover.before, "after": mover.after}
            for mover in preview.first
        ],
        "findings": finding_shapes(preview.findings),
        "fewest": _fewest(preview.fewest),
    }


def _fewest(fewest: Fewest) -> dict[str, Any]:
    return {"moves": fewest.moves, "flows": _flows(fewest.flows), "servers": _loads(fewest.loads)}


def _flows(flows: Iterable[Flow]) -> list[dict[str, Any]]:
    return [{"before": flow.before, "after": flow.after, "agents": flow.agents} for flow in flows]


def _loads(loads: Iterable[Load]) -> list[dict[str, Any]]:
    return [{"name": load.name, "before": load.before, "after": load.after} for load in loads]


def change_shape(change: CloudChange) -> dict[str, Any]:
    return dict(ChangeShape(change).data)
