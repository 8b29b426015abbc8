"""Starting tickets from other processes, which a test may kill."""

import os
import subprocess
import sys
from pathlib import Path

TICKET = "0b8f2a64-5f0e-4a53-9f0a-6d9d3b1c2e4f"
OTHER = "0b8f2a64-5f0e-4a53-9f0a-6d9d3b1c2e50"
REPOSITORY = Path(__file__).parents[3]
STARTER = """
import sys
from pathlib import Path
from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.find import find_script
from maintenance.hooks.tickets import Tickets
folder, root, ticket = sys.argv[1:]
script = find_script(Path(folder), HookStage.MAINTENANCE)
tickets = Tickets(Path(root))
print("ready", flush=True)
sys.stdin.readline()
tickets.start(ticket, script, payload=None, timeout_s=30)
print("started", flush=True)
sys.stdin.readline()
"""


def another_process(hooks, ticket: str = TICKET) -> subprocess.Popen[bytes]:
    """A process that starts the ticket when it is told to, and then waits."""
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(hooks.folder), str(hooks.root), ticket],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def tell(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def start(hooks, script, ticket: str = TICKET) -> None:
    hooks.tickets.start(ticket, script, payload=None, timeout_s=30)


def started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def commands() -> list[str]:
    """The command lines of our descendants and of the ones that lost their parents."""
    return subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
