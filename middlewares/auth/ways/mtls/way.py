"""Admits clients by the certificates of their connections."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiohttp import web
from cryptography import x509

from middlewares.auth.deciding import Identity
from middlewares.auth.way import Answered, Asked, NotAdmitted, Undecided, Verdict
from middlewares.auth.ways.mtls.authorities import read_authorities, read_revocations
from middlewares.auth.ways.mtls.deciding import (
    Lifetime,
    certificate_lines,
    chain_to,
    lifetime_of,
    subject_of,
)
from middlewares.auth.ways.mtls.revoking import NotKnown, RevocationList, check_revoked
from middlewares.auth.ways.mtls.spec import MtlsSpec
from middlewares.memory import Memory

#: Certificates in DER: the client's own first, then those of the authorities.
Shown = tuple[bytes, ...]

#: How many clients are remembered, and how long their certificates together may be.
REMEMBERED: Final = 2048
_MOST_BYTES: Final = 16 * 1024
#: Revocation lists become out of date while a connection lives.
_LISTS_GOOD_FOR_S: Final = 60.0


class MtlsWay:
    """Clients with certificates. New authorities or revocations make a new object, which remembers nothing.

    `shown_by` gives the verified certificates of a request's connection; none: the client has shown none.
    `now` is Unix time in seconds.
    """

    def __init__(
        self,
        spec: MtlsSpec,
        *,
        shown_by: Callable[[web.Request], Shown],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.spec = spec
        self.name = spec.name
        #: Each with the time in which it holds.
        self.admitted: Memory[Shown, tuple[Identity, Lifetime]] = Memory(
            f"auth_{spec.name}", entries=REMEMBERED, entry_bytes=_MOST_BYTES
        )
        self.now = now
        self._shown_by = shown_by
        self._authorities = tuple(read_authorities(spec.authorities))
        self._lists = (
            None
            if spec.revocations is None
            else tuple(map(RevocationList, read_revocations(spec.revocations)))
        )

    def challenge(
        self, _asked: Asked, *, refused: bool = False, scopes: Sequence[str] = ()
    ) -> str | None:
        """HTTP has none for certificates."""
        return None

    def takes(self, asked: Asked) -> bool:
        """Whether the client has shown a certificate."""
        return bool(self._shown_by(asked.request))

    def known(self, asked: Asked) -> Identity | None:
        found = self.admitted.recall(self._shown_by(asked.request))
        if found is None or self.now() not in found[1]:
            return None
        return found[0]

    async def decide(self, asked: Asked) -> Verdict:
        try:
            return self._decide(self._shown_by(asked.request))
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
            "remembered": len(self.admitted),
        }

    def _decide(self, shown: Shown) -> Identity | NotAdmitted:
        """Raises ValueError if the client is not admitted, and NotKnown if that can't be said."""
        certificates = tuple(map(x509.load_der_x509_certificate, shown))
        chain = chain_to(self._authorities, certificates)
        if chain is None:
            return NotAdmitted("no authority of this way stands behind the certificate")
        now_s = self.now()
        lifetime = lifetime_of(chain)
        if now_s not in lifetime:
            return NotAdmitted("a certificate is not valid yet, or no longer")
        remembered = lifetime
        if self._lists is not None:
            check_revoked(chain, self._lists, now_s)
            until_s = min(lifetime.ends_s, now_s + _LISTS_GOOD_FOR_S)
            remembered = Lifetime(lifetime.begins_s, until_s)
        identity = Identity(
            self.name,
            "mtls",
            subject_of(chain[0], self.spec.subject),
            ends_s=lifetime.ends_s,
            lines=certificate_lines(chain, self._authorities),
        )
        self.admitted.keep(shown, (identity, remembered), sum(map(len, shown)))
        return identity
