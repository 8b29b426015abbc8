"""Large bodies: only from administrators, only to where files are taken, and never before it is known who sends."""

import pytest
from asgiref.sync import async_to_sync

from dashboard import uploads
from dashboard.request_bodies import BoundedBodies
from tests.dashboard.people import make_person, make_token

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = 5_000_000


def send(path, *, token="", length=LARGE, content_type="multipart/form-data; boundary=x", taken=None):
    """The status that comes back, and how many bytes were read of the sender."""
    read = []

    async def inner(scope, receive, send_on):
        while (await receive()).get("more_body"):
            read.append(1)
        await send_on({"type": "http.response.start", "status": 200, "headers": []})
        await send_on({"type": "http.response.body", "body": b""})

    headers = [(b"content-type", content_type.encode()), (b"host", b"127.0.0.1")]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    if token:
        headers.append((b"authorization", f"Token {token}".encode()))
    scope = {
        "type": "http", "method": "POST", "path": path, "headers": headers, "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http",
    }  # fmt: skip
    pieces = [b"x" * 1_000_000] * 5
    answers = []

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def answer(message):
        answers.append(message)

    bodies = BoundedBodies(inner)
    if taken is not None:
        bodies.uploads.under_way = taken
    async_to_sync(bodies)(scope, receive, answer)
    return answers[0]["status"], 5 - len(pieces)


@pytest.fixture
def admin() -> str:
    return make_token(make_person("administrator"))


def test_an_administrator_may_send_files_to_where_they_are_taken(admin):
    assert send("/api/v1/payloads/", token=admin) == (200, 5)


@pytest.mark.parametrize("role", ["", "viewer", "operator", "tenant"])
def test_nobody_else_has_a_byte_of_a_large_body_read(role):
    token = make_token(make_person(role)) if role else "nonsense"
    assert send("/api/v1/payloads/", token=token) == (413, 0)
    assert send("/settings/payloads/") == (413, 0)


def test_nothing_large_is_taken_anywhere_else_or_as_anything_else(admin):
    assert send("/api/v1/rolling-maintenances/", token=admin) == (413, 0)
    assert send("/api/v1/payloads/", token=admin, content_type="application/json") == (413, 0)
    assert send("/nowhere/", token=admin) == (413, 0)


def test_a_body_of_unknown_or_absurd_length_is_refused_before_it_is_read(admin):
    assert send("/api/v1/payloads/", token=admin, length=None) == (411, 0)
    assert send("/api/v1/payloads/", token=admin, length=uploads.BYTES_MAX + 1) == (413, 0)


def test_a_few_at_once_are_enough(admin):
    assert send("/api/v1/payloads/", token=admin, taken=uploads.AT_ONCE) == (503, 0)
    assert send("/api/v1/payloads/", token=admin, taken=uploads.AT_ONCE - 1) == (200, 5)
