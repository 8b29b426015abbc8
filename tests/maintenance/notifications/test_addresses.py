"""A webhook calls receivers and nothing else: no metadata service, no redirect, no name that leads elsewhere."""

import socket

import pytest

from maintenance.guarded_calls import BadAddress, check_address, refuse_place
from maintenance.notifications.webhook import NotDelivered, post


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fe80::1",
        "224.0.0.1",
        "0.0.0.0",
        "::",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
    ],
)
def test_what_is_no_receiver_is_not_called(address):
    with pytest.raises(BadAddress):
        refuse_place(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "fd12::7", "203.0.113.9", "2001:db8::1"])
def test_receivers_of_a_private_cloud_are_called(address):
    refuse_place(address)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.org/", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("https://", "names no host"),
        ("https://ada:secret@example.org/", "a user or a password"),
        ("https://example.org/#part", "never sent"),
        ("https://example.org/\r\nX: y", "control character"),
        ("http://169.254.169.254/latest/", "no receiver"),
        ("http://[::ffff:169.254.169.254]/", "no receiver"),
    ],
)
def test_an_address_that_cannot_be_one_says_why(url, said):
    with pytest.raises(BadAddress, match=said):
        check_address(url)


@pytest.mark.parametrize("leads_to", ["169.254.169.254", "100.100.100.200"])
def test_a_harmless_name_that_leads_to_a_metadata_service_is_not_called(monkeypatch, leads_to):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads_to, 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)

    with pytest.raises(NotDelivered, match="the address is not called"):
        post("http://receiver.example.org/", {}, secret="", message_id="1")


def test_a_name_that_leads_nowhere_is_named(monkeypatch):
    def away(*_args: object, **_options: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", away)

    with pytest.raises(NotDelivered, match=r"receiver\.example\.org: Name or service not known"):
        post("http://receiver.example.org/", {}, secret="", message_id="1")
