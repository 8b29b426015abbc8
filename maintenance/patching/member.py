"""One member of an archive, as it says it is."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from maintenance.patching.names import BadArchive, Rule

CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """Believed in nothing yet. `size` is what the archive says; `packed`: bytes that this member takes in it, where
    the format knows. `chunks` can be read once, in turn."""

    name: str
    is_folder: bool
    mode: int
    mtime: float
    size: int
    packed: int | None = None
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))


@contextmanager
def readable() -> Iterator[None]:
    """Whatever a reader of archives says of a damaged one becomes: it cannot be read. Raises: BadArchive."""
    try:
        yield
    except UnicodeDecodeError as problem:
        raise BadArchive(Rule.NOT_TEXT) from problem
    except OSError as problem:
        if problem.errno is not None:
            raise  # the disk's, not the archive's
        raise BadArchive(Rule.FORMAT, detail=str(problem)) from problem
    except (
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as problem:
        raise BadArchive(Rule.FORMAT, detail=str(problem)) from problem
