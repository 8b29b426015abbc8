"""Makes .venv and installs the pinned packages, when they are not there yet; then becomes a module run in it.

Usage: python tooling/prepare.py base|dev MODULE [ARGUMENT…]. It needs nothing but the standard library. Where
pip finds packages is a matter of its own configuration; what it accepts is in the locks, by hash.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
MEGABYTES_NEEDED = {"base": 250, "dev": 600}  # .venv takes 165 MB, 450 MB with everything that tests need


class PreparationError(Exception):
    """The virtual environment cannot be made right."""


def main(kind: str, module: str, *arguments: str) -> None:
    """Becomes `python -m module` in an environment that holds requirements/KIND.txt."""
    try:
        with_one_at_a_time(kind)
    except PreparationError as reason:
        sys.exit(f"pitstop: {reason}")
    except OSError as reason:
        sys.exit(f"pitstop: cannot prepare {VENV}: {reason}")
    os.execv(PYTHON, [PYTHON, "-m", module, *arguments])


def with_one_at_a_time(kind: str) -> None:
    """Two starts at once install once: the second waits for the first."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        make_environment(kind)
        install(kind)
    finally:
        os.close(folder)


def make_environment(kind: str) -> None:
    """.venv has a Python ≥ 3.12 and pip. One that was left half made, or lost its Python, is made anew."""
    if sys.prefix == str(VENV) or runs(
        [PYTHON, "-c", "import pip, sys; sys.exit(sys.version_info < (3, 12))"]
    ):
        return
    ensure_free_space(kind)
    print("pitstop: making .venv", file=sys.stderr, flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise PreparationError(f"cannot make {VENV}: {last_line(made.stderr or made.stdout)}")


def install(kind: str) -> None:
    """The packages of requirements/KIND.txt are installed; a lock that was installed before costs nothing."""
    lock = ROOT / "requirements" / f"{kind}.txt"
    stamp = VENV / f"installed-{kind}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    ensure_free_space(kind)
    print(f"pitstop: installing {lock.relative_to(ROOT)} into .venv, once", file=sys.stderr, flush=True)
    log = VENV / "pip.log"
    pip = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--require-hashes"]
    with log.open("w") as output:
        done = subprocess.run([*pip, "-r", str(lock)], stdout=output, stderr=output, check=False)
    if done.returncode:
        raise PreparationError(f"pip cannot install {lock}: {error_in(log)} (all of it: {log})")
    stamp.write_text(digest)


def ensure_free_space(kind: str) -> None:
    """Raises: PreparationError when the packages would not fit."""
    free, needed = shutil.disk_usage(ROOT).free // 1_000_000, MEGABYTES_NEEDED[kind]
    if free < needed:
        raise PreparationError(f"not enough disk space in {ROOT}: {free} MB are free, {needed} MB are needed")


def runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def error_in(log: Path) -> str:
    """The first error that pip names; what follows it is mostly its consequence."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in lines if line.startswith("ERROR:")), last_line("\n".join(lines)))


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


if __name__ == "__main__":
    main(*sys.argv[1:])
