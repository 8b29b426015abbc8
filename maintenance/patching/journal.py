"""How far a patch has come in a VM: one small file, replaced at once, read again after any crash."""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from maintenance.patching.disk import Disk, write_at_once
from maintenance.patching.layout import PATCHES

NAME = "journal.json"


class Phase(StrEnum):
    """What is done. In order; a rollback may begin after any."""

    COPIED = "copied"
    BACKED_UP = "backed up"
    STAGED = "staged"  # the new release lies there whole, and is not used
    SWAPPED = "swapped"
    RESTARTED = "restarted"
    VERIFIED = "verified"
    DISCARDED = "discarded"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"

    def is_at_least(self, other: "Phase") -> bool:
        """Whether the way forward has come so far; a rollback has left it."""
        order = list(Phase)
        return not self.goes_back and order.index(self) >= order.index(other)

    @property
    def goes_back(self) -> bool:
        return self in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}


@dataclass(frozen=True, slots=True)
class Journal:
    """`saved`: digest of the list of what was saved; `staged`: of what is to be installed. `before`: each service's
    process before the swap. `restarted`, `restored`: services that were started again, forward and back."""

    phase: Phase
    version: str
    agent_sha256: str
    scripts_sha256: str
    scripts_md5: str
    old_release: str = ""
    old_agent: str = ""  # versions
    old_scripts: str = ""
    new_release: str = ""
    saved: str = ""
    saved_files: int = 0
    saved_bytes: int = 0
    staged: str = ""
    was_active: tuple[str, ...] = ()
    was_dead: tuple[str, ...] = ()
    before: dict[str, str] = field(default_factory=dict)
    swapped_at: int = 0
    swapped_boot: str = ""
    restarted: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()

    def with_(self, **values: Any) -> "Journal":
        return replace(self, **values)

    def old_version_of(self, service: str) -> str:
        return self.old_agent if service == "cloud" else self.old_scripts


def folder_of(root: Path, ticket: UUID) -> Path:
    return root / PATCHES / str(ticket)


def read(folder: Path) -> Journal | None:
    """None when nothing has been copied under the ticket. Raises: OSError."""
    try:
        kept = json.loads((folder / NAME).read_text())
        for name in ("was_active", "was_dead", "restarted", "restored"):
            kept[name] = tuple(kept[name])
        return Journal(**{**kept, "phase": Phase(kept["phase"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError) as problem:
        raise OSError(f"{folder / NAME} is damaged: {problem}") from problem


def write(disk: Disk, folder: Path, journal: Journal) -> None:
    """Raises: OSError."""
    write_at_once(disk, folder / NAME, json.dumps(asdict(journal), indent=1).encode(), 0o600)


def others(root: Path, ticket: UUID) -> dict[Path, Journal]:
    """Patches of other tickets, each with its folder."""
    folders = sorted((root / PATCHES).iterdir()) if (root / PATCHES).is_dir() else []
    return {
        folder: found
        for folder in folders
        if folder.is_dir() and folder.name != str(ticket) and (found := read(folder)) is not None
    }
