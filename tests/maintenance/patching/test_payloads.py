"""The payloads that tests are made with."""

import hashlib

from maintenance.patching.layout import current_release, enabled_services, installed, signature
from tests.maintenance.patching.payloads import install, payload


def test_a_vm_is_made_with_what_its_payload_holds(tmp_path):
    install(tmp_path / "vm", "4.19.0.0", ("haproxy", "dnsmasq"))
    files = payload(tmp_path / "files", "4.19.0.0")

    assert installed(tmp_path / "vm").version == "4.19.0.0"
    assert signature(tmp_path / "vm") == files.scripts_md5
    assert enabled_services(tmp_path / "vm") == ("haproxy", "dnsmasq")
    assert current_release(tmp_path / "vm") == "4.19.0.0"


def test_the_same_version_gives_the_same_bytes_and_another_one_others(tmp_path):
    first, again = payload(tmp_path / "a", "4.19.0.0"), payload(tmp_path / "b", "4.19.0.0")

    assert first.agent.read_bytes() == again.agent.read_bytes()
    assert (
        first.scripts_sha256 == again.scripts_sha256 == hashlib.sha256(again.scripts.read_bytes()).hexdigest()
    )
    assert payload(tmp_path / "c", "4.19.1.0").scripts_md5 != first.scripts_md5
