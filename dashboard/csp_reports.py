"""Where browsers report what the content security policy stopped: a log line each, a few a minute at most."""

import json
import time

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

BYTES_MAX = 8_192
PER_MINUTE_MAX = 20
TOLD = (
    "document-uri",
    "violated-directive",
    "effective-directive",
    "blocked-uri",
    "source-file",
    "line-number",
)

log = structlog.get_logger("pitstop.csp")


class _Rate:
    """How many reports this process wrote in the current minute: anybody may send them, so few are kept."""

    def __init__(self) -> None:
        self.minute, self.written = 0, 0

    def has_room(self) -> bool:
        minute = int(time.monotonic() // 60)
        if minute != self.minute:
            self.minute, self.written = minute, 0
        self.written += 1
        return self.written <= PER_MINUTE_MAX


_rate = _Rate()


@csrf_exempt
def csp_report(request: HttpRequest) -> HttpResponse:
    """204 whatever is sent: a browser cannot do anything about a bad report."""
    told = _report(request.body) if int(request.headers.get("Content-Length") or 0) <= BYTES_MAX else None
    if told is not None and _rate.has_room():
        log.warning("csp violation", **told)
    return HttpResponse(status=204)


def _report(body: bytes) -> dict[str, str] | None:
    try:
        report = json.loads(body)["csp-report"]
        return {name.replace("-", "_"): str(report[name])[:300] for name in TOLD if name in report}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
