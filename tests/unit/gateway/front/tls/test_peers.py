"""The chains of clients over resumed sessions."""

from typing import Any

from gateway.front.tls.peers import PeerChains


class Session:
    def __init__(self, number: bytes) -> None:
        self.id = number


class Tls:
    """As much of an SSLObject as is asked."""

    def __init__(
        self, number: bytes, own: bytes | None, *, reused: bool = False, version: str = "TLSv1.2"
    ) -> None:
        self.session = Session(number)
        self.session_reused = reused
        self._own = own
        self._version = version

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        assert binary_form
        return self._own

    def version(self) -> str:
        return self._version

    def get_verified_chain(self) -> list[bytes]:
        return [self._own or b"", b"authority"]


def test_a_resumed_session_has_the_chain_that_it_began_with() -> None:
    chains = PeerChains()
    assert of(chains, Tls(b"1", b"own")) == (b"own", b"authority")
    assert of(chains, Tls(b"1", b"own", reused=True)) == (b"own", b"authority")


def test_a_session_that_is_not_known_or_is_another_clients_has_none() -> None:
    chains = PeerChains()
    of(chains, Tls(b"1", b"own"))
    assert of(chains, Tls(b"2", b"own", reused=True)) == ()
    assert of(chains, Tls(b"1", b"other", reused=True)) == ()
    assert of(chains, Tls(b"1", None, reused=True)) == ()


def test_nothing_is_kept_of_clients_without_a_certificate_or_of_tls_1_3() -> None:
    chains = PeerChains()
    assert of(chains, Tls(b"1", None)) == ()
    assert of(chains, Tls(b"1", b"own", version="TLSv1.3")) == (b"own", b"authority")
    assert of(chains, Tls(b"1", b"own", reused=True)) == ()


def test_the_oldest_is_forgotten_first() -> None:
    chains = PeerChains(most=2)
    for number in (b"1", b"2", b"3"):
        of(chains, Tls(number, b"own"))
    found = [bool(of(chains, Tls(number, b"own", reused=True))) for number in (b"1", b"2", b"3")]
    assert found == [False, True, True]


def of(chains: PeerChains, tls: Any) -> tuple[bytes, ...]:
    return chains.of(tls)
