"""REST's addresses, under /api/."""

from django.urls import URLPattern, URLResolver, include, path

from dashboard.api import (
    events,
    hosts,
    hosts_by_hand,
    inventory,
    jobs,
    live_patches,
    networks,
    payloads,
    router_restarts,
    runs,
    server_moves,
    servers,
    stage_output,
    system_vms,
    tokens,
)
from dashboard.api.agent_balance import Balance, Preview, Rebalance
from dashboard.api.schema import Schema

app_name = "api"

a_run: list[URLPattern | URLResolver] = [
    path("", runs.OneRun.as_view(), name="run"),
    path("pause/", runs.Pause.as_view(), name="run-pause"),
    path("resume/", runs.Resume.as_view(), name="run-resume"),
    path("cancel/", runs.Cancel.as_view(), name="run-cancel"),
    path("hosts/<uuid:host_id>/retry/", runs.Retry.as_view(), name="run-host-retry"),
    path("hosts/<uuid:host_id>/skip/", runs.Skip.as_view(), name="run-host-skip"),
    path(
        "hosts/<uuid:host_id>/stages/<str:stage>/output",
        stage_output.StageOutput.as_view(),
        name="run-stage-output",
    ),
]
a_server: list[URLPattern | URLResolver] = [
    path("ready-for-shutdown/", servers.ReadyForShutdown.as_view(), name="server-ready-for-shutdown"),
    path("prepare-for-maintenance/", server_moves.Prepare.as_view(), name="server-prepare-for-maintenance"),
    path("cancel-maintenance/", server_moves.Cancel.as_view(), name="server-cancel-maintenance"),
    path("prepare-for-shutdown/", server_moves.PrepareShutdown.as_view(), name="server-prepare-for-shutdown"),
    path("trigger-shutdown/", server_moves.TriggerShutdown.as_view(), name="server-trigger-shutdown"),
    path("cancel-shutdown/", server_moves.CancelShutdown.as_view(), name="server-cancel-shutdown"),
    path("restart/", server_moves.Restart.as_view(), name="server-restart"),
]
version_1: list[URLPattern | URLResolver] = [
    path("auth/token/", tokens.Token.as_view(), name="token"),
    path("clouds/", inventory.Clouds.as_view(), name="clouds"),
    path("clouds/<uuid:id>/", inventory.OneCloud.as_view(), name="cloud"),
    path("zones/", inventory.Zones.as_view(), name="zones"),
    path("zones/<uuid:id>/", inventory.OneZone.as_view(), name="zone"),
    path("pods/", inventory.Pods.as_view(), name="pods"),
    path("pods/<uuid:id>/", inventory.OnePod.as_view(), name="pod"),
    path("clusters/", inventory.Clusters.as_view(), name="clusters"),
    path("clusters/<uuid:id>/", inventory.OneCluster.as_view(), name="cluster"),
    path("hosts/", hosts.Hosts.as_view(), name="hosts"),
    path("hosts/<uuid:id>/", hosts.OneHost.as_view(), name="host"),
    path(
        "hosts/<uuid:host_id>/prepare-for-maintenance/", hosts_by_hand.Prepare.as_view(), name="host-prepare"
    ),
    path("hosts/<uuid:host_id>/cancel-maintenance/", hosts_by_hand.Return.as_view(), name="host-cancel"),
    path("instances/", inventory.Instances.as_view(), name="instances"),
    path("instances/<uuid:id>/", inventory.OneInstance.as_view(), name="instance"),
    path("management-servers/", servers.Servers.as_view(), name="servers"),
    path("management-servers/<uuid:id>/", servers.OneServer.as_view(), name="server"),
    path("management-servers/<uuid:server_id>/", include(a_server)),
    path("management-server-restarts/", server_moves.Restarts.as_view(), name="server-restarts"),
    path("jobs/", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/cut-off/", jobs.CutOffRows.as_view(), name="cut-off-jobs"),
    path("jobs/cut-off/<uuid:cut_off_id>/reconcile/", jobs.Reconcile.as_view(), name="cut-off-job-reconcile"),
    path("agent-balance/", Balance.as_view(), name="agent-balance"),
    path("agent-balance/preview/", Preview.as_view(), name="agent-balance-preview"),
    path("agent-balance/rebalance/", Rebalance.as_view(), name="agent-balance-rebalance"),
    path("payloads/", payloads.Payloads.as_view(), name="payloads"),
    path("payloads/<uuid:payload_id>/", payloads.OnePayload.as_view(), name="payload"),
    path("payloads/<uuid:payload_id>/withdraw/", payloads.Withdraw.as_view(), name="payload-withdraw"),
    path("system-vms/", system_vms.SystemVms.as_view(), name="system-vms"),
    path("system-vms/<uuid:id>/", system_vms.OneSystemVm.as_view(), name="system-vm"),
    path("system-vms/<uuid:system_vm_id>/probe/", system_vms.Probe.as_view(), name="system-vm-probe"),
    path("networks/", networks.Networks.as_view(), name="networks"),
    path("networks/<uuid:id>/", networks.OneNetwork.as_view(), name="network"),
    path(
        "networks/<uuid:place_id>/restart/",
        router_restarts.NetworkRestart.as_view(),
        name="network-restart",
    ),
    path("vpcs/", networks.Vpcs.as_view(), name="vpcs"),
    path("vpcs/<uuid:id>/", networks.OneVpc.as_view(), name="vpc"),
    path("vpcs/<uuid:place_id>/restart/", router_restarts.VpcRestart.as_view(), name="vpc-restart"),
    path("live-patches/", live_patches.LivePatches.as_view(), name="live-patches"),
    path("live-patches/<uuid:run_id>/", live_patches.OneLivePatch.as_view(), name="live-patch"),
    path("events/", events.Events.as_view(), name="events"),
    path("rolling-maintenances/", runs.Runs.as_view(), name="runs"),
    path("rolling-maintenances/<uuid:run_id>/", include(a_run)),
]
urlpatterns = [
    path("schema/", Schema.as_view(), name="schema"),
    path("v1/", include(version_1)),
]
