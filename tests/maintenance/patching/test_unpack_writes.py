"""What is written of a good archive, and that nothing is ever written outside."""

import os
import stat
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maintenance.patching.disk import Disk
from maintenance.patching.names import BadArchive, Rule
from maintenance.patching.unpack import Kind, unpack
from tests.maintenance.patching.archives import everything_below, kept, tar_file, tar_link, tgz_of, zip_of
from tests.maintenance.patching.payloads import agent_zip, scripts_tgz


def test_what_a_payload_holds_is_written(tmp_path):
    (tmp_path / "into").mkdir()
    path, sha256 = kept(tmp_path, agent_zip("4.19.0.0"))

    members = unpack(path, Kind.ZIP, tmp_path / "into", sha256=sha256)

    assert (tmp_path / "into/VERSION").read_text() == "4.19.0.0\n"
    assert stat.S_IMODE((tmp_path / "into/scripts/run.sh").stat().st_mode) == 0o755
    assert {member.name for member in members if not member.is_folder} == {
        name for name, text in everything_below(tmp_path / "into").items() if text is not None
    }


def test_rights_are_masked_owners_ignored_and_times_kept(tmp_path):
    (tmp_path / "into").mkdir()
    mine = tar_file("mine", mode=0o777, uid=12345, gid=12345, uname="somebody")
    path, sha256 = kept(tmp_path, tgz_of("./", "./folder/", mine, tar_file("yours", mode=0)))

    unpack(path, Kind.TAR_GZ, tmp_path / "into", sha256=sha256)

    written = (tmp_path / "into/mine").stat()
    assert (stat.S_IMODE(written.st_mode), written.st_uid, written.st_mtime) == (
        0o755,
        os.getuid(),
        1_700_000_000,
    )
    assert stat.S_IMODE((tmp_path / "into/yours").stat().st_mode) == 0o644
    assert (tmp_path / "into/folder").is_dir()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "into").mkdir()
    (tmp_path / "into/there").touch()
    path, sha256 = kept(tmp_path, zip_of("a"))

    with pytest.raises(FileExistsError):
        unpack(path, Kind.ZIP, tmp_path / "into", sha256=sha256)
    assert everything_below(tmp_path / "into") == {"there": b""}


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(tmp_path):
    class Hostile(Disk):
        def make_folder(self, name, mode=0o755, *, dir_fd=None):
            os.symlink(tmp_path / "precious", name, dir_fd=dir_fd)

    (tmp_path / "into").mkdir()
    (tmp_path / "precious").mkdir()
    path, sha256 = kept(tmp_path, scripts_tgz("4.19.0.0"))

    with pytest.raises(OSError, match="opt"):
        unpack(path, Kind.TAR_GZ, tmp_path / "into", sha256=sha256, disk=Hostile())
    assert not list((tmp_path / "precious").iterdir())


def test_an_archive_changed_between_the_passes_is_refused(tmp_path):
    class Meddling(Disk):
        def create(self, name, mode=0o600, *, dir_fd=None):
            path.write_bytes(other)
            return super().create(name, mode, dir_fd=dir_fd)

    (tmp_path / "into").mkdir()
    first = os.urandom(200_000)
    path, sha256 = kept(tmp_path, zip_of("a", text=first))
    other = zip_of("a", text=first[:100_000] + os.urandom(100_000))

    with pytest.raises(BadArchive) as caught:
        unpack(path, Kind.ZIP, tmp_path / "into", sha256=sha256, disk=Meddling())
    assert caught.value.rule in {Rule.CHANGED, Rule.FORMAT}


PARTS = st.sampled_from(
    ["a", "A", "b", "..", ".", "", "room", "outside", "c:", "x\\y", "‥", "\u202e", "é", "long" * 30, "/"]
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("/".join) | st.text(min_size=1, max_size=12)
TARS = st.one_of(
    st.builds(lambda name: tar_file(name[:90]), NAMES),
    st.builds(
        lambda name, kind, target: tar_link(name[:90], kind, target[:90]),
        NAMES,
        st.sampled_from([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]),
        NAMES,
    ),
)


def _encodable(name: str) -> bool:
    try:
        return bool(name.encode()) and "\0" not in name
    except UnicodeEncodeError:
        return False


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@settings(max_examples=150, deadline=None)
@given(names=st.lists(NAMES.filter(_encodable), min_size=1, max_size=4))
def test_no_zip_writes_outside(names):
    nothing_outside(Kind.ZIP, zip_of(*names))


@settings(max_examples=150, deadline=None)
@given(
    members=st.lists(
        TARS.filter(lambda entry: _encodable(entry.name) and _encodable(entry.linkname or "x")),
        min_size=1,
        max_size=4,
    ),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_no_tar_writes_outside(members, form):
    nothing_outside(Kind.TAR_GZ, tgz_of(*members, form=form))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10_000), change=st.integers(1, 255), kind=st.sampled_from(list(Kind)))
def test_no_damage_makes_one_write_outside(place, change, kind):
    contents = bytearray(agent_zip("4.19.0.0") if kind is Kind.ZIP else scripts_tgz("4.19.0.0"))
    contents[place % len(contents)] ^= change
    nothing_outside(kind, bytes(contents))


def nothing_outside(kind: Kind, contents: bytes) -> None:
    """It is unpacked into the folder, files and folders only, or refused with nothing written at all."""
    with tempfile.TemporaryDirectory() as made:
        room = Path(made) / "room"
        into = room / "into"
        into.mkdir(parents=True)
        (room / "outside").write_text("precious")
        path, sha256 = kept(Path(made), contents)
        try:
            unpack(path, kind, into, sha256=sha256)
        except BadArchive:
            assert not list(into.iterdir())
        assert {name.name for name in room.iterdir()} == {"into", "outside"}
        assert (room / "outside").read_text() == "precious"
        assert all(
            not found.is_symlink() and (found.is_file() or found.is_dir()) for found in into.rglob("*")
        )
