"""`manage.py payload`: publishers sign without a console; consoles publish, list and withdraw."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from maintenance.models import Payload
from maintenance.payload_files import files_of
from maintenance.payloads import here
from maintenance.payloads.manifest import AGENT, SCRIPTS
from tests.maintenance.payloads.mirrors import Mirror, running
from tests.maintenance.payloads.published import contents, make_manifest

ROOT = Path(__file__).parents[3]


def manage(capsys, *words):
    call_command("payload", *map(str, words))
    return capsys.readouterr().out


@pytest.fixture
def ready(trusted, tmp_path):
    """A folder with a signed payload, as people download it."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "manifest").write_bytes(trusted.sign(make_manifest()))
    for name, content in contents("4.19.1.1").items():
        (folder / name).write_bytes(content)
    return folder


def test_publishers_make_keys_and_sign_without_any_database(tmp_path):
    environment = {
        **os.environ,
        "PITSTOP_VAR": str(tmp_path / "var"),
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    }
    for name, content in contents("4.19.1.1").items():
        (tmp_path / name).write_bytes(content)

    def run(*words: str) -> str:
        asked = [sys.executable, str(ROOT / "manage.py"), "payload", *words]
        done = subprocess.run(
            asked, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    assert "keep it offline" in run("keygen", "keys", "--name", "release")
    run("sign", "4.19.1.1", AGENT, SCRIPTS, "--key", "keys/release.key", "--type", "domainrouter",
        "--security", "CVE-2026-1=A hole")  # fmt: skip

    assert (tmp_path / "manifest").read_text().startswith("Pitstop payload manifest 1\n")
    assert "CVE-2026-1" in (tmp_path / "manifest").read_text()


@pytest.mark.django_db(transaction=True)
def test_what_lies_beside_the_manifest_is_published(ready, capsys):
    said = manage(capsys, "publish", ready / "manifest")

    payload = Payload.objects.get()
    assert f"payload 4.19.1.1 is published, signed by release: {payload.id}" in said
    assert files_of(payload).agent.read_bytes() == contents("4.19.1.1")[AGENT]
    assert "was published already" in manage(
        capsys, "publish", ready / "manifest", ready / SCRIPTS, ready / AGENT
    )
    assert "4.19.1.1  security  domainrouter,consoleproxy  signed by release" in manage(capsys, "list")
    assert "to nobody any more" in manage(capsys, "withdraw", "4.19.1.1", "--reason", "it is bad")
    assert "4.19.1.1  withdrawn" in manage(capsys, "list")
    with pytest.raises(CommandError, match="no payload has the version"):
        manage(capsys, "withdraw", "9.9")


@pytest.mark.django_db(transaction=True)
def test_files_come_from_a_metalink_that_is_a_file(ready, capsys, tmp_path):
    content = contents("4.19.1.1")
    with running(Mirror(content[AGENT])) as agent, running(Mirror(content[SCRIPTS])) as scripts:
        listed = "".join(
            f'<file name="{name}"><hash type="sha-256">{make_manifest().files[name].sha256}</hash>'
            f"<url>{mirror.url}</url></file>"
            for name, mirror in ((AGENT, agent), (SCRIPTS, scripts))
        )
        link = tmp_path / "payload.meta4"
        link.write_text(f'<metalink xmlns="urn:ietf:params:xml:ns:metalink">{listed}</metalink>')
        alone = tmp_path / "manifest"
        (ready / "manifest").rename(alone)

        manage(capsys, "publish", alone, "--metalink", link)

    assert files_of(Payload.objects.get()).scripts.read_bytes() == content[SCRIPTS]


@pytest.mark.django_db(transaction=True)
def test_what_is_refused_is_said_in_one_line(ready, capsys):
    (ready / AGENT).write_bytes(b"other")
    with pytest.raises(CommandError, match=r"agent\.zip has 5 bytes"):
        manage(capsys, "publish", ready / "manifest")
    with pytest.raises(CommandError, match="not both"):
        manage(capsys, "publish", ready / "manifest", ready / AGENT, "--from", "https://example.org/")
    with pytest.raises(CommandError, match="is not called"):
        manage(capsys, "publish", ready / "manifest", "--from", "https://169.254.169.254/")
    with pytest.raises(CommandError, match="No such file"):
        manage(capsys, "publish", ready / "missing")
    assert not Payload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_demo_makes_a_payload_that_it_can_publish(trusted, capsys):
    manage(capsys, "make-demo", "4.21.0.1", "--publish")
    manage(capsys, "make-demo", "4.21.0.2", "--publish", "--type", "domainrouter", "--no-security")

    newer, first = Payload.objects.all()
    assert (first.signed_by, first.fixes_security) == ("demo", True)
    assert (newer.types, newer.fixes_security) == (["domainrouter"], False)
    assert files_of(first).scripts.stat().st_size > 0


def test_no_demo_makes_no_payloads(trusted, settings, capsys):
    settings.DEMO = False
    with pytest.raises(CommandError, match="no demo"):
        manage(capsys, "make-demo", "4.21.0.1")
    assert not here.folder().exists()
