"""Two questions of machines: does the process live, and can it serve."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse


def healthz(request: HttpRequest) -> HttpResponse:
    """200 and one word while the process lives."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database and migrations are right, else 503. The body tells how old the engines' last sign of life is
    and how far live pages are behind: a console without an engine must still open."""
    try:
        missing = _missing_migrations()
        is_ready = not missing
        answer: dict[str, Any] = {
            "ready": is_ready,
            "database": "ok",
            "migrations": "ok" if is_ready else f"missing: {', '.join(missing)}",
            **(_engine_and_feed() if is_ready else {}),
        }
    except DatabaseError:
        is_ready = False
        answer = {"ready": False, "database": "not reachable", "migrations": "not known"}
    return JsonResponse(answer, status=200 if is_ready else 503)


@cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _missing_migrations() -> list[str]:
    applied = set(MigrationRecorder(connection).applied_migrations())
    return sorted(f"{app}.{name}" for app, name in _migrations_on_disk() - applied)


def _engine_and_feed() -> dict[str, Any]:
    """Ages by the database's clock; `feed.lag_s` is how long the oldest event that this process has not read waits."""
    from dashboard.live.feed_tail import last_read  # the hub's side; imported late, it needs the apps

    read = last_read()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - max(seen_at)), "
            "count(*) FILTER (WHERE seen_at > clock_timestamp() - make_interval(secs => %s)) "
            "FROM maintenance_engineprocess WHERE stopped_at IS NULL",
            [settings.ENGINE_SILENT_S],
        )
        age_s, living = cursor.fetchone()
        cursor.execute("SELECT coalesce(max(seq), 0) FROM maintenance_feedevent")
        head = cursor.fetchone()[0]
        cursor.execute(
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(at)), 0) "
            "FROM maintenance_feedevent WHERE seq > %s",
            [head if read is None else read],
        )
        lag_s = cursor.fetchone()[0]
    return {
        "engine": {
            "age_s": None if age_s is None else round(float(age_s), 1),
            "living": living,
            "silent": living == 0,
        },
        "feed": {"head": head, "read": read, "lag_s": round(float(lag_s), 1)},
    }
