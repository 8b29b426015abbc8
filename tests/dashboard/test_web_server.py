"""What only a real server shows: bodies as they come over the wire, and health."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest
from django.utils import timezone

from dashboard import request_bodies
from maintenance.models import EngineProcess, Run
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import make_person, make_token

START = "/api/v1/rolling-maintenances/"


@pytest.fixture
def program(web) -> Iterator[httpx.Client]:
    headers = {
        "Authorization": f"Token {make_token(make_person('operator'))}",
        "Content-Type": "application/json",
    }
    with httpx.Client(base_url=web.url, headers=headers, trust_env=False) as client:
        yield client


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def test_pages_and_answers_to_programs_travel_packed(program):
    make_inventory()
    for address in ("/login/", "/api/v1/hosts/"):
        answer = program.get(address)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) < len(answer.content) / 2


def test_a_body_without_a_length_is_read_like_any_other(program):
    inventory = make_inventory()
    body = json.dumps({"hosts": inventory.ids("kvm1")}).encode()
    assert program.post(START, content=pieces(body, 7)).status_code == 201
    assert Run.objects.count() == 1


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_that_is_too_long_is_413(program, is_chunked):
    body = b" " * 1_000_001
    answer = program.post(START, content=pieces(body, 65_536) if is_chunked else body)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_body_of_just_the_limit_is_read(program):
    answer = program.post(START, content=b"{}".ljust(1_000_000))
    assert answer.status_code == 400  # read, and found to name no host


def test_a_body_that_does_not_come_is_408(web, monkeypatch):
    monkeypatch.setattr(request_bodies, "READ_WITHIN_S", 0.2)
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as wire:
        wire.sendall(b"POST /api/v1/hosts/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{")
        assert wire.recv(100).startswith(b"HTTP/1.1 408 ")


def test_a_length_that_is_none_is_refused(web):
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as wire:
        wire.sendall(b"POST /api/v1/hosts/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ten\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 400 ")


def test_head_answers_like_get_without_a_body(program):
    answer = program.head("/api/v1/hosts/")
    assert (answer.status_code, answer.content) == (200, b"")


def test_healthz_is_one_word(program):
    answer = program.get("/healthz", headers={"Authorization": "", "Cookie": "pitstop-sid=made-up"})
    assert (answer.status_code, answer.text) == (200, "ok")


def test_readyz_is_ready_without_an_engine_and_says_so(program):
    answer = program.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["engine"] == {"age_s": None, "living": 0, "silent": True}
    assert answer.json()["feed"]["lag_s"] == 0


def test_readyz_tells_the_engines_last_sign_of_life(program):
    EngineProcess.objects.create(host_name="here", pid=1, version="1", seen_at=timezone.now())
    engine = program.get("/readyz").json()["engine"]
    assert (engine["living"], engine["silent"]) == (1, False)
    assert engine["age_s"] < 5
