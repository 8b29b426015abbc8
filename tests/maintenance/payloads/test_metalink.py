"""Metalinks are read without anything that attacks them are made of."""

import pytest

from maintenance.payloads.metalink import BadMetalink, Mirror, read_metalink

BEGIN, END = '<metalink xmlns="urn:ietf:params:xml:ns:metalink">', "</metalink>"


def test_a_metalink_of_the_rfc_is_read():
    (listed,) = read_metalink(
        (
            f"{BEGIN}<published>2026-11-20T00:00:00Z</published>"
            '<file name="agent.zip"><size>14471447</size><identity>Agent</identity>'
            '<hash type="sha-1">aa</hash><hash type="sha-256">AB</hash>'
            '<pieces type="sha-256" length="1"><hash>11</hash></pieces>'
            '<url location="de" priority="1">https://a.example.org/x</url><url>https://b.example.org/x</url>'
            '<metaurl mediatype="torrent">https://c.example.org/x</metaurl>'
            f'<x:extra xmlns:x="urn:x">?</x:extra></file>{END}'
        ).encode()
    )

    assert (listed.name, listed.sha256, listed.size) == ("agent.zip", "ab", 14471447)
    assert listed.mirrors == [Mirror("https://a.example.org/x", 1, "de"), Mirror("https://b.example.org/x")]


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'<!DOCTYPE m [<!ENTITY l0 "lol">{BOMB}]>{BEGIN}&l9;{END}', "DTD"),
        (f'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]>{BEGIN}&e;{END}', "DTD"),
        (f'<!DOCTYPE m SYSTEM "http://127.0.0.1/x.dtd">{BEGIN}{END}', "DTD"),
        (f"{BEGIN}{'<a>' * 20}{'</a>' * 20}{END}", "nested"),
        (f"{BEGIN}{'<file/>' * 21}{END}", "more than 20 files"),
        (f"{BEGIN}<file>{'<url>x</url>' * 101}</file>{END}", "more than 100 mirrors"),
        (f"{BEGIN}<file><url>{'x' * 3000}</url></file>{END}", "too long"),
        (f"{BEGIN}<file><size>-1</size></file>{END}", "size"),
        (f'{BEGIN}<file><url priority="first">x</url></file>{END}', "priority"),
        (
            f'{BEGIN}<file><hash type="sha-256">a</hash><hash type="sha-256">b</hash></file>{END}',
            "two checksums",
        ),
        ('<?xml version="1.0" encoding="utf-7"?><metalink/>', "no XML"),
        ("<metalink><file/></metalink>", "no metalink"),
        ("x" * (257 * 1024), "more than"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_no_metalink_needs_is_not_read(content, said):
    with pytest.raises(BadMetalink, match=said):
        read_metalink(content.encode())
