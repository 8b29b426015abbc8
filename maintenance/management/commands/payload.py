"""`manage.py payload …`: make keys, sign, publish, list and withdraw the updates of live patches.

`keygen` and `sign` are for whoever publishes, on a machine of theirs: they need no database, and no console.
"""

import hashlib
import os
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from maintenance.actions.errors import ActionError
from maintenance.backends.lab.system_vms.demo import BASE_IMAGE
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Payload
from maintenance.payloads import demo, here
from maintenance.payloads.keys import BadKey, fingerprint_of, make_pair, read_public_key, read_signing_key
from maintenance.payloads.manifest import (
    AGENT,
    BYTES_MAX,
    FILES,
    SCRIPTS,
    Advisory,
    FileFacts,
    Manifest,
    sign,
)
from maintenance.payloads.metalink import BYTES_MAX as METALINK_BYTES_MAX
from maintenance.payloads.publish import Given, publish, withdraw
from maintenance.payloads.refused import Refused
from maintenance.payloads.sources import MetalinkAt, Source

ACTOR = "manage.py payload"
PASSWORD = "PITSTOP_PAYLOAD_KEY_PASSWORD"
REFUSALS = (ActionError, Refused, BadKey, OSError)


class Command(BaseCommand):
    help = "Updates of system VMs: keys and signatures (for publishers); publish, list, withdraw (on the console)."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        _publisher_arguments(actions)
        put = actions.add_parser("publish", help="offer a signed payload to the system VMs of its types")
        put.add_argument("manifest", type=Path)
        put.add_argument(
            "files", type=Path, nargs="*", help=f"{AGENT} and {SCRIPTS}; else beside the manifest"
        )
        where = put.add_mutually_exclusive_group()
        where.add_argument(
            "--from", dest="base", metavar="URL", help=f"the folder that holds {AGENT} and {SCRIPTS}"
        )
        where.add_argument("--metalink", metavar="FILE_OR_URL", help="tells of both files")
        put.set_defaults(act=self._publish)
        actions.add_parser("list", help="what is published, the newest first").set_defaults(act=self._list)
        back = actions.add_parser("withdraw", help="offer it to nobody any more")
        back.add_argument("version")
        back.add_argument("--reason", default="")
        back.set_defaults(act=self._withdraw)
        made = actions.add_parser("make-demo", help="DEMO ONLY: a signed payload for the lab's system VMs")
        made.add_argument("version")
        made.add_argument("--type", action="append", choices=list(SystemVmType), dest="types")
        made.add_argument("--base-image", default=BASE_IMAGE)
        made.add_argument("--no-security", action="store_true", help="it fixes nothing that is a hole")
        made.add_argument("--publish", action="store_true", help="publish it at once")
        made.set_defaults(act=self._make_demo)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Namespace(**options)
        try:
            if wanted.action in {"keygen", "sign"}:
                self.stdout.write(_ACTS[wanted.action](wanted))
            else:
                wanted.act(wanted)
        except REFUSALS as refusal:
            raise CommandError(str(refusal)) from refusal

    def _publish(self, wanted: Namespace) -> None:
        with ExitStack() as stack:
            self._put(wanted.manifest, _given(wanted, stack))

    def _put(self, manifest: Path, given: Mapping[str, Given]) -> None:
        with manifest.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        published = publish(content, given, actor=ACTOR)
        payload = published.payload
        word = "is published" if published.is_new else "was published already"
        self.stdout.write(f"payload {payload.version} {word}, signed by {payload.signed_by}: {payload.id}")

    def _list(self, _wanted: Namespace) -> None:
        for payload in Payload.objects.all():
            word = (
                "withdrawn" if payload.withdrawn_at else "security" if payload.fixes_security else "published"
            )
            at = payload.published_at.strftime("%Y-%m-%d %H:%M UTC")
            types = ",".join(payload.types)
            self.stdout.write(
                f"{payload.version}  {word}  {types}  signed by {payload.signed_by}  {at} by {payload.published_by}"
            )
        for words in here.keyring().unusable:
            self.stderr.write(words)

    def _withdraw(self, wanted: Namespace) -> None:
        payload = Payload.objects.filter(version=wanted.version).first()
        if payload is None:
            raise CommandError(f"no payload has the version {wanted.version}; see `payload list`")
        withdraw(payload.id, actor=ACTOR, reason=wanted.reason)
        self.stdout.write(f"payload {payload.version} is offered to nobody any more")

    def _make_demo(self, wanted: Namespace) -> None:
        made = demo.make_demo_payload(
            wanted.version,
            types=[SystemVmType(one) for one in wanted.types] if wanted.types else tuple(SystemVmType),
            base_image=wanted.base_image,
            security=not wanted.no_security,
        )
        self.stdout.write(f"{made.manifest} (signed by the demo's key, which no real installation trusts)")
        if wanted.publish:
            with ExitStack() as stack:
                self._put(
                    made.manifest, {n: stack.enter_context(p.open("rb")) for n, p in made.files.items()}
                )


def _given(wanted: Namespace, stack: ExitStack) -> dict[str, Given]:
    """Raises: CommandError, OSError."""
    if wanted.files and (wanted.base or wanted.metalink):
        raise CommandError("give files, or where they can be had, not both")
    if wanted.base:
        return {name: [f"{wanted.base.rstrip('/')}/{name}"] for name in FILES}
    if wanted.metalink:
        source = _metalink(wanted.metalink)
        return {name: [source] for name in FILES}
    beside = wanted.files or [p for p in (wanted.manifest.with_name(name) for name in FILES) if p.exists()]
    return {_name_of(path): _opened(path, stack) for path in beside}


def _metalink(given: str) -> Source:
    """An address as a source that is read when it is needed, a file as its content."""
    if urlsplit(given).scheme in {"http", "https"}:
        return MetalinkAt(given)
    with Path(given).open("rb") as file:
        return file.read(METALINK_BYTES_MAX + 1)


def _name_of(path: Path) -> str:
    """Which of the two it is: by its ending, for people rename what they download. Raises: CommandError."""
    for name in FILES:
        if path.name == name or path.suffix == Path(name).suffix:
            return name
    raise CommandError(f"{path.name} is neither {AGENT} nor {SCRIPTS}")


def _opened(path: Path, stack: ExitStack) -> BinaryIO:
    return stack.enter_context(path.open("rb"))


# ---- the publisher's side --------------------------------------------------------------------------------------------


def _publisher_arguments(actions: Any) -> None:
    new = actions.add_parser("keygen", help="for publishers: a new pair of keys; keep NAME.key offline")
    new.add_argument("folder", type=Path)
    new.add_argument("--name", default="publisher")
    seal = actions.add_parser("sign", help="for publishers: write the signed manifest of two files")
    seal.add_argument("version")
    seal.add_argument("agent", type=Path, help=AGENT)
    seal.add_argument("scripts", type=Path, help=SCRIPTS)
    seal.add_argument("--key", type=Path, required=True, help=f"NAME.key; its password in {PASSWORD}")
    seal.add_argument("--type", action="append", choices=list(SystemVmType), dest="types", required=True)
    seal.add_argument("--base-image", default="", help="VMs with another image need an upgrade instead")
    seal.add_argument("--fixes", action="append", default=[], metavar="ID=TITLE")
    seal.add_argument("--security", action="append", default=[], metavar="ID=TITLE")
    seal.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="URL",
        help=f"a folder that holds {AGENT} and {SCRIPTS}",
    )
    seal.add_argument("--out", type=Path, default=Path("manifest"))


def _keygen(wanted: Namespace) -> str:
    secret, public = make_pair(wanted.folder, wanted.name, os.environ.get(PASSWORD, ""))
    fingerprint = fingerprint_of(read_public_key(public))
    return (
        f"{secret} signs: keep it offline\n"
        f"{public} is for the consoles' folder of keys (var/payload-keys/)\nSHA-256 {fingerprint}"
    )


def _sign(wanted: Namespace) -> str:
    manifest = Manifest(
        version=wanted.version,
        types=tuple(SystemVmType(one) for one in wanted.types),
        base_image=wanted.base_image,
        files={AGENT: _facts(wanted.agent), SCRIPTS: _facts(wanted.scripts)},
        advisories=(*_advisories(wanted.security, True), *_advisories(wanted.fixes, False)),
        created_at=timezone.now(),
        sources={n: tuple(f"{url.rstrip('/')}/{n}" for url in wanted.source) for n in FILES if wanted.source},
    )
    signed = sign(manifest, read_signing_key(wanted.key, os.environ.get(PASSWORD, "")))
    wanted.out.write_bytes(signed)
    return f"{wanted.out} is signed"


def _facts(path: Path) -> FileFacts:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileFacts(digest.hexdigest(), file.tell())


def _advisories(given: Sequence[str], is_security: bool) -> list[Advisory]:
    found = []
    for one in given:
        name, _equals, title = one.partition("=")
        found.append(Advisory(name.strip(), title.strip(), is_security))
    return found


_ACTS = {"keygen": _keygen, "sign": _sign}
