"""All addresses. What each of them may be used for, and by whom, is in access.py."""

from django.urls import include, path, re_path

from dashboard.api.unknown import no_such_route
from dashboard.csp_reports import csp_report
from dashboard.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("csp-report/", csp_report, name="csp-report"),
    path("api/", include("dashboard.api.urls")),
    re_path(r"^api/", no_such_route, name="api-unknown"),
    path("", include("dashboard.pages.urls")),
]

handler400 = "dashboard.api.unknown.bad_request"
handler403 = "dashboard.api.unknown.permission_denied"
handler404 = "dashboard.api.unknown.page_not_found"
handler500 = "dashboard.api.unknown.server_error"
