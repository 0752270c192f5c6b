"""Who a request comes from, and the word to the operator when a proxy in front is not trusted."""

import structlog

from middlewares.clients.deciding import TrustedProxies
from middlewares.header_section import HeaderSection

#: So many peers are remembered; the word is for people, who need no more.
PEERS_REMEMBERED = 1000

_log = structlog.get_logger()


class Clients:
    """Finds the client's address by TRUSTED_PROXIES."""

    def __init__(self, trusted: TrustedProxies) -> None:
        self._trusted = trusted
        self._untrusted_proxies: dict[str, None] = {}

    def trusts(self, peer: str) -> bool:
        return self._trusted.trusts(peer)

    def ip_of(self, peer: str, section: HeaderSection) -> str:
        """The client's address as text."""
        forwarded_for = section.forwarded_for
        if forwarded_for and not self.trusts(peer):
            self._note_untrusted(peer)
        return self._trusted.client_of(peer, forwarded_for)

    def untrusted_proxies(self) -> list[str]:
        """Peers that sent X-Forwarded-For and are not in TRUSTED_PROXIES."""
        return list(self._untrusted_proxies)

    def _note_untrusted(self, peer: str) -> None:
        if peer in self._untrusted_proxies or len(self._untrusted_proxies) >= PEERS_REMEMBERED:
            return
        self._untrusted_proxies[peer] = None
        _log.warning(
            "client_address.untrusted_proxy",
            peer=peer,
            detail="it sends X-Forwarded-For; if it is your proxy, name it in TRUSTED_PROXIES",
        )
