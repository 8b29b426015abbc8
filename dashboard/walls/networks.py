"""From where a link may be opened."""

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

type Network = IPv4Network | IPv6Network


def networks_in(text: str) -> list[Network]:
    """10.1.0.0/24, 2001:db8::/48, 192.0.2.7. Raises: ValueError for what is no address and no range."""
    return [ip_network(one, strict=False) for one in text.replace(",", " ").split()]


def is_within(address: str, text: str) -> bool:
    """Whether the address is in one of the ranges; anywhere is right where there are none. What cannot be read is
    nowhere."""
    if not text:
        return True
    try:
        at = ip_address(address)
        ranges = networks_in(text)
    except ValueError:
        return False
    plain = getattr(at, "ipv4_mapped", None) or at
    return any(plain in one for one in ranges if one.version == plain.version)
