"""Decides who the client is: the peer, or behind trusted proxies the address that they name."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: A household or a host owns a /64, so limits count by /64.
IPV6_CLIENT_PREFIX = 64


def parse_address(text: str) -> Address | None:
    """Parse an address from X-Forwarded-For: bare or bracketed, with or without a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """TRUSTED_PROXIES: the networks whose X-Forwarded-* fields are believed."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """Parse comma-separated CIDRs. Raises ValueError, which names the first invalid one."""
        items = [item.strip() for item in text.split(",") if item.strip()]
        return cls(tuple(map(_network, items)))

    def trusts(self, peer: str) -> bool:
        address = parse_address(peer) if self.networks else None
        return address is not None and self._contains(address)

    def client_of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The peer's address; for a trusted peer, the right-most untrusted address in its X-Forwarded-For."""
        if not self.trusts(peer):
            return _text_of(peer)
        client = peer
        for item in reversed(",".join(forwarded_for).split(",")):
            if not item.strip():
                continue  # RFC 9110 §5.6.1: empty list elements are ignored
            address = parse_address(item)
            if address is None:
                break  # addresses to the left of an invalid one can't be believed
            client = str(address)
            if not self._contains(address):
                break
        return _text_of(client)

    def _contains(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: list your proxies' addresses or CIDRs, 10.0.0.0/8") from None


def limit_key(client: str) -> str:
    """The key that a client's requests are counted by: its address, or its /64 for IPv6."""
    address = parse_address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_CLIENT_PREFIX), strict=False))
    return client


def _text_of(text: str) -> str:
    address = parse_address(text)
    return str(address) if address is not None else text
