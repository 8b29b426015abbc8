"""The page of payloads: published with three files, refused beside the file that is wrong, withdrawn with a reason."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from maintenance.models import AuditEntry, Payload
from maintenance.payloads.keys import make_pair, pem_of
from maintenance.payloads.manifest import AGENT, SCRIPTS
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import texts_of
from tests.maintenance.payloads.published import contents, make_manifest, make_publisher

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/settings/payloads/"


@pytest.fixture
def publisher(settings, tmp_path):
    settings.VAR_DIR, settings.PAYLOAD_KEYS = tmp_path / "var", tmp_path / "keys"
    made = make_publisher()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release.pub").write_bytes(pem_of(made.key.public_key()))
    return made


def files(publisher, version="4.19.1.1", **other):
    content = contents(version)
    return {
        "manifest": SimpleUploadedFile("manifest", publisher.sign(make_manifest(version))),
        "agent": SimpleUploadedFile(AGENT, content[AGENT]),
        "scripts": SimpleUploadedFile(SCRIPTS, content[SCRIPTS]),
    } | other


def test_a_published_payload_says_what_it_fixes_security_first(publisher):
    administrator = logged_in("administrator")

    answer = administrator.post(PAGE, files(publisher))

    assert answer.status_code == 303
    said = texts_of(administrator, PAGE)
    assert "Payload 4.19.1.1 is published." in said
    assert said.index("CVE-2026-1111") < said.index("GH-7")
    assert "routers, console proxies" in said
    assert "No system VM of its types is known." in said
    assert "release" in said
    administrator.post(PAGE, files(publisher))
    assert "was published already" in texts_of(administrator, PAGE)


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"agent": SimpleUploadedFile(AGENT, b"other")}, 400, "agent-error"),
        ({"scripts": SimpleUploadedFile(SCRIPTS, b"other")}, 400, "scripts-error"),
        ({"manifest": SimpleUploadedFile("manifest", b"PK")}, 400, "this is no manifest"),
        ({"manifest": None}, 400, "Choose the file."),
    ],
)
def test_what_is_wrong_is_said_beside_the_file(publisher, changed, status, said):
    sent = {name: value for name, value in (files(publisher) | changed).items() if value is not None}

    answer = logged_in("administrator").post(PAGE, sent)

    assert answer.status_code == status
    assert said in answer.text
    assert not Payload.objects.exists()


def test_an_older_payload_is_a_conflict(publisher):
    administrator = logged_in("administrator")
    administrator.post(PAGE, files(publisher, "4.19.2.0"))
    answer = administrator.post(PAGE, files(publisher, "4.19.1.0"))
    assert answer.status_code == 409
    assert "newer than 4.19.1.0" in answer.text


def test_a_payload_is_withdrawn_and_the_page_says_so(publisher):
    administrator = logged_in("administrator")
    administrator.post(PAGE, files(publisher))
    payload = Payload.objects.get()

    administrator.post(f"{PAGE}{payload.id}/withdraw/", {f"reason-{payload.id}": "haproxy dies"})

    assert "Withdrawn" in texts_of(administrator, PAGE)
    assert "Withdraw it" not in texts_of(administrator, PAGE)
    assert AuditEntry.objects.get(action="payload withdrawn").reason == "haproxy dies"


def test_keys_are_told_by_fingerprint_and_a_signing_key_among_them_is_an_alarm(publisher, tmp_path):
    secret, _ = make_pair(tmp_path / "elsewhere", "leaked")
    (tmp_path / "keys" / "leaked.pub").write_bytes(secret.read_bytes())

    said = texts_of(logged_in("administrator"), PAGE)

    assert publisher.fingerprint[:4] + " " + publisher.fingerprint[4:8] in said
    assert "leaked.pub is a signing key. It must not lie here" in said


def test_only_administrators_see_it(publisher):
    for role in ("viewer", "operator", "tenant"):
        assert logged_in(role).get(PAGE).status_code == 403
        assert logged_in(role).post(PAGE, files(publisher)).status_code == 403
    assert not Payload.objects.exists()
