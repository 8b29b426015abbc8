"""A patch that is killed at any change of the disk: old or new, never a mix, and both ways lead to an end."""

import json
import subprocess
import sys

import pytest

from maintenance.patching.layout import signature
from tests.maintenance.patching.boxes import NEW, OLD, keys, make_box
from tests.maintenance.patching.payloads import payload
from tooling.import_rules import ROOT

SERVICES = ["apache2", "cloud", "portmap"]


def killed_everywhere(swift_path, way: str) -> list[dict]:
    """One entry for each moment at which it was killed, and a last one for the time it was not."""
    command = [sys.executable, "-m", "tests.maintenance.patching.killed", str(swift_path), way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def before(swift_path):
    return make_box(swift_path / "before")


def never_a_mix(moments: list[dict], own_keys: dict[str, str]) -> None:
    for moment in moments:
        found = moment["found"]
        assert found["files"] in ([OLD], [NEW]), moment
        assert found["keys"] == own_keys, moment
        assert set(found["services"]) <= {OLD, NEW}, moment


def own_keys_of(box) -> dict[str, str]:
    return {name: text.decode() for name, text in sorted(keys(box).items())}


@pytest.mark.slow
def test_a_patch_that_is_killed_anywhere_is_finished_by_the_next(swift_path, before):
    new_md5 = payload(swift_path / "new", NEW).scripts_md5

    moments = killed_everywhere(swift_path, "again")

    assert len(moments) > 150
    never_a_mix(moments, own_keys_of(before))
    for moment in moments:
        end = moment["end"]
        assert (end["files"], end["services"], end["running"]) == ([NEW], [NEW], SERVICES), moment
        assert (end["signature"], end["keys"]) == (new_md5, own_keys_of(before)), moment
        assert (end["phase"], end["rests"]) == ("discarded", []), moment
    assert any(moment["found"]["files"] == [OLD] for moment in moments)
    assert any(moment["found"]["files"] == [NEW] for moment in moments)


@pytest.mark.slow
def test_a_patch_that_is_killed_anywhere_can_be_rolled_back(swift_path, before):
    moments = killed_everywhere(swift_path, "back")

    assert len(moments) > 150
    all_old_again(moments, before)


@pytest.mark.slow
def test_a_rollback_that_is_killed_anywhere_is_finished_by_the_next(swift_path, before):
    moments = killed_everywhere(swift_path, "rolling-back")

    assert len(moments) > 20
    all_old_again(moments, before)


def all_old_again(moments: list[dict], before) -> None:
    never_a_mix(moments, own_keys_of(before))
    for moment in moments:
        end = moment["end"]
        assert (end["files"], end["services"], end["running"]) == ([OLD], [OLD], SERVICES), moment
        assert (end["signature"], end["keys"]) == (signature(before.root), own_keys_of(before)), moment
        assert end["phase"] == "rolled back", moment
