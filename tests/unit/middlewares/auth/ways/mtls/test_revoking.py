"""Whether certificates are revoked, by the lists of their authorities."""

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509

from middlewares.auth.ways.mtls.authorities import read_revocations
from middlewares.auth.ways.mtls.revoking import NotKnown, RevocationList, Revoked, check_revoked
from tests.support.client_certificates import DAY, NOW, authority, client, revocations

ROOT = authority("root")
OTHER = authority("root")
BETWEEN = authority("between", ROOT)
ALICE = client(BETWEEN, "alice")
CHAIN = (ALICE.certificate, BETWEEN.certificate, ROOT.certificate)
NOW_S = NOW.timestamp()


def lists(*parts: bytes) -> list[RevocationList]:
    return [RevocationList(one) for one in read_revocations(b"".join(parts))]


class Counted:
    """A list that counts what takes long."""

    def __init__(self, data: bytes) -> None:
        (self._read,) = read_revocations(data)
        self.issuer = self._read.issuer
        self.last_update_utc = self._read.last_update_utc
        self.next_update_utc = self._read.next_update_utc
        self.verified = 0
        self.read_through = 0

    def is_signature_valid(self, key: Any) -> bool:
        self.verified += 1
        return self._read.is_signature_valid(key)

    def __iter__(self) -> Iterator[x509.RevokedCertificate]:
        self.read_through += 1
        return iter(self._read)


def test_a_certificate_passes_if_no_list_has_it() -> None:
    bob = client(BETWEEN, "bob")
    check_revoked(CHAIN, lists(revocations(ROOT), revocations(BETWEEN, bob)), NOW_S)


@pytest.mark.parametrize(
    "parts",
    [
        (revocations(ROOT), revocations(BETWEEN, ALICE)),
        (revocations(ROOT, BETWEEN), revocations(BETWEEN)),
        (revocations(ROOT), revocations(BETWEEN, ALICE, last=NOW - 3 * DAY, until=NOW - DAY)),
        (revocations(ROOT), revocations(BETWEEN), revocations(BETWEEN, ALICE)),
    ],
    ids=["the client's", "the authority's", "by an old list", "by one of two lists"],
)
def test_a_revoked_certificate_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(Revoked):
        check_revoked(CHAIN, lists(*parts), NOW_S)


@pytest.mark.parametrize(
    "parts",
    [
        (revocations(ROOT),),
        (revocations(BETWEEN),),
        (revocations(ROOT), revocations(BETWEEN, last=NOW - 3 * DAY, until=NOW - DAY)),
        (revocations(ROOT), revocations(BETWEEN, last=NOW + DAY, until=NOW + 2 * DAY)),
        (revocations(ROOT), revocations(BETWEEN, signer=OTHER)),
        (revocations(OTHER), revocations(BETWEEN)),
    ],
    ids=["none", "no root's", "outdated", "not begun", "forged", "of the same name"],
)
def test_without_a_list_that_holds_nobody_can_say(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(NotKnown):
        check_revoked(CHAIN, lists(*parts), NOW_S)


def test_a_list_is_verified_once_for_each_authority_and_read_through_once() -> None:
    """A large one takes a good part of a second, and each client asks again every minute."""
    counted = Counted(revocations(ROOT, BETWEEN))
    same_name = (client(OTHER, "bob").certificate, OTHER.certificate)
    held = [RevocationList(counted)]  # type: ignore[arg-type]
    for _ in range(3):
        with pytest.raises(Revoked):
            check_revoked(CHAIN[1:], held, NOW_S)
        with pytest.raises(NotKnown):
            check_revoked(same_name, held, NOW_S)
    assert (counted.verified, counted.read_through) == (2, 1)


def test_of_many_issuers_of_one_name_few_are_remembered() -> None:
    (held,) = lists(revocations(ROOT))
    for _ in range(40):
        assert not held.is_of(authority("root").certificate)
    assert held.is_of(ROOT.certificate)
