"""Files lie under their checksum: whole and checked, or not at all."""

import os
import time

import pytest

from maintenance.payloads import kept
from maintenance.payloads.kept import NoSpace, WrongChecksum, WrongSize, keep, remove_left_over
from tests.maintenance.payloads.published import facts

CONTENT = b"cloud-scripts" * 1000
FACTS = facts(CONTENT)


def keep_it(folder, chunks, *, quota=1 << 30):
    return keep(
        chunks, sha256=FACTS.sha256, size=FACTS.size, name="agent.zip", folder=folder, quota_bytes=quota
    )


def test_what_comes_whole_is_kept_under_its_checksum(tmp_path):
    path = keep_it(tmp_path / "payloads", [CONTENT[:10], CONTENT[10:]])

    assert path == tmp_path / "payloads" / FACTS.sha256
    assert path.read_bytes() == CONTENT
    assert [one.name for one in path.parent.iterdir()] == [FACTS.sha256]


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([], WrongSize),
        ([CONTENT[:-1]], WrongSize),
        ([CONTENT, b"x"], WrongSize),
        ([CONTENT[:-1] + b"!"], WrongChecksum),
    ],
)
def test_what_is_not_what_was_signed_leaves_nothing_behind(tmp_path, chunks, error):
    with pytest.raises(error, match=r"agent\.zip"):
        keep_it(tmp_path, chunks)
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_read_than_was_announced(tmp_path):
    def endless():
        while True:
            yield CONTENT

    with pytest.raises(WrongSize):
        keep_it(tmp_path, endless())


def test_whoever_is_cut_off_leaves_nothing_behind(tmp_path):
    def broken():
        yield CONTENT[:100]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        keep_it(tmp_path, broken())
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_healed_when_it_comes_again(tmp_path):
    (tmp_path / FACTS.sha256).write_bytes(b"rotten")
    assert keep_it(tmp_path, [CONTENT]).read_bytes() == CONTENT


def test_payloads_together_take_no_more_than_they_may(tmp_path):
    (tmp_path / "other").write_bytes(b"x" * 100)
    with pytest.raises(NoSpace, match="PITSTOP_PAYLOADS_MAX_MB"):
        keep_it(tmp_path, [CONTENT], quota=FACTS.size + 99)
    assert keep_it(tmp_path, [CONTENT], quota=FACTS.size + 200)


def test_what_no_payload_names_goes_after_a_day_and_what_was_cut_off_after_hours(tmp_path):
    for name, age_s in (
        ("named", kept.UNNAMED_KEPT_S * 9),
        ("old", kept.UNNAMED_KEPT_S + 60),
        ("new", 60),
        (".old.part", kept.UNFINISHED_KEPT_S + 60),
        (".new.part", 60),
    ):
        path = tmp_path / name
        path.write_bytes(b"x")
        at = time.time() - age_s
        os.utime(path, (at, at))

    assert sorted(remove_left_over(tmp_path, {"named"})) == [".old.part", "old"]
    assert sorted(one.name for one in tmp_path.iterdir()) == [".new.part", "named", "new"]
