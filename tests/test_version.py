import re
import tomllib
from pathlib import Path

from maintenance.engine.presence import VERSION

ROOT = Path(__file__).parents[1]


def test_the_engine_the_package_and_the_newest_changes_have_one_version():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert {VERSION, package, newest[1]} == {VERSION}
