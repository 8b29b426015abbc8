"""A manifest is taken when a trusted key has signed these very bytes, and every field is what it must be."""

import json

import pytest

from maintenance.payloads import manifest as m
from maintenance.payloads.manifest import AGENT, HEADER, canonical, read_signed, sign_line
from maintenance.payloads.refused import Refused
from tests.maintenance.payloads.published import make_manifest, make_publisher


@pytest.fixture(scope="module")
def publisher():
    return make_publisher()


def resigned(publisher, **changed):
    """Signed by the right key, with fields that no publisher of ours would write."""
    found = m.as_json(make_manifest())
    found.update(changed)
    return sign_line(
        canonical({name: value for name, value in found.items() if value is not ...}), publisher.key
    )


def test_what_was_signed_is_what_is_read(publisher):
    made = make_manifest(sources={AGENT: ("https://mirror.example.org/agent.zip",)})

    found = read_signed(publisher.sign(made), publisher.keyring)

    assert found.manifest == made
    assert (found.signer.name, found.signer.fingerprint) == ("release", publisher.fingerprint)
    assert found.text.encode() == publisher.sign(made)


def test_any_changed_byte_is_noticed(publisher):
    whole = publisher.sign(make_manifest())
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        with pytest.raises(Refused):
            read_signed(changed, publisher.keyring)


def test_any_cut_is_noticed(publisher):
    whole = publisher.sign(make_manifest())
    for length in range(len(whole)):
        with pytest.raises(Refused):
            read_signed(whole[:length], publisher.keyring)


def test_a_manifest_that_is_cut_off_says_so(publisher):
    whole = publisher.sign(make_manifest())
    for length in (10, 200, len(whole) - 30, len(whole) - 1):
        with pytest.raises(m.Truncated, match="not whole"):
            read_signed(whole[:length], publisher.keyring)


def test_without_a_signature_nothing_is_taken(publisher):
    header, line, _, _ = publisher.sign(make_manifest()).split(b"\n")
    for end in (b"", b"none\n", b"rsa a b\n"):
        with pytest.raises(m.Unsigned, match="signature"):
            read_signed(header + b"\n" + line + b"\n" + end, publisher.keyring)


def test_another_key_is_not_trusted_whatever_it_calls_itself(publisher):
    other = make_publisher("release")
    with pytest.raises(m.UnknownSigner, match="not trusted here"):
        read_signed(other.sign(make_manifest()), publisher.keyring)

    posing = other.sign(make_manifest()).replace(other.fingerprint.encode(), publisher.fingerprint.encode())
    with pytest.raises(m.BadSignature, match="changed after it was signed"):
        read_signed(posing, publisher.keyring)


def test_a_signature_of_other_bytes_is_no_signature(publisher):
    header, line, signature, _ = publisher.sign(make_manifest()).split(b"\n")
    line = line.replace(b"4.19.1.1", b"4.19.1.2")
    with pytest.raises(m.BadSignature):
        read_signed(b"\n".join((header, line, signature, b"")), publisher.keyring)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"hooks": []}, m.UnknownField, "'hooks'"),
        ({"files": {**m.as_json(make_manifest())["files"], "x.sh": {}}}, m.UnknownField, "x.sh"),
        ({"version": ...}, m.BadValue, "lacks 'version'"),
        ({"version": 4.19}, m.BadValue, "version must be a text"),
        ({"version": "4.19-beta"}, m.BadValue, "no version"),
        ({"version": "²"}, m.BadValue, "no version"),
        ({"version": "4.019"}, m.BadValue, "no version"),
        ({"types": "domainrouter"}, m.BadValue, "in a list"),
        ({"types": []}, m.BadValue, "in a list"),
        ({"types": ["router"]}, m.BadValue, "no type of system VM"),
        ({"types": [["domainrouter"]]}, m.BadValue, "no type of system VM"),
        ({"types": ["domainrouter", "domainrouter"]}, m.BadValue, "twice"),
        ({"base_image": 7}, m.BadValue, "base_image must be a text"),
        ({"base_image": "a\nb"}, m.BadValue, "printable"),
        ({"created_at": "yesterday"}, m.BadValue, "created_at"),
        ({"created_at": "2026-11-20T09:00:00"}, m.BadValue, "zone"),
        ({"files": []}, m.BadValue, "files"),
        ({"files": {AGENT: {"sha256": "a" * 64, "size": 1}}}, m.BadValue, "cloud-scripts.tgz"),
        ({"advisories": [{"id": "A-1", "title": "t", "is_security": "yes"}]}, m.BadValue, "true or false"),
        ({"advisories": [{"id": "<b>", "title": "t", "is_security": True}]}, m.BadValue, "no advisory's id"),
        ({"advisories": [{"id": "A-1", "title": "t", "is_security": True}] * 2}, m.BadValue, "twice"),
        ({"sources": {AGENT: "https://a/"}}, m.BadValue, "list"),
        ({"sources": {"other": ["https://a/"]}}, m.UnknownField, "other"),
    ],
)
def test_a_signed_field_that_cannot_be_is_refused_by_name(publisher, changed, error, said):
    with pytest.raises(error, match=said):
        read_signed(resigned(publisher, **changed), publisher.keyring)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"sha256": "a" * 63, "size": 1}, "64 digits"),
        ({"sha256": "A" * 64, "size": 1}, "64 digits"),
        ({"sha256": "a" * 64, "size": True}, "whole number"),
        ({"sha256": "a" * 64, "size": 0}, "whole number"),
        ({"sha256": "a" * 64, "size": m.SIZE_MAX[AGENT] + 1}, "at most"),
        ({"sha256": "a" * 64}, "lacks"),
    ],
)
def test_what_a_file_is_said_to_be_must_be_possible(publisher, facts, said):
    files = {**m.as_json(make_manifest())["files"], AGENT: facts}
    with pytest.raises(m.BadValue, match=said):
        read_signed(resigned(publisher, files=files), publisher.keyring)


@pytest.mark.parametrize(
    "line",
    [
        b'{"version": "4.19"}',  # canonical JSON has no spaces
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":NaN}',
        b"[1]",
        b"{",
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_json_that_could_be_read_in_two_ways_is_not_read(publisher, line):
    with pytest.raises(m.NotAManifest):
        read_signed(sign_line(line, publisher.key), publisher.keyring)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", m.NotAManifest),
        (b"PK\x03\x04 an archive", m.NotAManifest),
        (json.dumps({"version": "4"}).encode(), m.NotAManifest),
        (HEADER.replace("1", "2").encode() + b"\n{}\n", m.UnknownFormat),
        (b"x" * (m.BYTES_MAX + 1), m.TooLong),
    ],
)
def test_what_is_no_manifest_says_so(publisher, content, error):
    with pytest.raises(error):
        read_signed(content, publisher.keyring)


def test_a_publisher_cannot_sign_what_no_console_would_take(publisher):
    with pytest.raises(m.BadValue):
        publisher.sign(make_manifest(), version="soon")
