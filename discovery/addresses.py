"""Which addresses are never connected to, decided on the resolved address, whoever wrote the record."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from discovery.errors import SettingsError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Cloud metadata services outside the link-local ranges: AWS (IPv6), Alibaba, Azure, Oracle.
METADATA_ADDRESSES = frozenset(
    map(
        ipaddress.ip_address,
        ["fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"],
    )
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_BROADCAST = ipaddress.ip_address("255.255.255.255")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """REGISTRY_ALLOWED_HOSTS: networks and names that an instance may have; nothing given: any."""

    networks: tuple[IPNetwork, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "AllowedHosts":
        """From a comma-separated list; a name is matched as a whole, an address or CIDR by content."""
        networks: list[IPNetwork] = []
        names: set[str] = set()
        for item in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(item))
            except ValueError:
                if "/" in item or " " in item:
                    raise SettingsError(
                        f"REGISTRY_ALLOWED_HOSTS={text!r}: {item!r} is neither a CIDR nor a name"
                    ) from None
                names.add(item.lower())
        return cls(tuple(networks), frozenset(names))

    def allows(self, host: str, address: IPAddress) -> bool:
        if not self.networks and not self.names:
            return True
        return host.lower() in self.names or any(address in network for network in self.networks)

    def may_allow(self, host: str) -> bool:
        """False for a name that is allowed nowhere, whatever its addresses are."""
        return not self.names or bool(self.networks) or host.lower() in self.names


def plain_address(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv4-mapped or NAT64 IPv6 one, else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def why_never(address: IPAddress) -> str | None:
    """Why nothing may ever be sent to this address, or None when it may."""
    address = plain_address(address)
    if address.is_link_local:
        return "link-local"
    if address in METADATA_ADDRESSES:
        return "cloud metadata"
    if address.is_multicast or address == _BROADCAST:
        return "multicast"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "unspecified"
    return None


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Everything that a connection's target is held against.

    `own_listeners` are the gateway's own (address, port) pairs; a wildcard address among them stands
    for every address of this machine.
    """

    allowed: AllowedHosts = AllowedHosts()
    own_listeners: frozenset[tuple[IPAddress, int]] = frozenset()

    def why_forbidden(
        self, host: str, address: IPAddress, port: int, *, is_local: bool
    ) -> str | None:
        """Why an instance of this host may not be connected to at this address, or None."""
        address = plain_address(address)
        reason = why_never(address)
        if reason is not None:
            return reason
        for own_address, own_port in self.own_listeners:
            if port == own_port and (
                address == own_address or (own_address.is_unspecified and is_local)
            ):
                return "the gateway's own listener"
        if not self.allowed.allows(host, address):
            return "not in REGISTRY_ALLOWED_HOSTS"
        return None

    def listens_on(self, port: int) -> bool:
        return any(own_port == port for _, own_port in self.own_listeners)


def listeners(names: Iterable[tuple[str, int]]) -> frozenset[tuple[IPAddress, int]]:
    """The (address, port) pairs of sockets' own names."""
    return frozenset((ipaddress.ip_address(host.partition("%")[0]), port) for host, port in names)
