"""Which build this process is: the same wherever the same files run. Walls that were opened by another one reload."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

FOLDERS = ("dashboard", "maintenance", "templates", "static", "locale")
LEFT_OUT = {".pyc", ".mo"}  # made anew on each machine


@cache
def build_id() -> str:
    """By what the files hold, read once a process."""
    digest = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((settings.BASE_DIR / folder).rglob("*")):
            if path.is_file() and path.suffix not in LEFT_OUT:
                _add(digest, path)
    return digest.hexdigest()[:16]


def _add(digest: "hashlib._Hash", path: Path) -> None:
    digest.update(path.relative_to(settings.BASE_DIR).as_posix().encode())
    digest.update(hashlib.sha256(path.read_bytes()).digest())
