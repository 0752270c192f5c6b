"""Admits clients by the certificates of their connections, and remembers them by connection."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from aiohttp import web
from cryptography import x509

from middlewares.auth.deciding import Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.mtls.authorities import read_authorities, read_revocations
from middlewares.auth.ways.mtls.deciding import (
    Lifetime,
    NotKnown,
    certificate_lines,
    chain_to,
    check_revoked,
    lifetime_of,
    subject_of,
)
from middlewares.auth.ways.mtls.spec import MtlsSpec

_LISTS_GOOD_FOR_S: Final = 60.0
_NONE_SHOWN: Final = NotAdmitted("the connection has no certificate")


class MtlsWay:
    """Clients with certificates. New authorities or revocations make a new object, which remembers nothing.

    `tls_of` is the TLS object of the connection, and None for one without TLS; `chain_of` its client's
    verified certificates in DER: its own first, then the authorities; empty if it has shown none.
    `now` is Unix time in seconds.
    """

    def __init__(
        self,
        spec: MtlsSpec,
        *,
        tls_of: Callable[[web.Request], Any],
        chain_of: Callable[[Any], Sequence[bytes]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self._tls_of = tls_of
        self._chain_of = chain_of
        self._now = now
        self._authorities = tuple(read_authorities(spec.authorities))
        self._lists = (
            None if spec.revocations is None else tuple(read_revocations(spec.revocations))
        )
        #: By the TLS object, as long as its connection lives.
        self._admitted: WeakKeyDictionary[Any, tuple[Identity, Lifetime]] = WeakKeyDictionary()
        self._has_shown: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        """HTTP has none for certificates."""
        return None

    def takes(self, asked: Asked) -> bool:
        """Whether the client has shown a certificate."""
        tls = self._tls_of(asked.request)
        if tls is None:
            return False
        shown = self._has_shown.get(tls)
        if shown is None:
            shown = self._has_shown[tls] = bool(self._chain_of(tls))
        return shown

    def known(self, asked: Asked) -> Identity | None:
        found = self._admitted.get(self._tls_of(asked.request))
        if found is None or self._now() not in found[1]:
            return None
        return found[0]

    async def decide(self, asked: Asked) -> Verdict:
        tls = self._tls_of(asked.request)
        shown = () if tls is None else self._chain_of(tls)
        if not shown:
            return _NONE_SHOWN
        try:
            return self._decide(tls, shown)
        except NotKnown as unknown:
            return Undecided(str(unknown))
        except ValueError as refused:
            return NotAdmitted(str(refused))

    async def without_credential(self, _asked: Asked) -> Answered | None:
        return None

    def without_session(self, cookie: bytes) -> bytes:
        return cookie

    async def run(self) -> None:
        return

    def describe(self) -> Mapping[str, object]:
        return {
            "authorities": [one.subject.rfc4514_string() for one in self._authorities],
            "connections": len(self._admitted),
        }

    def _decide(self, tls: Any, shown: Sequence[bytes]) -> Verdict:
        """Raises ValueError if the client is not admitted, and NotKnown if that can't be said."""
        certificates = tuple(map(x509.load_der_x509_certificate, shown))
        chain = chain_to(self._authorities, certificates)
        if chain is None:
            return NotAdmitted("no authority of this way stands behind the certificate")
        now_s = self._now()
        lifetime = lifetime_of(chain)
        if now_s not in lifetime:
            return NotAdmitted("a certificate is not valid yet, or no longer")
        remembered = lifetime
        if self._lists is not None:
            check_revoked(chain, self._lists, now_s)
            # The lists grow old while a connection lives.
            remembered = Lifetime(
                lifetime.begins_s, min(lifetime.ends_s, now_s + _LISTS_GOOD_FOR_S)
            )
        identity = Identity(
            self.name,
            "mtls",
            subject_of(chain[0], self.spec.subject),
            ends_s=lifetime.ends_s,
            lines=certificate_lines(chain, self._authorities),
        )
        self._admitted[tls] = identity, remembered
        return identity
