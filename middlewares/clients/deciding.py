"""Decides who the client is: the peer, or behind trusted proxies the address that they name."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
#: A household or a host owns a /64, so limits count by /64.
IPV6_CLIENT_PREFIX = 64


def parse_address(text: str) -> Address | None:
    """Parse an address from X-Forwarded-For: bare or bracketed, with or without a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if _IPV4.fullmatch(text) is not None:
        # The library looks at each digit in Python.
        return ipaddress.IPv4Address(bytes(map(int, text.split("."))))
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class Met(NamedTuple):
    """An address in canonical spelling, and whether it is one of the trusted proxies."""

    address: str
    trusted: bool


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """TRUSTED_PROXIES: the networks whose X-Forwarded-* fields are believed."""

    networks: tuple[Network, ...] = ()

    #: The IPv4 networks' addresses and masks; the library takes 2 µs to look into a network.
    _ipv4: Sequence[tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # No cached property: compiled code makes it anew each time.
        ipv4 = [
            (int(one.network_address), int(one.netmask))
            for one in self.networks
            if isinstance(one, ipaddress.IPv4Network)
        ]
        object.__setattr__(self, "_ipv4", ipv4)

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """Parse comma-separated CIDRs. Raises ValueError, which names the first invalid one."""
        items = [item.strip() for item in text.split(",") if item.strip()]
        return cls(tuple(map(_network, items)))

    def trusts(self, peer: str) -> bool:
        address = parse_address(peer) if self.networks else None
        return address is not None and self._contains(address)

    def met(self, text: str) -> "Met | None":
        """The address in a text, and whether it is trusted; None if there is no address in it."""
        if _IPV4.fullmatch(text) is not None:  # the quick way, for nearly all addresses
            number = int.from_bytes(bytes(map(int, text.split("."))), "big")
            for network, mask in self._ipv4:
                if number & mask == network:
                    return Met(text, True)
            return Met(text, False)
        address = parse_address(text)
        return None if address is None else Met(str(address), self._contains(address))

    def _contains(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: list your proxies' addresses or CIDRs, 10.0.0.0/8") from None


def limit_key(client: str) -> str:
    """The key that a client's requests are counted by: its address, or its /64 for IPv6."""
    address = parse_address(client) if ":" in client else None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_CLIENT_PREFIX), strict=False))
    return client


def client_of(peer: Met, forwarded_for: Sequence[str], meet: Callable[[str], Met | None]) -> str:
    """The peer's address; for a trusted peer, the right-most untrusted address in its X-Forwarded-For."""
    client = peer.address
    if not peer.trusted:
        return client
    for item in reversed(",".join(forwarded_for).split(",")):
        text = item.strip()
        if not text:
            continue  # RFC 9110 §5.6.1: empty list elements are ignored
        met = meet(text)
        if met is None:
            break  # addresses to the left of an invalid one can't be believed
        client = met.address
        if not met.trusted:
            break
    return client
