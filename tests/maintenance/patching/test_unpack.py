"""What an archive may not be: refused whole, and not one byte is written."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile

import pytest

from maintenance.patching.names import BadArchive, Rule
from maintenance.patching.unpack import Kind, Limits, check, unpack
from tests.maintenance.patching.archives import everything_below, kept, tar_file, tar_link, tgz_of, zip_of
from tests.maintenance.patching.payloads import agent_zip, scripts_tgz

SMALL = Limits(members=50, file_bytes=3 << 20, bytes=5 << 20, archive_bytes=1 << 20, ratio=50)

NAMES = [
    ("../outside", Rule.UPWARD),
    ("a/../../outside", Rule.UPWARD),
    ("a/..", Rule.UPWARD),
    ("/etc/cron.d/outside", Rule.ABSOLUTE),
    ("//outside", Rule.ABSOLUTE),
    (".//outside", Rule.ABSOLUTE),
    ("C:outside", Rule.DRIVE),
    ("c:/outside", Rule.DRIVE),
    ("..\\outside", Rule.BACKSLASH),
    ("a\\b", Rule.BACKSLASH),
    ("‥/outside", Rule.NOT_NORMAL),
    ("․․/outside", Rule.NOT_NORMAL),
    ("a／b", Rule.NOT_NORMAL),
    ("e\u0301", Rule.NOT_NORMAL),
    ("a\nb", Rule.CONTROL),
    ("a\x1b[2Jb", Rule.CONTROL),
    ("a\u202eb", Rule.CONTROL),
    ("a\u2028b", Rule.CONTROL),
    ("a//b", Rule.EMPTY),
    ("a/./b", Rule.EMPTY),
    ("x" * 101 + "/" + "y" * 99, Rule.LONG),
    ("/".join("d" * 17), Rule.DEEP),
]


@pytest.fixture
def into(tmp_path):
    """An empty folder, with something precious beside it."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "outside").write_text("precious")
    (tmp_path / "room" / "into").mkdir()
    return tmp_path / "room" / "into"


def refused(tmp_path, into, kind, contents, limits=SMALL) -> BadArchive:
    """Both ways refuse it, and nothing has changed."""
    path, sha256 = kept(tmp_path, contents)
    before = everything_below(into.parent)
    with pytest.raises(BadArchive):
        check(path, kind, sha256=sha256, limits=limits)
    with pytest.raises(BadArchive) as caught:
        unpack(path, kind, into, sha256=sha256, limits=limits)
    assert everything_below(into.parent) == before
    return caught.value


@pytest.mark.parametrize(("name", "rule"), NAMES)
def test_a_zip_with_such_a_name_is_refused(tmp_path, into, name, rule):
    refusal = refused(tmp_path, into, Kind.ZIP, zip_of("good", name))

    assert refusal.rule is rule
    assert refusal.member == name
    assert repr(name)[:60] in str(refusal)


@pytest.mark.parametrize(("name", "rule"), NAMES)
def test_a_tar_with_such_a_name_is_refused(tmp_path, into, name, rule):
    refusal = refused(tmp_path, into, Kind.TAR_GZ, tgz_of("good", name))

    assert refusal.rule is rule
    assert refusal.member == name


def test_a_name_cut_by_a_nul_is_refused(tmp_path, into):
    assert refused(tmp_path, into, Kind.ZIP, zip_of("good\0.txt")).rule is Rule.CONTROL
    header = bytearray(gzip.decompress(tgz_of("name-name")))
    header[4:5] = b"\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()

    assert refused(tmp_path, into, Kind.TAR_GZ, gzip.compress(bytes(header))).rule is Rule.CONTROL


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (("a", "a"), Rule.TWICE),
        (("a/b", "./a/b"), Rule.TWICE),
        (("README", "readme"), Rule.CASE),
        (("A/x", "a/y"), Rule.CASE),
        (("straße", "STRASSE"), Rule.CASE),
        (("a", "a/b"), Rule.FILE_AND_FOLDER),
        (("a/b", "a"), Rule.FILE_AND_FOLDER),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_members_that_would_meet_are_refused(tmp_path, into, kind, names, rule):
    members = tgz_of(*(tar_file(name) for name in names)) if kind is Kind.TAR_GZ else zip_of(*names)

    assert refused(tmp_path, into, kind, members).rule is rule


@pytest.mark.parametrize(
    ("member", "rule"),
    [
        (tar_link("l", tarfile.SYMTYPE, "/etc/passwd"), Rule.KIND),
        (tar_link("l", tarfile.SYMTYPE, "."), Rule.KIND),
        (tar_link("l", tarfile.LNKTYPE, "good"), Rule.KIND),
        (tar_link("l", tarfile.CHRTYPE), Rule.KIND),
        (tar_link("l", tarfile.BLKTYPE), Rule.KIND),
        (tar_link("l", tarfile.FIFOTYPE), Rule.KIND),
        (tar_link("l", tarfile.CONTTYPE), Rule.KIND),
        (tar_link("l", tarfile.GNUTYPE_SPARSE), Rule.KIND),
        (tar_link("l", b"V"), Rule.KIND),
        (tar_file("s", mode=0o4755), Rule.SETUID),
        (tar_file("s", mode=0o2755), Rule.SETUID),
        (tar_file("d/", mode=0o1777), Rule.SETUID),
        (tar_file("t", mtime=8**11 - 1), Rule.TIME),
    ],
)
def test_a_tar_member_that_is_more_than_a_file_is_refused(tmp_path, into, member, rule):
    refusal = refused(tmp_path, into, Kind.TAR_GZ, tgz_of("good", member))

    assert refusal.rule is rule
    assert refusal.member == member.name.rstrip("/") or refusal.member == member.name


def test_a_folder_that_is_there_twice_is_refused(tmp_path, into):
    assert refused(tmp_path, into, Kind.TAR_GZ, tgz_of("a/", "a/")).rule is Rule.TWICE
    assert refused(tmp_path, into, Kind.TAR_GZ, tgz_of("a/b", "a/", "a/")).rule is Rule.TWICE


def test_a_time_that_needs_a_binary_number_is_refused(tmp_path, into):
    member = tar_file("t", mtime=10**18)

    assert refused(tmp_path, into, Kind.TAR_GZ, tgz_of(member, form=tarfile.GNU_FORMAT)).rule is Rule.TIME


@pytest.mark.parametrize(
    "headers", [{"path": "../outside"}, {"linkpath": "x"}, {"GNU.sparse.name": "x"}, {"comment": "harmless"}]
)
def test_an_extended_header_is_refused(tmp_path, into, headers):
    member = tar_file("good", pax_headers=headers)

    assert refused(tmp_path, into, Kind.TAR_GZ, tgz_of(member, form=tarfile.PAX_FORMAT)).rule is Rule.EXTENDED


def test_a_long_name_of_gnu_tar_is_refused(tmp_path, into):
    contents = tgz_of("x" * 150, form=tarfile.GNU_FORMAT)

    assert refused(tmp_path, into, Kind.TAR_GZ, contents).rule is Rule.EXTENDED


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_a_zip_member_that_is_no_file_is_refused(tmp_path, into, mode):
    refusal = refused(tmp_path, into, Kind.ZIP, zip_of("l", text=b"/etc/passwd", mode=mode | 0o777))

    assert refusal.rule is Rule.KIND


def test_a_zip_member_with_somebody_elses_rights_is_refused(tmp_path, into):
    assert refused(tmp_path, into, Kind.ZIP, zip_of("s", mode=0o104755)).rule is Rule.SETUID


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("text", "names", "limits", "rule"),
    [
        (bytes(4 << 20), ("a",), SMALL, Rule.FILE_BYTES),
        (os.urandom(300_000), ("a", "b", "c"), Limits(bytes=700_000), Rule.BYTES),
        (bytes(2 << 20), ("a",), SMALL, Rule.RATIO),
        (b"", tuple(f"f{n}" for n in range(51)), SMALL, Rule.MEMBERS),
        (os.urandom(2 << 20), ("a",), SMALL, Rule.ARCHIVE_BYTES),
    ],
)
def test_a_bomb_is_refused(tmp_path, into, kind, text, names, limits, rule):
    contents = tgz_of(*names, text=text) if kind is Kind.TAR_GZ else zip_of(*names, text=text)

    assert refused(tmp_path, into, kind, contents, limits).rule is rule


def test_a_tar_that_says_it_is_huge_is_refused_before_it_is_read(tmp_path, into):
    buffer = tar_file("a", size=8**10).tobuf(tarfile.USTAR_FORMAT)

    assert refused(tmp_path, into, Kind.TAR_GZ, gzip.compress(buffer)).rule is Rule.FILE_BYTES


def test_a_zip_that_says_it_is_small_is_not_believed(tmp_path, into):
    contents = bytearray(zip_of("a", text=b"x" * 1000))
    entry = contents.index(b"PK\x01\x02")
    struct.pack_into("<L", contents, entry + 24, 10)  # the unpacked size, in the directory

    assert refused(tmp_path, into, Kind.ZIP, bytes(contents)).rule is Rule.FORMAT


def test_overlapping_zip_members_are_refused(tmp_path, into):
    contents = bytearray(zip_of("a", "b", text=os.urandom(200)))
    second = contents.index(b"PK\x01\x02", contents.index(b"PK\x01\x02") + 4)
    struct.pack_into("<L", contents, second + 42, 0)  # where it lies: where the first one does

    assert refused(tmp_path, into, Kind.ZIP, bytes(contents)).rule is Rule.FORMAT


def test_a_zip_whose_two_names_differ_is_refused(tmp_path, into):
    contents = zip_of("good").replace(b"good", b"evil", 1)

    assert refused(tmp_path, into, Kind.ZIP, contents).rule is Rule.FORMAT


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda text: b"<html>" + text, Rule.FORMAT),
        (lambda text: text + b"<script>", Rule.FORMAT),
        (lambda text: text[:-30], Rule.FORMAT),
        (lambda text: text[: len(text) // 2], Rule.FORMAT),
        (lambda text: b"", Rule.FORMAT),
        (lambda text: b"\x7fELF" + text[4:], Rule.FORMAT),
        (lambda text: text[:40] + bytes([text[40] ^ 255]) + text[41:], None),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_damaged_or_double_faced_archive_is_refused(tmp_path, into, kind, spoil, rule):
    contents = spoil(agent_zip("4.19.0.0") if kind is Kind.ZIP else scripts_tgz("4.19.0.0"))

    refusal = refused(tmp_path, into, kind, contents)
    assert rule is None or refusal.rule in {rule, Rule.EXTRA_BYTES}


def test_an_encrypted_zip_is_refused(tmp_path, into):
    contents = bytearray(zip_of("a"))
    contents[6] |= 1
    contents[contents.index(b"PK\x01\x02") + 8] |= 1

    assert refused(tmp_path, into, Kind.ZIP, bytes(contents)).rule is Rule.METHOD


def test_a_zip_packed_in_an_unusual_way_is_refused(tmp_path, into):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "text")

    assert refused(tmp_path, into, Kind.ZIP, buffer.getvalue()).rule is Rule.METHOD


def test_something_after_the_end_of_a_tar_is_refused(tmp_path, into):
    contents = gzip.compress(gzip.decompress(tgz_of("a")) + b"hidden")

    assert refused(tmp_path, into, Kind.TAR_GZ, contents).rule is Rule.EXTRA_BYTES


def test_a_tar_without_an_end_is_refused(tmp_path, into):
    contents = gzip.compress(gzip.decompress(tgz_of("a"))[:1024])

    assert refused(tmp_path, into, Kind.TAR_GZ, contents).rule is Rule.FORMAT


def test_an_archive_that_is_not_the_announced_one_is_refused(tmp_path, into):
    path, _ = kept(tmp_path, zip_of("a"))

    with pytest.raises(BadArchive, match="not the one that was announced"):
        unpack(path, Kind.ZIP, into, sha256="0" * 64)
    assert not list(into.iterdir())
