"""Fetching a payload's file to where it is needed: from a local file, HTTPS, or the mirrors of a metalink.

`fetch` needs no Django: engines and hosts call it alike. Who sends what does not matter, since only a file with the
signed checksum is kept: a mirror that is away or lies is followed by the next one, and what was cut off goes on where
it was, wherever the rest comes from.
"""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from maintenance.payloads.calls import Answer, Interrupted, NotFetched, get, get_small
from maintenance.payloads.kept import (
    CHUNK_BYTES,
    LOCK,
    UNFINISHED,
    WrongChecksum,
    WrongSize,
    check_room,
    chunks_of,
    keep,
    settle,
    write,
)
from maintenance.payloads.metalink import BYTES_MAX as METALINK_BYTES_MAX
from maintenance.payloads.metalink import ENDINGS, BadMetalink, mirrors_of
from maintenance.payloads.refused import Refused

ATTEMPTS = 3
CONNECTIONS_MAX = 50  # to one source in one attempt
METALINK_S = 30.0
LOCK_EVERY_S = 0.1
CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class MetalinkAt:
    """The address of a metalink, whatever it ends with."""

    url: str


type Source = str | Path | MetalinkAt | bytes  # an address, a local file, a metalink or its content


class NoSource(Refused):
    """No source had it; the text tells what each said."""

    field = "source"


@dataclass(frozen=True, slots=True)
class Rules:
    """Where files are kept and what may be called. `near`: our country's two letters, for metalinks."""

    folder: Path
    quota_bytes: int
    allows_plain_loopback: bool = False
    near: str = ""
    within_s: float = 600.0  # everything together
    pause_s: float = 1.0  # before the second attempt; twice that before the third


def fetch(sources: Sequence[Source], sha256: str, size: int, *, name: str, rules: Rules) -> Path:
    """The file lies in the folder under its checksum; a file that lies there already is not fetched again.

    Three attempts in all: an attempt asks source after source, and is over when a whole file had another checksum.
    Raises: NoSource, WrongChecksum, WrongSize, NoSpace.
    """
    deadline = time.monotonic() + rules.within_s
    with _alone(rules.folder, sha256, deadline, name):
        if _lies_there(rules.folder / sha256, sha256, size):
            return rules.folder / sha256
        return _attempts(sources, _Wanted(sha256, size, name, rules, deadline))


def _attempts(sources: Sequence[Source], wanted: "_Wanted") -> Path:
    said: dict[str, None] = {}  # what each source said, in order, each once
    first = 0
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(max(0.0, min(wanted.rules.pause_s * attempt, wanted.left_s())))
        asked = _asked(sources, wanted, said)
        outcome = _attempt(asked[first:] + asked[:first], wanted, said)
        if isinstance(outcome, Path):
            return outcome
        first = (first + outcome) % max(1, len(asked))
        if wanted.left_s() <= 0:
            said[f"the {wanted.rules.within_s:.0f} s for it are over"] = None
            break
    words = "; ".join(said) or "no source was given"
    raise NoSource(f"{wanted.name} could not be had: {words}", field=wanted.name)


@dataclass(frozen=True, slots=True)
class _Wanted:
    sha256: str
    size: int
    name: str
    rules: Rules
    deadline: float

    @property
    def unfinished(self) -> Path:
        return self.rules.folder / f".{self.sha256}{UNFINISHED}"

    def left_s(self) -> float:
        return self.deadline - time.monotonic()


def _asked(sources: Sequence[Source], wanted: _Wanted, said: dict[str, None]) -> list[Path | str]:
    """Files and addresses in the order in which they are asked; metalinks are read now."""
    found: list[Path | str] = []
    for source in sources:
        match source:
            case Path():
                found.append(source)
            case bytes():
                found += _listed(source, wanted, said)
            case MetalinkAt(url):
                found += _fetched_list(url, wanted, said)
            case str() if source.split("?")[0].lower().endswith(ENDINGS):
                found += _fetched_list(source, wanted, said)
            case str():
                found.append(source)
    return found


def _fetched_list(url: str, wanted: _Wanted, said: dict[str, None]) -> list[str]:
    try:
        content = get_small(
            url,
            bytes_max=METALINK_BYTES_MAX,
            within_s=min(METALINK_S, max(0.1, wanted.left_s())),
            allows_plain_loopback=wanted.rules.allows_plain_loopback,
        )
    except NotFetched as reason:
        said[str(reason)] = None
        return []
    return _listed(content, wanted, said)


def _listed(metalink: bytes, wanted: _Wanted, said: dict[str, None]) -> list[str]:
    try:
        mirrors = mirrors_of(metalink, sha256=wanted.sha256, size=wanted.size, near=wanted.rules.near)
    except BadMetalink as reason:
        said[str(reason)] = None
        return []
    return [mirror.url for mirror in mirrors]


def _attempt(asked: list[Path | str], wanted: _Wanted, said: dict[str, None]) -> Path | int:
    """The file, or how many sources the next attempt passes over: those up to one that sent a whole wrong file."""
    for number, source in enumerate(asked, start=1):
        if wanted.left_s() <= 0:
            return 0
        try:
            if isinstance(source, Path):
                return _copy(source, wanted)
            is_last = number == len(asked)
            return _download(source, wanted, within_s=wanted.left_s() / (1 if is_last else 2))
        except WrongChecksum as reason:
            said[f"{_short(source)}: {reason}"] = None
            return number
        except WrongSize as reason:
            said[f"{_short(source)}: {reason}"] = None
        except NotFetched as reason:
            said[str(reason)] = None
    return 0


def _short(source: Path | str) -> str:
    return source.name if isinstance(source, Path) else source.split("?")[0][:200]


def _copy(source: Path, wanted: _Wanted) -> Path:
    try:
        with source.open("rb") as file:
            return keep(
                chunks_of(file),
                sha256=wanted.sha256,
                size=wanted.size,
                name=wanted.name,
                folder=wanted.rules.folder,
                quota_bytes=wanted.rules.quota_bytes,
            )
    except OSError as reason:
        raise NotFetched(f"{source.name} cannot be read: {reason.strerror}") from reason


# ---- one address -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Mirrored:
    """One address while it is asked: `stamp` is what it calls the file's version, once it has told."""

    url: str
    until: float
    stamp: str = ""

    def left_s(self) -> float:
        return max(0.1, self.until - time.monotonic())


def _download(url: str, wanted: _Wanted, *, within_s: float) -> Path:
    """Goes on where it was cut off, as long as each connection brings something new.

    Raises: NotFetched, WrongSize, WrongChecksum, NoSpace.
    """
    mirrored = _Mirrored(url, time.monotonic() + within_s)
    with _unfinished(wanted) as file:
        check_room(wanted.rules.folder, wanted.size, wanted.rules.quota_bytes, wanted.name)
        for _connection in range(CONNECTIONS_MAX):
            before = file.seek(0, os.SEEK_END)
            try:
                _more(mirrored, file, before, wanted)
            except Interrupted:
                is_stuck = file.seek(0, os.SEEK_END) <= before
                if is_stuck or time.monotonic() >= mirrored.until:
                    raise
            else:
                return _judged(file, wanted)
    raise NotFetched(f"{_short(url)} broke off {CONNECTIONS_MAX} times")


def _more(mirrored: _Mirrored, file: BinaryIO, have: int, wanted: _Wanted) -> None:
    """The rest of the file is in `file`. Raises: NotFetched, Interrupted, WrongSize, NoSpace."""
    headers = {"range": f"bytes={have}-"} if have else {}
    if have and mirrored.stamp:
        headers["if-range"] = mirrored.stamp
    with get(
        mirrored.url,
        within_s=mirrored.left_s(),
        allows_plain_loopback=wanted.rules.allows_plain_loopback,
        headers=headers,
    ) as answer:
        have = _begins_at(answer, mirrored.url, have, file, wanted)
        mirrored.stamp = _stamp(answer)
        announced = answer.headers.get("content-length", "")
        if announced.isdigit() and have + int(announced) != wanted.size:
            file.truncate(0)
            raise WrongSize(
                f"{have + int(announced):,} bytes are announced; the manifest says {wanted.size:,}"
            )
        for chunk in answer.chunks:
            have += len(chunk)
            if have > wanted.size:
                file.truncate(0)
                raise WrongSize(f"more than the {wanted.size:,} bytes that the manifest says came")
            write(file, chunk, wanted.name)
    file.flush()
    if have < wanted.size:
        raise Interrupted(f"{_short(mirrored.url)} ended after {have:,} of {wanted.size:,} bytes")


def _begins_at(answer: Answer, url: str, have: int, file: BinaryIO, wanted: _Wanted) -> int:
    """From which byte on the answer brings the file. Raises: NotFetched."""
    if answer.status == 206 and have:
        found = CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
        if found and int(found[1]) == have and found[3] in {"*", str(wanted.size)}:
            return have
        file.truncate(0)
        raise NotFetched(f"{_short(url)} sends another part than it was asked for")
    if answer.status == 416:
        file.truncate(0)
        raise NotFetched(f"{_short(url)} has a shorter file")
    if answer.status != 200:
        raise NotFetched(f"{_short(url)} answered {answer.status}")
    file.truncate(0)  # the whole file: it knows no ranges, or has another version by now
    file.seek(0)
    return 0


def _stamp(answer: Answer) -> str:
    """A strong ETag, else the time of the last change: what If-Range may hold."""
    etag = answer.headers.get("etag", "")
    return etag if etag.startswith('"') else answer.headers.get("last-modified", "")


def _judged(file: BinaryIO, wanted: _Wanted) -> Path:
    """The very file that was written is read through its open descriptor, judged, and given its name."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    if digest.hexdigest() != wanted.sha256:
        file.truncate(0)
        raise WrongChecksum(f"{wanted.name} is not the file that was signed: its checksum is another")
    kept = wanted.rules.folder / wanted.sha256
    settle(file, wanted.unfinished, kept)
    return kept


@contextmanager
def _unfinished(wanted: _Wanted) -> Iterator[BinaryIO]:
    """What has come so far; only whoever holds the lock writes it. A part that is too long is begun anew."""
    descriptor = os.open(wanted.unfinished, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        if os.fstat(descriptor).st_size >= wanted.size:
            file.truncate(0)
        yield file


def _lies_there(path: Path, sha256: str, size: int) -> bool:
    """Whether the file is there and is what it should be: disks rot, and people repair by hand."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size != size:
                return False
            digest = hashlib.sha256()
            for chunk in chunks_of(file):
                digest.update(chunk)
            if digest.hexdigest() != sha256:
                return False
            os.utime(path)  # whoever tidies up sees that it is wanted
            return True
    except FileNotFoundError:
        return False


@contextmanager
def _alone(folder: Path, sha256: str, deadline: float, name: str) -> Iterator[None]:
    """One fetch of a checksum at a time on this machine; others wait and find it done. Raises: NoSource."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / f".{sha256}{LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= deadline:
                raise NoSource(f"{name} is being fetched by somebody else, for too long", field=name)
            time.sleep(LOCK_EVERY_S)
        yield
    finally:
        os.close(lock)
