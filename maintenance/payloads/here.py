"""Payloads of this installation: whom it trusts, what it may call, and files fetched to where they are needed."""

from pathlib import Path

from django.conf import settings

from maintenance.models import Payload
from maintenance.payloads.keys import Keyring, read_keyring
from maintenance.payloads.manifest import AGENT, SCRIPTS, read_kept
from maintenance.payloads.sources import Rules, fetch

DEMO_KEY = "demo"
NOT_IN_EARNEST = (
    f"{DEMO_KEY}.pub is the demo's key, and this is no demo: it is not trusted. Remove it, and put your publisher's"
    " there"
)
MEGABYTE = 1_000_000


def folder() -> Path:
    """Where files lie, each under its SHA-256."""
    return Path(settings.VAR_DIR) / "payloads"


def keyring() -> Keyring:
    """The publishers that are trusted now: keys are read each time, so that one that is taken away is gone at once."""
    return read_keyring(
        Path(settings.PAYLOAD_KEYS), without=None if settings.DEMO else {DEMO_KEY: NOT_IN_EARNEST}
    )


def rules(within_s: float | None = None) -> Rules:
    return Rules(
        folder=folder(),
        quota_bytes=settings.PAYLOADS_MAX_MB * MEGABYTE,
        allows_plain_loopback=settings.DEMO,
        near=settings.PAYLOAD_NEAR,
        within_s=settings.PAYLOAD_FETCH_S if within_s is None else within_s,
    )


def bring_here(payload: Payload) -> None:
    """Files that are not on this machine are fetched from the payload's sources. Raises: Refused."""
    missing = {AGENT: payload.agent_sha256, SCRIPTS: payload.scripts_sha256}
    for name, sha256 in missing.items():
        urls = [source["url"] for source in payload.sources if source["file"] == name]
        if urls and not (folder() / sha256).is_file():
            size = read_kept(payload.manifest).files[name].size
            fetch(urls, sha256, size, name=name, rules=rules())
