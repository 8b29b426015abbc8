"""The packages know each other in one direction only."""

from pathlib import Path

import pytest

from tooling.import_rules import ROOT, broken_rules


def test_the_tree_keeps_the_import_rules():
    assert list(broken_rules(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "statement", "is_allowed"),
    [
        ("maintenance/feed.py", "import dashboard.access", False),
        ("maintenance/feed.py", "from dashboard import access", False),
        ("maintenance/engine/claim.py", "def f():\n    from dashboard.access import roles", False),
        ("maintenance/engine/claim.py", "from maintenance.domain import states", True),
        ("maintenance/domain/plans.py", "from dataclasses import dataclass", True),
        ("maintenance/domain/plans.py", "from maintenance.domain.states import RunState", True),
        ("maintenance/domain/plans.py", "from .states import RunState", True),
        ("maintenance/domain/plans.py", "from ..models import Host", False),
        ("maintenance/domain/plans.py", "from maintenance import models", False),
        ("maintenance/domain/plans.py", "import django", False),
        ("dashboard/screens.py", "from maintenance import actions", True),
        ("dashboard/screens.py", "import tooling", False),
        ("dashboard/screens.py", "from tests.waiting import wait_until", False),
    ],
)
def test_an_import_against_the_direction_is_found(tmp_path: Path, file, statement, is_allowed):
    for package in ("maintenance", "dashboard"):
        (tmp_path / package).mkdir()
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(f"{statement}\n")

    assert bool(list(broken_rules(tmp_path))) is not is_allowed
