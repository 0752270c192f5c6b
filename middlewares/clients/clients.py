"""Finds out who a request comes from, and tells the operator about proxies that are not trusted."""

from collections.abc import Iterable
from typing import Any

import structlog

from middlewares.clients.deciding import Met, TrustedProxies, client_of, limit_key
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.hygiene.deciding import is_host
from middlewares.memory import Memory

#: The operator is told of at most this many untrusted proxies.
MOST_NOTED = 1000
#: How many clients are remembered, because parsing an address costs more than all its uses.
REMEMBERED = 16_384
#: The longest address has 45 characters, and a scope may follow.
ADDRESS_BYTES = 64

_PROTO = b"x-forwarded-proto"
_HOST = b"x-forwarded-host"

_log = structlog.get_logger()


class Clients:
    """Finds the client's address by TRUSTED_PROXIES."""

    def __init__(self, trusted: TrustedProxies) -> None:
        self.peers: Memory[str, Met] = Memory(
            "peers", entries=REMEMBERED, entry_bytes=ADDRESS_BYTES
        )
        self.limit_keys: Memory[str, str] = Memory(
            "limit_keys", entries=REMEMBERED, entry_bytes=ADDRESS_BYTES
        )
        self._trusted = trusted
        self._untrusted_proxies: dict[str, None] = {}

    def trusts(self, peer: str) -> bool:
        return bool(self._trusted.networks) and self._peer(peer).trusted

    def ip_of(self, peer: str, section: HeaderSection) -> str:
        """The client's address as text."""
        met = self.peers.recall(peer) or self._peer(peer)
        forwarded_for = section.forwarded_for
        if not forwarded_for:
            return met.address
        if not met.trusted:
            self._note_untrusted(peer)
        return client_of(met, forwarded_for, self._meet)

    def has_sent(self, peer: str, section: HeaderSection) -> bool:
        """Whether a trusted proxy has sent these fields."""
        return section.trusted if isinstance(section, ReadSection) else self.trusts(peer)

    def scheme_of(self, peer: str, scheme: str, section: HeaderSection) -> str:
        """What the client used: as the connection has it, or as a trusted proxy says first."""
        if isinstance(section, ReadSection):
            if not section.trusted or _PROTO not in section.lists:  # as nearly all
                return scheme
            said = section.lists[_PROTO]
        elif self.trusts(peer):
            values = [value for name, value in section.fields if name.lower() == _PROTO]
            said = b",".join(values).strip(b", \t")
        else:
            return scheme
        first = said.partition(b",")[0].strip(b" \t").lower()
        return first.decode() if first in (b"http", b"https") else scheme

    def host_of(self, peer: str, asked: bytes, section: HeaderSection) -> bytes:
        """The host that the client used, with its port: the one asked for, or as a trusted proxy says first."""
        if isinstance(section, ReadSection):
            if not section.trusted or _HOST not in section.lists:  # as nearly all
                return asked
            said = section.lists[_HOST]
        elif self.trusts(peer):
            values = [value for name, value in section.fields if name.lower() == _HOST]
            said = b",".join(values)
        else:
            return asked
        first = said.strip(b", \t").partition(b",")[0].strip(b" \t")
        return first if is_host(first) else asked

    def limit_key(self, client: str) -> str:
        """The key that a client's requests are counted by."""
        if ":" not in client:  # its address, which costs less to see than to remember
            return client
        key = self.limit_keys.recall(client)
        if key is None:
            key = self.limit_keys.keep(client, limit_key(client), len(client))
        return key

    def memories(self) -> Iterable[Memory[str, Any]]:
        """The memories, for the metrics."""
        return self.peers, self.limit_keys

    def _peer(self, peer: str) -> Met:
        """The other end of a connection, which may have no address, as a unix socket."""
        return self._meet(peer) or Met(peer, False)

    def _meet(self, text: str) -> Met | None:
        met = self.peers.recall(text)
        if met is None:
            met = self._trusted.met(text)
            if met is not None:
                self.peers.keep(text, met, len(text))
        return met

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
