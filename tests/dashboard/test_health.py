"""Health, and the reports of browsers: what machines ask without a login."""

import json
import logging

import pytest
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client


def test_readyz_is_503_while_a_migration_is_missing(db):
    MigrationRecorder.Migration.objects.filter(app="maintenance", name="0001_initial").delete()
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert "maintenance.0001_initial" in answer.json()["migrations"]


def test_readyz_is_503_while_the_database_is_away(db, monkeypatch):
    def is_away(recorder: object) -> None:
        raise OperationalError("connection to 10.0.0.5 refused")

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", is_away)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "not reachable"
    assert b"10.0.0.5" not in answer.content


def test_healthz_asks_no_database():
    assert Client().get("/healthz").content == b"ok"  # without the fixture, a query would fail the test


REPORT = {
    "csp-report": {
        "document-uri": "http://127.0.0.1:8000/hosts/",
        "violated-directive": "script-src",
        "blocked-uri": "inline\n" * 1000,
        "original-policy": "x",
    }
}


def test_a_report_becomes_one_log_line(caplog):
    with caplog.at_level(logging.WARNING, logger="pitstop.csp"):
        answer = Client().post("/csp-report/", json.dumps(REPORT), content_type="application/csp-report")
    assert answer.status_code == 204
    (record,) = caplog.records
    assert record.msg["violated_directive"] == "script-src"
    assert len(record.msg["blocked_uri"]) <= 300


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"csp-report": 5}', b"[" * 100_000, json.dumps(REPORT).encode() * 2]
)
def test_a_report_that_is_none_is_thrown_away(caplog, body):
    with caplog.at_level(logging.WARNING, logger="pitstop.csp"):
        answer = Client().post("/csp-report/", body, content_type="application/csp-report")
    assert answer.status_code == 204
    assert not caplog.records
