"""A result counts only for its own ticket, its own script and its own start."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from maintenance.hooks.results import HookEnd, HookResult, ResultRefused, read_result

RESULT = HookResult(
    end=HookEnd.EXITED,
    exit_status=70,
    signal=None,
    started_at=datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    finished_at=datetime(2026, 3, 1, 12, 0, 9, tzinfo=UTC),
    duration_s=8.9,
    bytes_total=12,
    strays=("77 sleep 1000",),
    detail="a “word”\n",
)
RIGHT = {"ticket": "t1", "digest": "d1", "nonce_digest": sha256(b"secret").hexdigest()}


def write(tmp_path: Path, **changes) -> Path:
    values = {"ticket": "t1", "digest": "d1", "nonce": "secret", **RESULT.to_json(), **changes}
    path = tmp_path / "result.json"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("end", HookEnd)
def test_a_result_comes_back_as_it_was(end: HookEnd) -> None:
    result = replace(RESULT, end=end)

    assert HookResult.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_the_right_result_is_read(tmp_path: Path) -> None:
    assert read_result(write(tmp_path), **RIGHT) == RESULT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ticket": "t2"}, "another ticket's"),
        ({"digest": "d2"}, "another script's"),
        ({"nonce": "guessed"}, "not written by the runner"),
        ({"nonce": None}, "not written by the runner"),
    ],
)
def test_a_strange_result_is_refused(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ResultRefused, match=reason):
        read_result(write(tmp_path, **changes), **RIGHT)


@pytest.mark.parametrize(
    "changes",
    [
        {"end": "fine"},
        {"exit_status": 256},
        {"exit_status": -1},
        {"exit_status": True},
        {"exit_status": "0"},
        {"signal": 128},
        {"started_at": "2026-03-01T12:00:00"},
        {"started_at": None},
        {"duration_s": "long"},
        {"strays": None},
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ResultRefused, match="cannot be read"):
        read_result(write(tmp_path, **changes), **RIGHT)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"ticket": "t1"}'])
def test_half_a_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)

    with pytest.raises(ResultRefused):
        read_result(path, **RIGHT)
