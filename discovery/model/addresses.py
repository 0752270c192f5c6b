"""Which addresses are never connected to, decided on the resolved address of an instance."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import SettingsError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Cloud metadata services outside the link-local ranges: Alibaba, Azure, Oracle; AWS (all its local
#: services), Google, Scaleway, Oracle and others over IPv6.
METADATA_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        [
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::/32",
            "fd20:ce::254",
            "fd00:42::42",
            "fd00:c1::a9fe:a9fe",
            "fd00:a9fe:a9fe::1",
        ],
    )
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
#: A host of an instance has no other characters.
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_WILDCARD = "no wildcard is understood: leave it empty for any host, or list names and CIDRs"
_BROADCAST = ipaddress.ip_address("255.255.255.255")
#: Networks with an IPv4 address in the last 32 bits: mapped (RFC 4291 §2.5.5.2), translated
#: (RFC 2765 §2.1) and compatible (RFC 4291 §2.5.5.1) addresses, and NAT64's prefix (RFC 6052 §2.1).
_IPV4_AT_END = tuple(
    map(ipaddress.IPv6Network, ["::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96"])
)
_UNSPECIFIED, _LOOPBACK = ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
#: ISATAP's interface identifiers (RFC 5214 §6.1), without the universal/local bit.
_ISATAP, _ISATAP_MASK = 0x5EFE, 0xFDFFFFFF


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """REGISTRY_ALLOWED_HOSTS: networks and names that an instance may have; empty means any."""

    networks: tuple[IPNetwork, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> "AllowedHosts":
        """Read a comma-separated list: names match whole, CIDRs match the addresses inside them."""
        networks: list[IPNetwork] = []
        names: set[str] = set()
        for item in filter(None, (part.strip() for part in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(item))
            except ValueError:
                if not _NAME.fullmatch(item):
                    why = _WILDCARD if "*" in item else f"{item!r} is neither a CIDR nor a name"
                    raise SettingsError(f"REGISTRY_ALLOWED_HOSTS={text!r}: {why}") from None
                names.add(item.lower())
        return cls(tuple(networks), frozenset(names))

    def allows(self, host: str, address: IPAddress) -> bool:
        if not self.networks and not self.names:
            return True
        return host.lower() in self.names or any(address in network for network in self.networks)

    def may_allow(self, host: str) -> bool:
        """False for a name that is not allowed, whatever its addresses are."""
        return not self.names or bool(self.networks) or host.lower() in self.names


def plain_addresses(address: IPAddress) -> tuple[IPAddress, ...]:
    """The addresses that packets really go to: the IPv4 addresses inside an IPv6 one, else itself.

    Teredo's addresses hold several, and so do addresses whose translator's prefix length is unknown.
    """
    if isinstance(address, ipaddress.IPv4Address) or address in (_UNSPECIFIED, _LOOPBACK):
        return (address,)
    bits = int(address)
    if any(address in network for network in _IPV4_AT_END):
        return (_ipv4(bits),)
    if address in _LOCAL_NAT64:  # RFC 8215; RFC 6052 §2.2: the bits 64 to 71 are left out
        halves = (bits >> 64 & 0xFFFFFFFF) << 32 | bits >> 24 & 0xFFFFFFFF
        by_prefix = (_ipv4(halves >> shift) for shift in (16, 8, 0))
        # Nobody translates to 0.0.0.0/8, so an address read as that has a longer prefix.
        read = [one for one in (*by_prefix, _ipv4(bits)) if one not in _THIS_NETWORK]
        return tuple(dict.fromkeys(read)) or (_ipv4(bits),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:  # Teredo's server, and the client behind it
        return address.teredo
    if bits >> 32 & _ISATAP_MASK == _ISATAP and not address.is_link_local:
        return (_ipv4(bits),)
    return (address,)


def _ipv4(bits: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(bits & 0xFFFFFFFF)


def why_never(address: IPAddress) -> str | None:
    """Why nothing may ever be sent to this address, or None when it may."""
    return next(filter(None, map(_why_never, plain_addresses(address))), None)


def _why_never(address: IPAddress) -> str | None:
    if address.is_link_local:
        return "link-local"
    if any(address in network for network in METADATA_NETWORKS):
        return "cloud metadata"
    if address.is_multicast or address == _BROADCAST:
        return "multicast"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "unspecified"
    return None


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """The rules that the target of each connection is checked against.

    `own_listeners` are the gateway's own (address, port) pairs; a wildcard address among them means
    every address of this machine.
    """

    allowed: AllowedHosts = AllowedHosts()
    own_listeners: frozenset[tuple[IPAddress, int]] = frozenset()

    def why_forbidden(
        self, host: str, address: IPAddress, port: int, *, is_local: bool
    ) -> str | None:
        """Why an instance of this host may not be connected to at this address, or None."""
        reason = self.why_forbidden_to_all(address, port, is_local=is_local)
        if reason is not None:
            return reason
        if not all(self.allowed.allows(host, one) for one in plain_addresses(address)):
            return "not in REGISTRY_ALLOWED_HOSTS"
        return None

    def why_forbidden_to_all(self, address: IPAddress, port: int, *, is_local: bool) -> str | None:
        """The same for an instance that the configuration file names, whatever may register."""
        return why_never(address) or self._why_own(address, port, is_local=is_local)

    def _why_own(self, address: IPAddress, port: int, *, is_local: bool) -> str | None:
        plain = plain_addresses(address)
        for own_address, own_port in self.own_listeners:
            if port == own_port and (
                own_address in plain or (own_address.is_unspecified and is_local)
            ):
                return "the gateway's own listener"
        return None

    def listens_on(self, port: int) -> bool:
        return any(own_port == port for _, own_port in self.own_listeners)


def listeners(names: Iterable[tuple[str, int]]) -> frozenset[tuple[IPAddress, int]]:
    """The (address, port) pairs of listening sockets."""
    return frozenset((ipaddress.ip_address(host.partition("%")[0]), port) for host, port in names)
