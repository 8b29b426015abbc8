"""The console's addresses. Who may use each, and how, is in access.py."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import console, reports, starting

urlpatterns = [
    path("login/", console.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", console.overview, name="overview"),
    path("hosts/", console.hosts, name="hosts"),
    path("hosts/<uuid:host_id>/", console.host, name="host"),
    path("hosts/<uuid:host_id>/prepare/", console.host_prepare, name="host-prepare"),
    path("hosts/<uuid:host_id>/return/", console.host_return, name="host-return"),
    path("rolling/", console.runs, name="runs"),
    path("rolling/new/", starting.plan_run, name="run-new"),
    path("rolling/new/plan/", starting.plan_run, name="run-plan"),
    path("rolling/new/start/", starting.start_run, name="run-start"),
    path("rolling/<uuid:run_id>/", console.run, name="run"),
    path("rolling/<uuid:run_id>/hosts/", console.run_hosts, name="run-hosts"),
    path("rolling/<uuid:run_id>/report.<str:form>", reports.run_report, name="run-report"),
    path("rolling/<uuid:run_id>/pause/", console.run_pause, name="run-pause"),
    path("rolling/<uuid:run_id>/resume/", console.run_resume, name="run-resume"),
    path("rolling/<uuid:run_id>/cancel/", console.run_cancel, name="run-cancel"),
    path("rolling/<uuid:run_id>/hosts/<uuid:host_id>/retry/", console.run_host_retry, name="run-host-retry"),
    path("rolling/<uuid:run_id>/hosts/<uuid:host_id>/skip/", console.run_host_skip, name="run-host-skip"),
    path(
        "rolling/<uuid:run_id>/hosts/<uuid:host_id>/stages/<str:stage>/output/",
        console.run_output,
        name="run-output",
    ),
    path("attention/<uuid:attention_id>/take/", console.attention_take, name="attention-take"),
    path("attention/<uuid:attention_id>/resolve/", console.attention_resolve, name="attention-resolve"),
]
