"""From nothing to a running module: a Python is found, the environment made, the lock installed once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A project folder with nothing in it but the way to start, and an empty lock."""
    (tmp_path / "tooling").mkdir()
    (tmp_path / "requirements").mkdir()
    for name in ("with_python.sh", "prepare.py"):
        shutil.copy(ROOT / "tooling" / name, tmp_path / "tooling" / name)
    shutil.copy(ROOT / ".python-version", tmp_path)
    (tmp_path / "requirements" / "base.txt").write_text("# nothing\n")
    return tmp_path


def run(clone: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "tooling/with_python.sh", *command],
        cwd=clone,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_is_made_once_and_installed_again_only_for_another_lock(clone: Path):
    first = run(clone, "base", "platform", "--terse")
    second = run(clone, "base", "platform", "--terse")
    (clone / "requirements" / "base.txt").write_text("./no-such-wheel.whl\n")
    third = run(clone, "base", "platform", "--terse")

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 1)
    assert first.stderr.splitlines() == [
        "pitstop: making .venv",
        "pitstop: installing requirements/base.txt into .venv, once",
    ]
    assert second.stderr == ""
    assert "pip cannot install" in third.stderr.splitlines()[-1]


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Path):
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")

    assert run(clone, "base", "platform", "--terse").returncode == 0


def test_without_any_python_one_line_says_what_to_install(clone: Path):
    programs = clone / "programs"
    programs.mkdir()
    (programs / "dirname").symlink_to(shutil.which("dirname") or "dirname")

    done = run(clone, "base", "platform", PATH=str(programs), HOME=str(clone), PYENV_ROOT=str(clone))

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("pitstop: no Python 3.12 or newer")
