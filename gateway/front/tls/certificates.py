"""The certificates in use: which one answers a server name; new connections see each change at once."""

import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway.front.tls.contexts import Terms, base_context, challenge_context, context_of
from gateway.front.tls.pairs import Pair, read_pair
from gateway.front.tls.server_names import ByServerName

#: The tickets' key changes with the context, so that a stolen one opens at most what was sent in this time.
TICKET_KEY_LASTS_S = 12 * 3600.0


class Named(NamedTuple):
    """A pair, the server names that it answers, and where it comes from, in words."""

    names: tuple[str, ...]
    pair: Pair
    source: str


class Certificates:
    """Certificates of the configuration, and behind them those that were `put`, as by ACME.

    The first of them answers clients that ask for another name, or for none.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._terms = Terms()
        self._configured: tuple[Named, ...] = ()
        self._put: dict[tuple[str, ...], Named] = {}
        self._contexts: dict[tuple[Pair, ...], ssl.SSLContext] = {}
        self._by_name: ByServerName[ssl.SSLContext] = ByServerName(())
        #: By server name, while an ACME server looks (TLS-ALPN-01).
        self._challenges: dict[str, ssl.SSLContext] = {}
        self._base: ssl.SSLContext | None = None
        self._base_since_s = 0.0

    # What the configuration says.

    def configure(self, terms: Terms, pairs: Iterable[tuple[Pair, str]]) -> None:
        """Replace the configured certificates, each with its source. Raises BadCertificate, and changes nothing."""
        configured = tuple(Named(pair.names, pair, source) for pair, source in pairs)
        base = base_context(terms) if terms != self._terms or self._base is None else self._base
        self._take(configured, self._put, terms)
        if base is not self._base:
            self._set_base(base)

    # What ACME does.

    def put(self, names: Sequence[str], chain_pem: bytes, key_pem: bytes, source: str = "") -> Pair:
        """Answer these names with a certificate, in place of one that was put for the same names.

        Raises BadCertificate or BadKey, and then keeps the one before.
        """
        pair = read_pair(chain_pem, key_pem)
        key = tuple(sorted(name.lower() for name in names))
        put = {**self._put, key: Named(key, pair, source)}
        self._take(self._configured, put, self._terms)
        return pair

    def remove(self, names: Sequence[str]) -> None:
        """Forget what was put for these names; it is no error if nothing was."""
        key = tuple(sorted(name.lower() for name in names))
        put = {names: one for names, one in self._put.items() if names != key}
        self._take(self._configured, put, self._terms)

    def put_challenge(self, name: str, cert_pem: bytes, key_pem: bytes) -> None:
        """Answer an ACME server that asks for this name by `acme-tls/1` (RFC 8737)."""
        self._challenges[name.lower()] = challenge_context(read_pair(cert_pem, key_pem))

    def remove_challenge(self, name: str) -> None:
        self._challenges.pop(name.lower(), None)

    # What is in use.

    def all(self) -> tuple[Named, ...]:
        """Those in use, the default first."""
        return (*self._configured, *self._put.values())

    def context_for(self, name: str | None) -> ssl.SSLContext | None:
        """The context for a server name; None: there is no certificate at all."""
        return self._by_name.get(name)

    @property
    def requires_clients(self) -> bool:
        """Whether a client without a certificate is not admitted."""
        return self._terms.client_cas is not None and self._terms.client_required

    @property
    def has_challenges(self) -> bool:
        return bool(self._challenges)

    def base(self) -> ssl.SSLContext:
        """What a new connection begins with."""
        now_s = self._now()
        if self._terms.client_cas is not None:
            base = base_context(self._terms)
            base.sni_callback = self._choose
            return base
        if self._base is None or now_s - self._base_since_s > TICKET_KEY_LASTS_S:
            self._set_base(base_context(self._terms))
        assert self._base is not None
        return self._base

    def challenge_base(self, name: str | None) -> ssl.SSLContext | None:
        """What a connection of an ACME server begins with."""
        return self._challenges.get(name.lower()) if name else None

    def _set_base(self, base: ssl.SSLContext) -> None:
        base.sni_callback = self._choose
        self._base, self._base_since_s = base, self._now()

    def _choose(
        self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _base: ssl.SSLContext
    ) -> int | None:
        chosen = self._by_name.get(name)
        if chosen is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = chosen
        return None

    def _take(
        self, configured: tuple[Named, ...], put: dict[tuple[str, ...], Named], terms: Terms
    ) -> None:
        # Apart, so that for a name that both have, the configured one answers every client.
        groups = _groups(configured) + _groups(tuple(put.values()))
        known = self._contexts if terms.client_cas == self._terms.client_cas else {}
        contexts: dict[tuple[Pair, ...], ssl.SSLContext] = {}
        for _, pairs in groups:
            if pairs not in contexts:
                contexts[pairs] = known.get(pairs) or context_of(pairs, terms.client_cas)
        self._by_name = ByServerName((names, contexts[pairs]) for names, pairs in groups)
        self._configured, self._put, self._contexts = configured, put, contexts
        self._terms = terms


def _groups(all_of_them: Sequence[Named]) -> list[tuple[tuple[str, ...], tuple[Pair, ...]]]:
    """Certificates of the very same names but with other kinds of keys answer together."""
    groups: dict[tuple[str, ...], dict[str, Pair]] = {}
    loose = 0
    for one in all_of_them:
        names = tuple(sorted(one.names))
        if not names:  # a default without names
            loose += 1
            names = (f"\0{loose}",)
        groups.setdefault(names, {}).setdefault(one.pair.kind, one.pair)
    return [(names, tuple(kinds.values())) for names, kinds in groups.items()]
