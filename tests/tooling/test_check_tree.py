"""What must not be committed is found, and nothing of it is in the tree."""

from pathlib import Path

import pytest

from tooling.check_tree import ROOT, committed_files, findings, stray_pins


def test_the_tree_is_clean():
    assert list(findings(committed_files(ROOT))) == []


def test_the_locks_agree():
    assert list(stray_pins(ROOT / "requirements")) == []


@pytest.mark.parametrize(
    "line",
    [
        "see https://py" + "pi.org/simple",
        "pip install --index" + "-url somewhere x",
        "cd /wo" + "rk/main",
        "open('/ro" + "ot/.ssh/id')",
        "# TO" + "DO later",
        "as contr" + "acts.md says",
    ],
)
def test_a_forbidden_line_is_named_with_its_place(tmp_path: Path, line):
    file = tmp_path / "notes.txt"
    file.write_text(f"fine\n{line}\n")

    (finding,) = findings([file])

    assert finding.startswith(f"{file}:2: ")


@pytest.mark.parametrize("line", ["/api/v1/work/", "a/root/b", "{{ root }}/x", "var/work/x"])
def test_an_innocent_line_is_left_alone(tmp_path: Path, line):
    file = tmp_path / "notes.txt"
    file.write_text(line)

    assert list(findings([file])) == []


def test_a_package_at_two_versions_is_found(tmp_path: Path):
    (tmp_path / "base.txt").write_text("django==6.1.3\n")
    (tmp_path / "dev.txt").write_text("django==6.1.2\npytest==9.2.0\n")

    (finding,) = stray_pins(tmp_path)

    assert "django is 6.1.2, in base.txt it is 6.1.3" in finding
