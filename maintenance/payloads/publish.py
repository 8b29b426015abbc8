"""Publishing and withdrawing payloads: everything or nothing, by two people at once, and after any interruption.

The signature is checked first, then the files are kept under their checksums and looked through – nothing is unpacked
here –, then the row is made, in one transaction with the audit. Whoever dies in between has published nothing; files
without a row are tidied up a day later.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.db import connection
from django.utils import timezone

from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.backends.system_vms import PayloadRefused
from maintenance.domain.states import RUN_ACTIVE
from maintenance.domain.system_vms import version_of
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Payload, Run
from maintenance.patching.copying import refuse_bad_archive
from maintenance.payloads.here import folder, keyring, rules
from maintenance.payloads.kept import chunks_of, keep, remove_left_over
from maintenance.payloads.manifest import (
    AGENT,
    FILES,
    SCRIPTS,
    Manifest,
    Signed,
    advisories_json,
    read_signed,
)
from maintenance.payloads.refused import Refused
from maintenance.payloads.sources import MetalinkAt, Source, fetch

PUBLISH_LOCK = 0x70697473_7061796C  # "pitspayl": one publication after another
AUDITED_PUBLISHED, AUDITED_WITHDRAWN = "payload published", "payload withdrawn"

type Given = BinaryIO | Sequence[Source]  # a file that is here, or where it can be had


class Downgrade(Conflict):
    """A newer payload is published for one of its types: VMs would be offered an older one."""


class VersionTaken(Conflict):
    """This version was published before, with other content."""


@dataclass(frozen=True, slots=True)
class Published:
    """`is_new`: false when the very same was published already; nothing has changed then."""

    payload: Payload
    is_new: bool


def publish(
    manifest: bytes,
    given: Mapping[str, Given],
    *,
    actor: str,
    request_id: str = "",
    within_s: float | None = None,
) -> Published:
    """System VMs of its types are offered the payload from now on. `given` by name of the file; what is not given is
    fetched from the manifest's own sources, each within `within_s`.

    Raises: BadInput naming manifest, agent.zip, cloud-scripts.tgz or source; Downgrade, VersionTaken.
    """
    try:
        signed = read_signed(manifest, keyring())
        _check_order(signed)
        paths = {name: _keep(signed.manifest, name, given.get(name), within_s) for name in FILES}
        for name, path in paths.items():
            _check_contents(signed.manifest, name, path)
        scripts_md5 = _md5_of(paths[SCRIPTS], signed.manifest.files[SCRIPTS].sha256)
    except Refused as reason:
        raise BadInput(str(reason), field=reason.field) from reason
    sources = _sources_told(signed.manifest, given)
    with unit_of_work(actor, request_id=request_id) as work:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PUBLISH_LOCK])
        published = _offered(work, signed, scripts_md5, sources, actor)
    tidy_up()
    return published


def withdraw(payload_id: UUID, *, actor: str, reason: str = "", request_id: str = "") -> Payload:
    """No VM is offered it any more; patches that were started with it go on. A second call changes nothing.

    Raises: NotFound.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        payload = Payload.objects.select_for_update(no_key=True).filter(id=payload_id).first()
        if payload is None:
            raise NotFound(f"no payload has the id {payload_id}")
        if payload.withdrawn_at is None:
            payload.withdrawn_at = timezone.now()
            payload.save(update_fields=["withdrawn_at"])
            about = about_payload(payload)
            work.audit(AUDITED_WITHDRAWN, about, reason=reason)
            work.event("payload.withdrawn", about, after={"withdrawn": True})
    return payload


def about_payload(payload: Payload) -> dict[str, str]:
    return {"payload": str(payload.id), "version": payload.version}


def tidy_up() -> list[str]:
    """Files that no offered payload and no run at work needs are gone, a day after the last use of them."""
    at_work = Run.objects.filter(state__in=RUN_ACTIVE, payload_id__isnull=False).values("payload_id")
    needed = Payload.objects.filter(withdrawn_at=None) | Payload.objects.filter(id__in=at_work)
    named = {sha for pair in needed.values_list("agent_sha256", "scripts_sha256") for sha in pair}
    return remove_left_over(folder(), named)


# ---- what publishing consists of -------------------------------------------------------------------------------------


def _check_order(signed: Signed) -> Payload | None:
    """The row, when the very same was published before. Raises: VersionTaken, Downgrade."""
    manifest = signed.manifest
    same = Payload.objects.filter(version=manifest.version).first()
    if same is not None and same.manifest != signed.text:
        raise VersionTaken(
            f"version {manifest.version} was published before with other content, by {same.published_by}; a version is"
            " used once: give the new one another number",
            owner=about_payload(same),
        )
    for payload in Payload.objects.filter(withdrawn_at=None, types__overlap=list(manifest.types)):
        if version_of(payload.version) > version_of(manifest.version):
            both = ", ".join(sorted(set(payload.types) & set(manifest.types)))
            raise Downgrade(
                f"{payload.version} is published already for {both}, and is newer than {manifest.version}; withdraw it"
                " first if the older one shall be offered again",
                owner=about_payload(payload),
            )
    return same


def _keep(manifest: Manifest, name: str, given: Given | None, within_s: float | None) -> Path:
    """Raises: Refused."""
    facts = manifest.files[name]
    if given is not None and not isinstance(given, Sequence):
        return keep(
            chunks_of(given),
            sha256=facts.sha256,
            size=facts.size,
            name=name,
            folder=folder(),
            quota_bytes=rules().quota_bytes,
        )
    sources = given or manifest.sources.get(name, ())
    if not sources:
        raise Refused(f"{name} was not given, and the manifest names no source of it", field=name)
    return fetch(sources, facts.sha256, facts.size, name=name, rules=rules(within_s))


def _check_contents(manifest: Manifest, name: str, path: Path) -> None:
    """A signature says who made an archive, not that it may be unpacked: what no VM would take is not offered to any.

    Raises: Refused naming the member and the rule.
    """
    try:
        refuse_bad_archive(name, path, sha256=manifest.files[name].sha256, version=manifest.version)
    except PayloadRefused as reason:
        raise Refused(str(reason), field=name) from reason
    except OSError as reason:
        raise Refused(f"{name} cannot be read here: {reason.strerror}", field=name) from reason


def _md5_of(path: Path, sha256: str) -> str:
    """CloudStack's own signature of the scripts, of the bytes that are checked along with it. Raises: Refused."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refused(f"{SCRIPTS} was changed on this machine while it was published", field=SCRIPTS)
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _sources_told(manifest: Manifest, given: Mapping[str, Given]) -> list[dict[str, str]]:
    """Where other machines can fetch the files: addresses only, for a local file is here alone."""
    told = []
    for name in FILES:
        asked = given.get(name)
        for source in [*(asked if isinstance(asked, Sequence) else ()), *manifest.sources.get(name, ())]:
            url = source.url if isinstance(source, MetalinkAt) else source
            if isinstance(url, str):
                told.append({"file": name, "url": url})
    return told


def _offered(
    work: UnitOfWork, signed: Signed, scripts_md5: str, sources: list[dict[str, str]], actor: str
) -> Published:
    """The row, made or offered again, while nobody else publishes. Raises: VersionTaken, Downgrade."""
    same = _check_order(signed)
    if same is not None and same.withdrawn_at is None:
        return Published(same, is_new=False)
    manifest = signed.manifest
    payload = same or Payload(
        version=manifest.version,
        types=[str(one) for one in manifest.types],
        base_image=manifest.base_image,
        agent_sha256=manifest.files[AGENT].sha256,
        scripts_sha256=manifest.files[SCRIPTS].sha256,
        scripts_md5=scripts_md5,
        advisories=advisories_json(manifest.advisories),
        manifest=signed.text,
        signed_by=signed.signer.name,
    )
    payload.sources, payload.withdrawn_at = sources, None
    payload.published_by, payload.published_at = actor, timezone.now()
    payload.save()
    told = {
        "version": payload.version,
        "types": payload.types,
        "security": payload.fixes_security,
        "signed_by": payload.signed_by,
    }
    about = about_payload(payload)
    before = None if same is None else {"withdrawn": True}
    work.audit(
        AUDITED_PUBLISHED,
        about,
        before=before,
        after={**told, "agent_sha256": payload.agent_sha256, "scripts_sha256": payload.scripts_sha256},
    )
    work.event("payload.published", about, before=before, after=told)
    return Published(payload, is_new=True)
