"""Finds out who a request comes from, and tells the operator about proxies that are not trusted."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import structlog

from middlewares.clients.deciding import TrustedProxies, limit_key
from middlewares.header_section import HeaderSection
from middlewares.memory import Memory

#: The operator is told of at most this many untrusted proxies.
MOST_NOTED = 1000
#: How many clients are remembered, because parsing an address costs more than all its uses.
REMEMBERED = 16_384
#: The longest address has 45 characters, and a scope may follow.
ADDRESS_BYTES = 64

_log = structlog.get_logger()


class Peer(NamedTuple):
    """The other end of a connection; `address` is in canonical spelling."""

    address: str
    trusted: bool


class Clients:
    """Finds the client's address by TRUSTED_PROXIES."""

    def __init__(self, trusted: TrustedProxies) -> None:
        self.peers: Memory[str, Peer] = Memory(
            "peers", entries=REMEMBERED, entry_bytes=ADDRESS_BYTES
        )
        self.limit_keys: Memory[str, str] = Memory(
            "limit_keys", entries=REMEMBERED, entry_bytes=ADDRESS_BYTES
        )
        self._trusted = trusted
        self._untrusted_proxies: dict[str, None] = {}

    def trusts(self, peer: str) -> bool:
        if not self._trusted.networks:
            return False
        return (self.peers.recall(peer) or self._meet(peer)).trusted

    def ip_of(self, peer: str, section: HeaderSection) -> str:
        """The client's address as text."""
        address, trusted = self.peers.recall(peer) or self._meet(peer)
        forwarded_for = section.forwarded_for
        if forwarded_for:
            if trusted:
                return self._trusted.client_of(peer, forwarded_for)
            self._note_untrusted(peer)
        return address

    def limit_key(self, client: str) -> str:
        """The key that a client's requests are counted by."""
        key = self.limit_keys.recall(client)
        if key is None:
            key = self.limit_keys.keep(client, limit_key(client), len(client))
        return key

    def memories(self) -> Iterable[Memory[str, Any]]:
        """The memories, for the metrics."""
        return self.peers, self.limit_keys

    def _meet(self, peer: str) -> Peer:
        trusted = self._trusted
        made = Peer(trusted.client_of(peer, ()), trusted.trusts(peer))
        return self.peers.keep(peer, made, len(peer))

    def untrusted_proxies(self) -> list[str]:
        """Peers that sent X-Forwarded-For and are not in TRUSTED_PROXIES."""
        return list(self._untrusted_proxies)

    def _note_untrusted(self, peer: str) -> None:
        if peer in self._untrusted_proxies or len(self._untrusted_proxies) >= MOST_NOTED:
            return
        self._untrusted_proxies[peer] = None
        _log.warning(
            "client_address.untrusted_proxy",
            peer=peer,
            detail="it sends X-Forwarded-For; if it is your proxy, name it in TRUSTED_PROXIES",
        )
