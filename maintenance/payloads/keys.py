"""Keys of publishers: ed25519. The console holds public ones only; whoever publishes keeps the other half offline."""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

RAW_BYTES = 32
FILE_MAX_BYTES = 8_192
KEYS_MAX = 50
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


class BadKey(Exception):
    """A key file cannot be used; the text names it and says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A publisher that is trusted; `name` is the file's."""

    name: str
    key: Ed25519PublicKey

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.key)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The publishers we trust, by fingerprint; `unusable`: files that are no such keys, and why, as people read it."""

    by_fingerprint: Mapping[str, PublicKey]
    unusable: tuple[str, ...] = ()

    def names(self) -> str:
        return ", ".join(key.name for key in self.by_fingerprint.values()) or "none"


def fingerprint_of(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes, in hex."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def read_keyring(folder: Path, *, without: Mapping[str, str] | None = None) -> Keyring:
    """Each NAME.pub in the folder. A file that is no key does not keep the others from being used, and is told.
    `without`: names that are not trusted, and why."""
    found: dict[str, PublicKey] = {}
    unusable: list[str] = []
    if not folder.is_dir():
        return Keyring({})
    for path in sorted(folder.glob("*.pub"))[:KEYS_MAX]:
        if without and path.stem in without:
            unusable.append(without[path.stem])
            continue
        try:
            key = PublicKey(path.stem, read_public_key(path))
            found.setdefault(key.fingerprint, key)
        except BadKey as reason:
            unusable.append(str(reason))
    return Keyring(found, tuple(unusable))


def read_public_key(path: Path) -> Ed25519PublicKey:
    """From 32 raw bytes, these in base64, or PEM. Raises: BadKey."""
    try:
        content = _read_small(path)
    except OSError as reason:
        raise BadKey(f"{path.name} cannot be read: {reason.strerror}") from reason
    if b"PRIVATE KEY" in content:
        raise BadKey(
            f"{path.name} is a signing key. It must not lie here: take it away, and make a new pair, for whoever"
            " could read this machine could sign with it"
        )
    if content.lstrip().startswith(b"-----BEGIN"):
        return _from_pem(path, content)
    raw = content if len(content) == RAW_BYTES else _from_base64(content)
    if raw is None or len(raw) != RAW_BYTES:
        raise BadKey(
            f"{path.name} is no ed25519 public key: give PEM, or its {RAW_BYTES} bytes, raw or base64"
        )
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as reason:
        raise BadKey(f"{path.name} is no ed25519 public key: {reason}") from reason


def _from_pem(path: Path, content: bytes) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as reason:
        raise BadKey(f"{path.name} is no public key in PEM") from reason
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path.name} is a key of another kind; ed25519 is needed")
    return key


def _from_base64(content: bytes) -> bytes | None:
    try:
        return base64.b64decode(content.strip(), validate=True)
    except binascii.Error:
        return None


def _read_small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_MAX_BYTES)


# ---- the publisher's side: never on the console's machine ------------------------------------------------------------


def make_pair(folder: Path, name: str, password: str = "") -> tuple[Path, Path]:
    """Writes NAME.key (0600; encrypted where there is a password) and NAME.pub; never over a file that is there.

    Returns: both paths, the signing key first. Raises: BadKey, FileExistsError.
    """
    if not NAME.fullmatch(name):
        raise BadKey(f"{name[:80]!r} is no name for a key: letters, digits, dots, dashes")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret, public = folder / f"{name}.key", folder / f"{name}.pub"
    if public.exists():
        raise FileExistsError(f"{public} is there already")
    key = Ed25519PrivateKey.generate()
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        locked = serialization.BestAvailableEncryption(password.encode())
    _write_new(
        secret,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked),
        0o600,
    )
    _write_new(public, pem_of(key.public_key()), 0o644)
    return secret, public


def pem_of(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_signing_key(path: Path, password: str = "") -> Ed25519PrivateKey:
    """Raises: BadKey, OSError."""
    try:
        key = serialization.load_pem_private_key(_read_small(path), password.encode() if password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
        raise BadKey(f"{path.name} is no signing key, or its password is another: {reason}") from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path.name} is a key of another kind; ed25519 is needed")
    return key


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
