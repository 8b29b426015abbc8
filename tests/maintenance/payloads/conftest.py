"""An installation that trusts one publisher."""

import io
from pathlib import Path
from typing import Any

import pytest

from maintenance.payloads.keys import pem_of
from maintenance.payloads.publish import Published, publish
from tests.maintenance.payloads.published import Publisher, contents, make_manifest, make_publisher


@pytest.fixture
def trusted(settings, tmp_path) -> Publisher:
    """The publisher whose key lies in the folder of keys; files are kept below `tmp_path`."""
    settings.VAR_DIR = tmp_path / "var"
    settings.PAYLOAD_KEYS = tmp_path / "keys"
    publisher = make_publisher()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "release.pub").write_bytes(pem_of(publisher.key.public_key()))
    return publisher


@pytest.fixture
def put(trusted):
    """Publishes a version, made and signed by the trusted publisher."""

    def _put(version: str = "4.19.1.1", *, actor: str = "ada", **changed: Any) -> Published:
        given = {name: io.BytesIO(content) for name, content in contents(version).items()}
        return publish(trusted.sign(make_manifest(version), **changed), given, actor=actor)

    return _put


@pytest.fixture
def kept(settings):
    """Names of what lies in the folder of payloads."""

    def _kept() -> set[str]:
        folder = Path(settings.VAR_DIR) / "payloads"
        return {one.name for one in folder.iterdir()} if folder.is_dir() else set()

    return _kept
