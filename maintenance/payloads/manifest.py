"""The signed manifest of a payload: three lines – what it is, canonical JSON, the signature over both.

    Pitstop payload manifest 1
    {"advisories":[…],"base_image":"…","created_at":"…","files":{…},"sources":{…},"types":[…],"version":"…"}
    ed25519 FINGERPRINT SIGNATURE-IN-BASE64

The signature is checked over the bytes as they came, before anything in them is looked at.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maintenance.domain.system_vms import SystemVmType
from maintenance.payloads.keys import Keyring, PublicKey, fingerprint_of
from maintenance.payloads.refused import Refused

HEADER = "Pitstop payload manifest 1"
BYTES_MAX = 256 * 1024
AGENT, SCRIPTS = "agent.zip", "cloud-scripts.tgz"
FILES = (AGENT, SCRIPTS)
SIZE_MAX: Mapping[str, int] = {AGENT: 512 << 20, SCRIPTS: 64 << 20}
ADVISORIES_MAX, SOURCES_MAX, URL_MAX = 200, 50, 2000
VERSION = re.compile(r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){1,4}", re.ASCII)  # one spelling each
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
ADVISORY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}", re.ASCII)
SIGNATURE_BYTES = 64


class NotAManifest(Refused):
    """It does not begin as a manifest does, or is no JSON in canonical form."""


class TooLong(Refused):
    """The manifest is longer than any manifest is."""


class Truncated(Refused):
    """Its end is missing."""


class Unsigned(Refused):
    """It carries no signature."""


class UnknownSigner(Refused):
    """It is signed by a key that this console does not know."""


class BadSignature(Refused):
    """The signature is over other bytes."""


class UnknownFormat(Refused):
    """A newer Pitstop has made it."""


class UnknownField(Refused):
    """It holds a field that this version does not know."""


class BadValue(Refused):
    """A field is missing, or its value cannot be."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one of the two files must be."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Advisory:
    """One thing that the payload fixes."""

    id: str
    title: str
    is_security: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a publisher says about a payload. `sources`: for each file, addresses of it or of metalinks to it."""

    version: str
    types: tuple[SystemVmType, ...]
    base_image: str
    files: Mapping[str, FileFacts]
    advisories: tuple[Advisory, ...]
    created_at: datetime
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest whose signature holds. `text`: the file, whole, as it was signed."""

    manifest: Manifest
    signer: PublicKey
    text: str


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_signed(content: bytes, keyring: Keyring) -> Signed:
    """The manifest, its signature checked. Raises: Refused, by what is wrong."""
    if len(content) > BYTES_MAX:
        raise TooLong(f"the manifest has more than {BYTES_MAX:,} bytes")
    lines = content.split(b"\n")
    _check_header(lines[0])
    if len(lines) == 3 and lines[2] == b"":
        raise Unsigned("the manifest carries no signature; take the file as `payload sign` wrote it")
    if len(lines) != 4 or lines[3] != b"":
        what = "its end is missing" if len(lines) < 4 else "something follows its signature"
        raise Truncated(f"the manifest is not whole: {what}; take the file anew")
    signer = _checked(lines, keyring)
    return Signed(_read(lines[1]), signer, content.decode())


def read_kept(text: str) -> Manifest:
    """One whose signature was checked when it was published."""
    return _read(text.split("\n")[1].encode())


def _check_header(line: bytes) -> None:
    if line == HEADER.encode():
        return
    known = HEADER.rpartition(" ")[0].encode()
    if line.startswith(known) and line[len(known) :].strip().isdigit():
        raise UnknownFormat("the manifest has another format than 1: it is for another version of Pitstop")
    if line and HEADER.encode().startswith(line):
        raise Truncated("the manifest is not whole: its end is missing; take the file anew")
    raise NotAManifest(f"this is no manifest: its first line must be {HEADER!r}")


def _checked(lines: list[bytes], keyring: Keyring) -> PublicKey:
    """Who signed the first two lines. Raises: Unsigned, Truncated, UnknownSigner, BadSignature."""
    parts = lines[2].split(b" ")
    if parts[0] != b"ed25519" or len(parts) != 3:
        raise Unsigned("the manifest's last line is no ed25519 signature")
    try:
        signature = base64.b64decode(parts[2], validate=True)
    except binascii.Error:
        signature = b""
    if len(signature) != SIGNATURE_BYTES:
        raise Truncated("the manifest is not whole: its signature is cut off; take the file anew")
    fingerprint = parts[1].decode("ascii", "replace")
    signer = keyring.by_fingerprint.get(fingerprint)
    if signer is None:
        raise UnknownSigner(
            f"the manifest is signed by a key that is not trusted here ({fingerprint[:16]}…; trusted:"
            f" {keyring.names()}). If you trust whoever made it, put their public key into the folder of keys"
        )
    try:
        signer.key.verify(signature, signed_bytes(lines[1]))
    except InvalidSignature:
        raise BadSignature(
            f"the signature of {signer.name} is over other bytes: the manifest was changed after it was signed"
        ) from None
    return signer


def signed_bytes(canonical: bytes) -> bytes:
    return HEADER.encode() + b"\n" + canonical + b"\n"


def _read(line: bytes) -> Manifest:
    try:
        found = json.loads(line.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as reason:
        raise NotAManifest(f"the manifest's second line is no JSON: {reason}") from reason
    if not isinstance(found, dict) or canonical(found) != line:
        raise NotAManifest("the manifest's second line is no JSON object in canonical form")
    _known(found, {"version", "types", "base_image", "files", "advisories", "created_at"}, {"sources"}, "")
    return Manifest(
        version=_version(found["version"]),
        types=_types(found["types"]),
        base_image=_text(found["base_image"], "base_image", 120, may_be_empty=True),
        files=_files(found["files"]),
        advisories=_advisories(found["advisories"]),
        created_at=_moment(found["created_at"]),
        sources=_sources(found.get("sources", {})),
    )


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _known(found: Any, needed: set[str], optional: set[str], where: str) -> None:
    """Raises: BadValue for what is missing, UnknownField for what nobody knows."""
    if not isinstance(found, dict):
        raise BadValue(f"the manifest's {where or 'content'} must be an object")
    for name in sorted(found.keys() - needed - optional):
        raise UnknownField(f"the manifest holds {where}{name[:60]!r}, which this version does not know")
    for name in sorted(needed - found.keys()):
        raise BadValue(f"the manifest lacks {where}{name!r}")


def _text(value: Any, name: str, longest: int, *, may_be_empty: bool = False) -> str:
    if not isinstance(value, str):
        raise BadValue(f"the manifest's {name} must be a text")
    if (not value.strip() and not may_be_empty) or len(value) > longest or not value.isprintable():
        raise BadValue(f"the manifest's {name} must be a printable text of at most {longest} characters")
    return value


def _version(value: Any) -> str:
    text = _text(value, "version", 40)
    if not VERSION.fullmatch(text):
        raise BadValue(f"{text!r} is no version; give numbers with dots, such as 4.19.1.1")
    return text


def _types(value: Any) -> tuple[SystemVmType, ...]:
    known = ", ".join(SystemVmType)
    if not isinstance(value, list) or not value:
        raise BadValue(f"the manifest must name VM types in a list; there are {known}")
    for one in value:
        if not isinstance(one, str) or one not in set(SystemVmType):
            raise BadValue(f"{str(one)[:60]!r} is no type of system VM; there are {known}")
    if len(set(value)) != len(value):
        raise BadValue("a VM type is there twice")
    return tuple(SystemVmType(one) for one in value)


def _files(value: Any) -> dict[str, FileFacts]:
    _known(value, set(FILES), set(), "files ")
    found = {}
    for name in FILES:
        _known(value[name], {"sha256", "size"}, set(), f"files {name} ")
        sha256, size = value[name]["sha256"], value[name]["size"]
        if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            raise BadValue(f"the sha256 of {name} must be 64 digits of hex, in small letters")
        if type(size) is not int or size < 1:
            raise BadValue(f"the size of {name} must be a whole number of bytes")
        if size > SIZE_MAX[name]:
            raise BadValue(f"{name} has {size:,} bytes; at most {SIZE_MAX[name]:,} are taken")
        found[name] = FileFacts(sha256, size)
    return found


def _advisories(value: Any) -> tuple[Advisory, ...]:
    if not isinstance(value, list) or len(value) > ADVISORIES_MAX:
        raise BadValue(f"the manifest's advisories must be a list of at most {ADVISORIES_MAX}")
    found = []
    for one in value:
        _known(one, {"id", "title", "is_security"}, set(), "advisories ")
        name = _text(one["id"], "advisory's id", 80)
        if not ADVISORY_ID.fullmatch(name):
            raise BadValue(f"{name!r} is no advisory's id; give one such as CVE-2026-1234")
        if not isinstance(one["is_security"], bool):
            raise BadValue(f"is_security of {name} must be true or false")
        found.append(Advisory(name, _text(one["title"], "advisory's title", 300), one["is_security"]))
    if len({one.id for one in found}) != len(found):
        raise BadValue("an advisory is there twice")
    return tuple(found)


def _moment(value: Any) -> datetime:
    text = _text(value, "created_at", 40)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue("created_at must be a time such as 2026-11-21T22:00:00+00:00") from None
    if at.tzinfo is None:
        raise BadValue("created_at must name its zone, as in 2026-11-21T22:00:00+00:00")
    return at


def _sources(value: Any) -> dict[str, tuple[str, ...]]:
    _known(value, set(), set(FILES), "sources ")
    for name, urls in value.items():
        if not isinstance(urls, list) or not urls or len(urls) > SOURCES_MAX:
            raise BadValue(f"the sources of {name} must be a list of 1 to {SOURCES_MAX} addresses")
    return {name: tuple(_text(url, "source", URL_MAX) for url in urls) for name, urls in value.items()}


# ---- writing: the publisher's side -----------------------------------------------------------------------------------


def canonical(found: Mapping[str, Any]) -> bytes:
    """One way of writing it: keys in order, no spaces, ASCII only, so on one line."""
    return json.dumps(
        found, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def as_json(manifest: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = {
        "version": manifest.version,
        "types": [str(one) for one in manifest.types],
        "base_image": manifest.base_image,
        "files": {name: {"sha256": f.sha256, "size": f.size} for name, f in manifest.files.items()},
        "advisories": advisories_json(manifest.advisories),
        "created_at": manifest.created_at.isoformat(),
    }
    if manifest.sources:
        found["sources"] = {name: list(urls) for name, urls in manifest.sources.items()}
    return found


def advisories_json(advisories: tuple[Advisory, ...]) -> list[dict[str, Any]]:
    return [{"id": one.id, "title": one.title, "is_security": one.is_security} for one in advisories]


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The file to hand on; what cannot be read again is not signed. Raises: Refused."""
    line = canonical(as_json(manifest))
    _read(line)
    return sign_line(line, key)


def sign_line(line: bytes, key: Ed25519PrivateKey) -> bytes:
    signed = signed_bytes(line)
    signature = base64.b64encode(key.sign(signed)).decode()
    return signed + f"ed25519 {fingerprint_of(key.public_key())} {signature}\n".encode()
