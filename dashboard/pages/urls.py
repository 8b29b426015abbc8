"""The console's addresses. Who may use each, and how, is in access.py."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard.pages import buttons, door, inventory, needs, overview, reports, runs, starting

urlpatterns = [
    path("login/", door.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", overview.overview, name="overview"),
    path("zones/", inventory.places, {"kind": "zone"}, name="zones"),
    path("zones/<uuid:place_id>/", inventory.place, {"kind": "zone"}, name="zone"),
    path("pods/", inventory.places, {"kind": "pod"}, name="pods"),
    path("pods/<uuid:place_id>/", inventory.place, {"kind": "pod"}, name="pod"),
    path("clusters/", inventory.places, {"kind": "cluster"}, name="clusters"),
    path("clusters/<uuid:place_id>/", inventory.place, {"kind": "cluster"}, name="cluster"),
    path("hosts/", inventory.hosts, name="hosts"),
    path("hosts/<uuid:host_id>/", inventory.host, name="host"),
    path("hosts/<uuid:host_id>/prepare/", buttons.host_prepare, name="host-prepare"),
    path("hosts/<uuid:host_id>/return/", buttons.host_return, name="host-return"),
    path("rolling/", runs.runs, name="runs"),
    path("rolling/new/", starting.plan_run, name="run-new"),
    path("rolling/new/plan/", starting.plan_run, name="run-plan"),
    path("rolling/new/start/", starting.start_run, name="run-start"),
    path("rolling/<uuid:run_id>/", runs.run, name="run"),
    path("rolling/<uuid:run_id>/hosts/", runs.run_hosts, name="run-hosts"),
    path("rolling/<uuid:run_id>/report.<str:form>", reports.run_report, name="run-report"),
    path("rolling/<uuid:run_id>/pause/", buttons.run_pause, name="run-pause"),
    path("rolling/<uuid:run_id>/resume/", buttons.run_resume, name="run-resume"),
    path("rolling/<uuid:run_id>/cancel/", buttons.run_cancel, name="run-cancel"),
    path("rolling/<uuid:run_id>/hosts/<uuid:host_id>/retry/", buttons.run_host_retry, name="run-host-retry"),
    path("rolling/<uuid:run_id>/hosts/<uuid:host_id>/skip/", buttons.run_host_skip, name="run-host-skip"),
    path(
        "rolling/<uuid:run_id>/hosts/<uuid:host_id>/stages/<str:stage>/output/",
        runs.run_output,
        name="run-output",
    ),
    path("hosts/<uuid:host_id>/take-back/", buttons.host_take_back, name="host-take-back"),
    path("needs-a-person/", needs.needs, name="needs"),
    path("needs-a-person/<uuid:need_id>/", needs.need, name="need"),
    path("attention/<uuid:attention_id>/take/", buttons.attention_take, name="attention-take"),
    path("attention/<uuid:attention_id>/resolve/", buttons.attention_resolve, name="attention-resolve"),
]
