"""What no committed file may hold: package index addresses, paths of one machine, notes to oneself, stray pins."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Each pattern has a bracket somewhere, so that it does not find itself.
FORBIDDEN = {
    "the address of a package index": re.compile(
        r"pypi\.or[g]|pythonhosted\.or[g]|registry\.npmjs\.or[g]|--(extra-)?index-ur[l]|--find-link[s]"
    ),
    "a path of one machine": re.compile(r"(?<![\w.}/-])/(work|root|home/\w+|Users/\w+)[/](?=[\w.])"),
    "a note to oneself": re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b"),
    "a document that is not here": re.compile(r"\b(contracts|screens|style|reliability|peers)\.m[d]\b"),
    "a merge conflict": re.compile(r"^(<{7}|>{7}) ", re.MULTILINE),
}
FOREIGN = ("static/vendor/", "LICENSE")
FILE_BYTES_MAX = 1_500_000
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def main() -> int:
    """0 when nothing was found."""
    found = [*findings(committed_files(ROOT)), *stray_pins(ROOT / "requirements")]
    print("\n".join(found) or "the tree is clean")
    return 1 if found else 0


def committed_files(root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    paths = [root / name for name in listed.decode().split("\0") if name and not name.startswith(FOREIGN)]
    return [path for path in paths if path.is_file()]


def findings(paths: list[Path]) -> Iterator[str]:
    """A line for each forbidden thing in these files."""
    for path in paths:
        content = path.read_bytes()
        if len(content) > FILE_BYTES_MAX:
            yield f"{path}: {len(content)} bytes; nothing here should be that big"
        if b"\0" in content:
            continue
        text = content.decode(errors="replace")
        for what, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                yield f"{path}:{text.count('\n', 0, match.start()) + 1}: {what}: {match.group().strip()}"


def stray_pins(folder: Path) -> Iterator[str]:
    """What is tested is what runs: dev.txt has every package of base.txt at the same version."""
    base, dev = (dict(PIN.findall((folder / name).read_text())) for name in ("base.txt", "dev.txt"))
    for name, version in base.items():
        if dev.get(name) != version:
            yield f"requirements/dev.txt: {name} is {dev.get(name)}, in base.txt it is {version}; run make lock"


if __name__ == "__main__":
    sys.exit(main())
