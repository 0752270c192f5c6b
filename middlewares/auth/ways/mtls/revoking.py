"""What revocation lists say of a chain of certificates."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

#: Of so many issuers with the name of a list it is known whether they have signed it.
_MOST_ISSUERS: Final = 16


class Revoked(ValueError):
    """One of the certificates is revoked."""


class NotKnown(ValueError):
    """Nobody can say now whether one of the certificates is revoked."""


class RevocationList:
    """A list, which is verified and read through once: with many thousands of entries that takes long."""

    def __init__(self, read: x509.CertificateRevocationList) -> None:
        self._read = read
        self._signed_by: dict[x509.Certificate, bool] = {}

    @cached_property
    def serials(self) -> frozenset[int]:
        """The serial numbers that it revokes."""
        return frozenset(one.serial_number for one in self._read)

    def is_current(self, now_s: float) -> bool:
        ends = self._read.next_update_utc
        begins_s = self._read.last_update_utc.timestamp()
        return ends is not None and begins_s <= now_s < ends.timestamp()

    def is_of(self, issuer: x509.Certificate) -> bool:
        """Whether this authority has signed it."""
        if self._read.issuer != issuer.subject:
            return False
        known = self._signed_by.get(issuer)
        if known is None:
            if len(self._signed_by) >= _MOST_ISSUERS:
                self._signed_by.clear()
            known = self._signed_by[issuer] = self._verified(issuer)
        return known

    def _verified(self, issuer: x509.Certificate) -> bool:
        try:
            return self._read.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return False


def check_revoked(
    chain: Sequence[x509.Certificate], lists: Sequence[RevocationList], now_s: float
) -> None:
    """Raise Revoked, or NotKnown if the list of one of the authorities is missing or out of date."""
    for certificate, issuer in pairwise(chain):
        own = [one for one in lists if one.is_of(issuer)]
        if any(certificate.serial_number in one.serials for one in own):
            raise Revoked("the certificate is revoked")
        if not any(one.is_current(now_s) for one in own):
            name = issuer.subject.rfc4514_string()
            raise NotKnown(f"the revocation list of {name} is missing or out of date")
