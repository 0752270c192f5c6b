"""Decides whether a client's address may use a route."""

from dataclasses import dataclass
from enum import Enum

from middlewares.clients.deciding import Network, parse_address


class Why(Enum):
    """Why an address may not use a route."""

    DENIED = "it is in a network that the route denies"
    NOT_ALLOWED = "it is in none of the networks that the route allows"
    UNKNOWN = "the client has no address, and the route allows only some"


@dataclass(frozen=True, slots=True)
class AddressLists:
    """The networks that may use a route (None: all of them), and those that may not, which win."""

    allow: tuple[Network, ...] | None = None
    deny: tuple[Network, ...] = ()

    def refuses(self, client_ip: str) -> Why | None:
        """Why a client is refused, by its address behind TRUSTED_PROXIES; None if it is admitted.

        An IPv4 address that is written as an IPv6 one (::ffff:10.0.0.1) is that IPv4 address.
        """
        address = parse_address(client_ip)
        if address is None:
            return None if self.allow is None else Why.UNKNOWN
        if any(address in network for network in self.deny):
            return Why.DENIED
        if self.allow is None or any(address in network for network in self.allow):
            return None
        return Why.NOT_ALLOWED
