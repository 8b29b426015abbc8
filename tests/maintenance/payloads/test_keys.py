"""Public keys of publishers: in three spellings; a private one among them is an alarm."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from maintenance.payloads.keys import BadKey, make_pair, read_keyring, read_public_key, read_signing_key


def test_a_pair_is_made_once_and_only_the_owner_reads_the_signing_key(tmp_path):
    secret, public = make_pair(tmp_path / "keys", "release")

    assert secret.stat().st_mode & 0o777 == 0o600
    assert (
        read_public_key(public).public_bytes_raw() == read_signing_key(secret).public_key().public_bytes_raw()
    )
    with pytest.raises(FileExistsError):
        make_pair(tmp_path / "keys", "release")


def test_a_signing_key_with_a_password_opens_with_it_alone(tmp_path):
    secret, _ = make_pair(tmp_path, "release", "correct horse")

    read_signing_key(secret, "correct horse")
    for password in ("", "wrong"):
        with pytest.raises(BadKey, match="password"):
            read_signing_key(secret, password)


def test_public_keys_are_read_raw_in_base64_and_in_pem(tmp_path):
    _, public = make_pair(tmp_path / "made", "pem")
    raw = read_public_key(public).public_bytes_raw()
    folder = tmp_path / "trusted"
    folder.mkdir()
    for name, content in (
        ("pem", public.read_bytes()),
        ("raw", raw),
        ("text", base64.b64encode(raw) + b"\n"),
    ):
        (folder / f"{name}.pub").write_bytes(content)
        assert read_public_key(folder / f"{name}.pub").public_bytes_raw() == raw

    (one,) = read_keyring(folder).by_fingerprint.values()  # the same key under three names is one key
    assert one.name == "pem"


def test_what_is_no_key_is_told_and_keeps_no_good_one_out(tmp_path):
    secret, _ = make_pair(tmp_path, "release")
    secret.rename(tmp_path / "leaked.pub")
    other = generate_private_key(SECP256R1()).public_key()
    spelled = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "other.pub").write_bytes(other.public_bytes(serialization.Encoding.PEM, spelled))
    (tmp_path / "short.pub").write_bytes(b"abc")
    (tmp_path / "folder.pub").mkdir()

    found = read_keyring(tmp_path)

    assert found.names() == "release"
    assert len(found.unusable) == 4
    assert any("must not lie here" in words for words in found.unusable)
    assert any("another kind" in words for words in found.unusable)


def test_without_a_folder_nobody_is_trusted(tmp_path):
    assert read_keyring(tmp_path / "none").names() == "none"


def test_a_name_cannot_lead_out_of_the_folder(tmp_path):
    with pytest.raises(BadKey):
        make_pair(tmp_path, "../release")
