"""Which addresses are of the public internet. What is not is refused, unless an operator allows its network.

The networks are those of IANA's special-purpose registries, written out: what the standard library calls global differs
between its versions. Forms that carry another address inside (mapped, 6to4, Teredo, NAT64) are refused as they are.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_NOT_PUBLIC: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "a cloud's metadata"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documents"),
    ("192.31.196.0/24", "reserved"),
    ("192.52.193.0/24", "reserved"),
    ("192.88.99.0/24", "a 6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "reserved"),
    ("198.18.0.0/15", "for measurements"),
    ("198.51.100.0/24", "for documents"),
    ("203.0.113.0/24", "for documents"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("::/96", "an IPv4 address inside an IPv6 one"),
    ("::ffff:0:0/96", "an IPv4 address inside an IPv6 one"),
    ("64:ff9b::/96", "an IPv4 address inside an IPv6 one"),
    ("64:ff9b:1::/48", "an IPv4 address inside an IPv6 one"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documents"),
    ("2002::/16", "an IPv4 address inside an IPv6 one"),
    ("2620:4f:8000::/48", "reserved"),
    ("3fff::/20", "for documents"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
NOT_PUBLIC: tuple[tuple[Network, str], ...] = tuple((ip_network(network), what) for network, what in _NOT_PUBLIC)

UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is given out; the rest is reserved."""

ISATAP = (0x00005EFE, 0x02005EFE)
"""The upper half of an interface id whose lower half is an IPv4 address."""


def why_not_public(address: Address) -> str | None:
    """What the address is instead; None where anybody may be asked at it."""
    for network, what in NOT_PUBLIC:
        if address in network:
            return what
    if isinstance(address, IPv6Address):
        if address not in UNICAST:
            return "reserved"
        if (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
            return "an IPv4 address inside an IPv6 one"
    return None


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def read_networks(text: str) -> tuple[Network, ...]:
    """`127.0.0.0/8, ::1/128`. Raises ValueError that names the one that is none."""
    return tuple(ip_network(part) for each in text.split(",") if (part := each.strip()))


def _read(value: Any) -> Any:
    return read_networks(value) if isinstance(value, str) else value


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_read)]
"""For a setting: networks with commas between them."""
