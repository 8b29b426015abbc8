"""Archives as an attacker would build them."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path


def zip_of(*names: str, text: bytes = b"text", mode: int = 0o100644) -> bytes:
    """A zip with members of these names, whatever they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo("placeholder", date_time=(2023, 1, 1, 0, 0, 0))
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, b"" if name.endswith("/") else text)
    return buffer.getvalue()


def tgz_of(*members: tarfile.TarInfo | str, text: bytes = b"text", form: int = tarfile.USTAR_FORMAT) -> bytes:
    """A tar.gz with these members; names become regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            entry = tar_file(member, len(text)) if isinstance(member, str) else member
            archive.addfile(entry, io.BytesIO(text) if entry.isreg() else None)
    return gzip.compress(buffer.getvalue(), mtime=0)


def tar_file(name: str, size: int = 4, **values: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    if name.endswith("/"):
        entry.type, size = tarfile.DIRTYPE, 0
    entry.size, entry.mtime = size, 1_700_000_000
    for key, value in values.items():
        setattr(entry, key, value)
    return entry


def tar_link(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    return tar_file(name, 0, type=kind, linkname=target)


def kept(folder: Path, contents: bytes) -> tuple[Path, str]:
    """The archive lies in the folder; its checksum."""
    path = folder / "archive"
    path.write_bytes(contents)
    return path, hashlib.sha256(contents).hexdigest()


def everything_below(folder: Path) -> dict[str, bytes | str | None]:
    """Each file with its bytes, each link with its target, each folder."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }
