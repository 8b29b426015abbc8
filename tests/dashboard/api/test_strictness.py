"""Requests that are not what they should be: refused in problem JSON, never guessed, never a 500."""

import pytest
from django.db import OperationalError
from django.test import Client

from maintenance.models import Run
from tests.dashboard.inventory import an_id

START = "rolling-maintenances/"


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"null",
        b'"hosts"',
        b"{}{}",
        b'{"hosts": [], "hosts": []}',
        b'{"timeout_s": NaN}',
        b'{"timeout_s": -Infinity}',
        b'{"timeout_s": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"reason": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b'{"reason": "\xe9"}',
    ],
)
def test_a_body_that_is_no_clean_json_object_is_400(operator, raw):
    answer = operator.post(START, raw)
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "text/json",
        "",
    ],
)
def test_anything_but_json_is_415(operator, content_type):
    assert operator.post(START, b"{}", content_type=content_type).status_code == 415
    assert (
        operator.post(f"rolling-maintenances/{an_id()}/pause/", b"a=1", content_type=content_type).status_code
        == 415
    )


def test_a_method_that_does_not_exist_is_405_naming_those_that_do(operator):
    answer = operator.client.put("/api/v1/hosts/", {}, content_type="application/json")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json()["status"] == 405


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_cannot_be_smuggled_into_a_header(operator, inventory, header):
    answer = operator.post(START, {"hosts": inventory.ids("kvm1")}, headers={header: "DELETE"})
    assert answer.status_code == 201
    assert operator.get(START, headers={header: "POST"}).status_code == 200
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "hosts",
        "hosts//",
        "hosts/./",
        "hosts/1/",
        "hosts/-1/",
        "hosts/9223372036854775808/",
        "hosts/1e3/",
        "hosts/%D9%A1%D9%A2/",
        "hosts/%00/",
        "hosts/..%2f..%2fetc/",
        "hosts/{id}/",
        "hosts/:id/",
        "hosts/;x/",
        "rolling-maintenances/latest/",
        "rolling-maintenances/" + "9" * 400 + "/",
        "nothing/",
        "",
    ],
)
def test_an_address_that_is_none_is_404_in_problem_json(operator, path):
    answer = operator.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("accepted", ["application/yaml", "text/html", "application/xml"])
def test_a_format_we_do_not_have_is_406_in_problem_json(operator, accepted):
    answer = operator.get("hosts/", headers={"Accept": accepted})
    assert answer.status_code == 406
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_error_reflects_nothing_as_html(operator):
    answer = operator.get("hosts/?<script>alert(1)</script>=1", headers={"Accept": "*/*"})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_other_site_is_let_in_by_cors(operator):
    answer = operator.get("hosts/", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_request_id_that_is_not_decent_is_replaced(operator):
    for sent in ("short", "a b c d e f g h", "x" * 65, "line\nbreak-1", '"><script>'):
        assert operator.get("hosts/", headers={"X-Request-ID": sent}).headers["X-Request-ID"] != sent


def test_what_nobody_foresaw_is_a_500_that_says_nothing_but_its_id(operator, monkeypatch):
    def fails(person: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("dashboard.api.inventory.visible_zones", fails)
    operator.client.raise_request_exception = False
    answer = operator.get("zones/")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert b"secret" not in answer.content


def test_a_database_that_does_not_answer_is_503(operator, monkeypatch):
    def fails(person: object) -> None:
        raise OperationalError("connection refused at 10.0.0.5")

    monkeypatch.setattr("dashboard.api.inventory.visible_zones", fails)
    answer = operator.get("zones/")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert b"10.0.0.5" not in answer.content


def test_a_foreign_host_header_is_refused(operator):
    answer = Client(headers={"Host": "evil.example"}).get("/api/v1/hosts/")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
