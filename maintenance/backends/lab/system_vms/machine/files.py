"""What a machine reads of its folder. Where things lie: folder.py, and maintenance/patching/layout.py."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT_SERVICE = "cloud"  # the only one that agent.zip brings


def version_file(service: str) -> str:
    """Below the VM's root."""
    return "usr/local/cloud/systemvm/VERSION" if service == AGENT_SERVICE else "opt/cloud/VERSION"


def read(path: str) -> str:
    """Empty when there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write_whole(path: str, text: str) -> None:
    """The file is there at once and whole."""
    unfinished = f"{path}.{os.getpid()}"
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(unfinished, path)


def rules(root: str, kinds: "frozenset[str]") -> "dict[str, str]":
    """`KIND/AT` → what is behind it, of the rules that were applied last. A line is `KIND AT [BEHIND]`."""
    return {f"{kind}/{at}": behind for kind, at, behind in _lines(root) if kind in kinds}


def _lines(root: str) -> "Iterator[tuple[str, str, str]]":
    for line in read(f"{root}/etc/cloudstack/rules").splitlines():
        kind, _, rest = line.partition(" ")
        at, _, behind = rest.partition(" ")
        if at:
            yield kind, at, behind or "held"


class Breaking:
    """How a service is to misbehave, from break/SERVICE: lines `fail-start`, `die-after S`, `dead`, `lie VERSION`.

    `fail-start VERSION`: it does start with this one.
    """

    def __init__(self, root: str, service: str) -> None:
        asked = (line.partition(" ") for line in read(f"{root}/break/{service}").splitlines())
        lines = {word: rest for word, _, rest in asked}
        self._fails_but_with = lines.get("fail-start")
        self.is_dead_at_boot = "dead" in lines
        self.dies_after_s = float(lines["die-after"]) if "die-after" in lines else None
        self.says = lines.get("lie", "")

    def fails_to_start(self, version: str) -> bool:
        """Whether it ends at once with this version installed."""
        return self._fails_but_with is not None and version != self._fails_but_with
