"""A run's result as REST tells it: CloudStack's shape, and ours for runs over management servers."""

from rest_framework import serializers


class HostUpdated(serializers.Serializer):
    hostid = serializers.UUIDField()
    hostname = serializers.CharField()
    startdate = serializers.CharField(
        allow_null=True, help_text="as CloudStack writes it: 2021-09-28T20:05:04+0000"
    )
    enddate = serializers.CharField(allow_null=True)
    output = serializers.CharField()


class HostWithReason(serializers.Serializer):
    hostid = serializers.UUIDField()
    hostname = serializers.CharField()
    reason = serializers.CharField()


class ServerDone(serializers.Serializer):
    managementserverid = serializers.UUIDField()
    managementservername = serializers.CharField()
    startdate = serializers.CharField(allow_null=True, help_text="when it left service")
    enddate = serializers.CharField(
        allow_null=True, help_text="when it was seen Up again; null: it was to stay down"
    )


class ServerWithReason(serializers.Serializer):
    managementserverid = serializers.UUIDField()
    managementservername = serializers.CharField()
    reason = serializers.CharField()


class SystemVmDone(serializers.Serializer):
    systemvmid = serializers.UUIDField()
    systemvmname = serializers.CharField()
    outcome = serializers.CharField(help_text="how its patch ended; empty where nothing was begun")


class SystemVmWithReason(SystemVmDone):
    reason = serializers.CharField()


class Result(serializers.Serializer):
    """CloudStack's shape, and ours beside it: each host that is over is in exactly one list. A run over management
    servers has lists of servers instead."""

    success = serializers.BooleanField()
    details = serializers.CharField()
    hostsupdated = HostUpdated(many=True, required=False)
    hostsskipped = HostWithReason(many=True, required=False)
    hostsfailed = HostWithReason(many=True, required=False)
    serversdone = ServerDone(many=True, required=False)
    serversskipped = ServerWithReason(many=True, required=False)
    serversfailed = ServerWithReason(many=True, required=False)
    systemvmsdone = SystemVmDone(many=True, required=False)
    systemvmsskipped = SystemVmWithReason(many=True, required=False)
    systemvmsfailed = SystemVmWithReason(many=True, required=False)
