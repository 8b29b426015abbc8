"""Payloads over REST: administrators publish and withdraw; whoever sees system VMs reads."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from maintenance.models import AuditEntry, Payload
from maintenance.payloads.keys import pem_of
from maintenance.payloads.manifest import AGENT, SCRIPTS
from maintenance.payloads.publish import publish
from tests.dashboard.inventory import an_id
from tests.dashboard.people import api_of, make_person
from tests.maintenance.payloads.mirrors import Mirror, running
from tests.maintenance.payloads.published import contents, make_manifest, make_publisher

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def publisher(settings, tmp_path):
    settings.VAR_DIR, settings.PAYLOAD_KEYS = tmp_path / "var", tmp_path / "keys"
    made = make_publisher()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release.pub").write_bytes(pem_of(made.key.public_key()))
    return made


@pytest.fixture
def admin():
    return api_of(make_person("administrator"))


def body(publisher, version="4.19.1.1", **other):
    content = contents(version)
    return {
        "manifest": SimpleUploadedFile("manifest", publisher.sign(make_manifest(version))),
        "agent": SimpleUploadedFile(AGENT, content[AGENT]),
        "scripts": SimpleUploadedFile(SCRIPTS, content[SCRIPTS]),
    } | other


def upload(api, sent, key=None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.client.post("/api/v1/payloads/", sent, headers=headers)


def published(publisher, version="4.19.1.1"):
    given = {name: io.BytesIO(content) for name, content in contents(version).items()}
    return publish(publisher.sign(make_manifest(version)), given, actor="ada").payload


def test_a_payload_is_published_with_its_files_and_read_again(admin, publisher):
    answer = upload(admin, body(publisher))

    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert (made["version"], made["signedby"], made["security"]) == ("4.19.1.1", "release", True)
    assert made["systemvmtypes"] == ["domainrouter", "consoleproxy"]
    assert made["advisories"][0] == {
        "id": "CVE-2026-1111",
        "title": "dnsmasq answers strangers",
        "security": True,
    }
    assert admin.get(f"payloads/{made['id']}/").json() == made
    assert answer.headers["Location"] == f"/api/v1/payloads/{made['id']}/"
    assert upload(admin, body(publisher)).status_code == 200
    assert AuditEntry.objects.get(action="payload published").actor == "administrator"


def test_a_payload_is_published_by_address(admin, publisher):
    content = contents("4.19.1.1")
    with running(Mirror(content[AGENT])) as agent, running(Mirror(content[SCRIPTS])) as scripts:
        sources = {AGENT: (agent.url,), SCRIPTS: (scripts.url,)}
        manifest = publisher.sign(make_manifest(), sources=sources).decode()
        answer = admin.post("payloads/", {"manifest": manifest})

    assert answer.status_code == 201, answer.content


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"manifest": "nonsense"}, "manifest"),
        ({"folder": "https://example.org/"}, "manifest"),
        ({"manifest": "x", "folder": "https://a/", "metalink": "https://b/"}, "metalink"),
        ({"manifest": "x", "files": []}, "files"),
    ],
)
def test_a_body_that_cannot_be_is_refused_by_field(admin, publisher, sent, field):
    answer = admin.post("payloads/", sent)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


def test_an_address_that_is_never_called_is_said_of_the_source(admin, publisher):
    manifest = publisher.sign(make_manifest()).decode()
    answer = admin.post("payloads/", {"manifest": manifest, "folder": "https://169.254.169.254/"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "folder"
    assert "is not called" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"agent": SimpleUploadedFile(AGENT, b"other")}, "agent"),
        ({"agent": "text"}, "agent"),
        ({"more": "x"}, "more"),
        ({"manifest": SimpleUploadedFile("manifest", b"PK\3\4")}, "manifest"),
        ({"scripts": None}, "scripts"),
    ],
)
def test_files_that_cannot_be_are_refused_by_field(admin, publisher, changed, field):
    sent = {name: value for name, value in (body(publisher) | changed).items() if value is not None}
    answer = upload(admin, sent)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert not Payload.objects.exists()


def test_a_downgrade_and_a_version_used_twice_are_conflicts(admin, publisher):
    published(publisher, "4.19.2.0")
    answer = upload(admin, body(publisher, "4.19.1.0"))
    assert answer.status_code == 409
    assert answer.json()["owner"]["version"] == "4.19.2.0"

    other = publisher.sign(make_manifest("4.19.2.0"), base_image="another")
    answer = upload(admin, body(publisher, "4.19.2.0", manifest=SimpleUploadedFile("manifest", other)))
    assert answer.status_code == 409
    assert "other content" in answer.json()["detail"]


def test_the_same_key_publishes_once_and_another_manifest_under_it_is_422(admin, publisher):
    first = upload(admin, body(publisher), key="k1")
    again = upload(admin, body(publisher), key="k1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert upload(admin, body(publisher, "4.19.1.2"), key="k1").status_code == 422


def test_a_withdrawn_payload_says_since_when(admin, publisher):
    payload = published(publisher)

    answer = admin.post(f"payloads/{payload.id}/withdraw/", {"reason": "haproxy dies"}, key="k1")

    assert answer.status_code == 200
    assert answer.json()["withdrawn_at"]
    assert AuditEntry.objects.get(action="payload withdrawn").reason == "haproxy dies"
    assert (
        admin.post(f"payloads/{payload.id}/withdraw/", {"reason": "haproxy dies"}, key="k1").status_code
        == 200
    )
    assert admin.post(f"payloads/{an_id()}/withdraw/").status_code == 404


def test_only_administrators_publish_and_no_tenant_reads(publisher):
    payload = published(publisher)
    for role, may_read in (("viewer", True), ("operator", True), ("tenant", False)):
        api = api_of(make_person(role))
        assert upload(api, body(publisher, "4.19.9.0")).status_code == 403
        assert api.post(f"payloads/{payload.id}/withdraw/").status_code == 403
        assert api.get("payloads/").status_code == (200 if may_read else 403)
    assert Payload.objects.get().withdrawn_at is None


def test_the_list_costs_the_same_however_many_payloads_there_are(
    admin, publisher, django_assert_max_num_queries
):
    for number in range(5):
        published(publisher, f"4.19.{number}.0")
    with django_assert_max_num_queries(8):
        answer = admin.get("payloads/")
    assert [row["version"] for row in answer.json()["results"]] == [f"4.19.{n}.0" for n in (4, 3, 2, 1, 0)]
